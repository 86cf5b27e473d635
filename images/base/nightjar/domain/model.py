"""The base of every record that is read from or written to the outside."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """An immutable, typed record; unknown keys are refused, so that a typo is an error and not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def utc_from_ms(milliseconds: int) -> datetime:
    """The UTC time of `milliseconds` since the epoch, exact to the millisecond."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest * 1000)


def ms_from_utc(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware `moment`; the inverse of `utc_from_ms`.

    Raises ValueError for a naive datetime: its zone would be a guess.
    """
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with a zone, got {moment.isoformat()}")
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1000 + moment.microsecond // 1000


def iso_utc(moment: datetime) -> str:
    """`moment` as ISO 8601 in UTC with a Z: 2026-11-20T13:05:00Z, or with .250 when there are milliseconds."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return text.removesuffix(".000") + "Z"
