"""The bases of everything that is read from or written to the outside.

    Input     from people (rules, the Variable, settings): an unknown key is an error, so that a typo is not a default
    Part      a value inside a stored document: an unknown key is ignored and kept
    └ Stored  a document, or a line of JSONL, in a store: a Part that carries a schema number

Stored formats outlive releases: a later release may add fields, and this one reads, and when it rewrites keeps, them.
So stored documents are changed by `model_copy(update=…)` of the document that was read, never rebuilt field by field,
and the type of a stored field that holds an enumeration is `Known | str`: a later release may have more values.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Input(BaseModel):
    """A document that a person wrote: immutable; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(BaseModel):
    """A value inside a stored document: immutable; keys that this release does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, serialize_by_alias=True)


class Stored(Part):
    """A document or line in a store. `SCHEMA` is the number that this release writes.

    It grows when a reader has to know which of two forms it has in front of it; a field that is only added needs none.
    """

    SCHEMA: ClassVar[int] = 1

    schema_number: Annotated[int, Field(alias="schema", ge=0)] = 0

    @model_validator(mode="before")
    @classmethod
    def _numbered(cls, value: Any) -> Any:
        """Give a document that is made here, or was written before there were numbers, the number of this release."""
        if isinstance(value, dict) and not {"schema", "schema_number"} & value.keys():
            return {"schema": cls.SCHEMA, **value}
        return value


def is_none(value: Any) -> bool:
    """Whether a field is left out of what is stored: documents without it are those of releases before it."""
    return value is None


def is_empty(value: Any) -> bool:
    """Whether a field of several values has none, and is left out of what is stored."""
    return not value


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
