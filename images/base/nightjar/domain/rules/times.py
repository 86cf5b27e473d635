"""Times, time zones and languages of a rules file."""

import re
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from nightjar.domain.model import iso_utc
from nightjar.domain.rules.mistakes import mistake
from nightjar.domain.windows import Hours
from nightjar.domain.zones import near_zones, zone

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)? ?([Zz]|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)
# BCP 47, as far as locales need it: language, script, region.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", re.ASCII)


def _hours(value: object) -> Hours:
    """`"22:00-06:00"` as hours; raises ValueError."""
    if isinstance(value, Hours):
        return value
    if not isinstance(value, str):
        raise ValueError(f'expected hours like "22:00-06:00", in quotes, got {value!r}')
    return Hours.parse(value)


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f'expected a time of the day like "07:00", in quotes, got {value!r:.80}')
    return time(int(found[1]), int(found[2]))


def _moment(value: object) -> datetime:
    """A moment with its zone. A reader of YAML may have made a date or a datetime of it."""
    expected = "expected a time with a zone like 2026-11-20T08:00:00Z"
    moment = value
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            moment = datetime.fromisoformat(re.sub(r" (?=[Zz+-])", "", value).upper())
        except ValueError as error:  # the 30th of February
            raise ValueError(f"{expected}, got {value!r}: {error}") from None
    if not isinstance(moment, datetime):
        got = value.isoformat() if isinstance(value, date) else format(repr(value), ".80")
        raise ValueError(f"{expected}, got {got}")
    if moment.tzinfo is None:
        raise ValueError(f"{expected}, got {moment.isoformat()} without one: put Z for UTC, or +01:00, behind it")
    try:
        moment.astimezone(UTC)
    except OverflowError:  # in UTC it is before the first year, or after the last
        raise ValueError(f"{expected}, got {moment.isoformat()}, for which UTC has no year") from None
    return moment


def _zone(text: str) -> str:
    try:
        return zone(text).key
    except ValueError as error:
        raise mistake(str(error), near=partial(near_zones, text)) from None


def _language(text: str) -> str:
    if _LANGUAGE.fullmatch(text):
        return text
    parts = text.replace("_", "-").split("-")
    plain = "-".join([parts[0].lower(), *(p.title() if len(p) == 4 else p.upper() for p in parts[1:])])
    near = [plain] if _LANGUAGE.fullmatch(plain) else []
    raise mistake(f"expected a language like de or en-GB, got {text!r:.80}", near=lambda: near)


ZoneName = Annotated[str, AfterValidator(_zone)]
Language = Annotated[str, AfterValidator(_language)]
HoursOfDay = Annotated[Hours, BeforeValidator(_hours), PlainSerializer(str)]
Clock = Annotated[time, BeforeValidator(_clock), PlainSerializer(lambda t: f"{t:%H:%M}")]
Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(iso_utc)]
