"""Which events a person wants to see, as an address or a form says it. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self, TypeVar

from nightjar.domain.names import Camera, NameRefused, shown
from nightjar.domain.severity import Severity
from nightjar.errors import UsageError

_LONGEST = 100  # characters of a name or a label that is looked for
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_HOUR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}", re.ASCII)
_HIGHEST_RULE = 2**31 - 1
_WHEN = "a UTC day like 2026-11-20, or a UTC time like 2026-11-20T22:00"
# Days before and after which nothing can have been seen; sums with them stay representable.
_EARLIEST, _LATEST = date(1970, 1, 1), date(9000, 1, 1)


class States(StrEnum):
    """Events by whether they have threats of their own."""

    CURRENT = "current"
    WITHDRAWN = "withdrawn"
    ABSORBED = "absorbed"
    ALL = "all"


class Told(StrEnum):
    """Events by whether anybody was told. Beside these, any reason for which an event is held back."""

    ALERTED = "alerted"
    HELD = "held"  # for whatever reason
    FAILED = "failed"  # an alert was begun, and has reached nobody
    NOBODY = "nobody"  # whether or not a reason is known


class Said(StrEnum):
    """Events by what people said of them."""

    NOTHING = "none"
    ANYTHING = "any"
    FALSE_ALARM = "false-alarm"
    CONFIRMED = "confirmed"


E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class EventFilter:
    """Which events are wanted; empty or None for no matter which. `told` is a Told or a reason for holding back.

    `event` is the beginning of an id, also of one that was absorbed: then the event that has its threats is wanted.

    `start` and `end` are when they began, `end` not included, both aware. `hour` is the beginning of an hour in which
    they went on, whenever they began.
    """

    event: str = ""
    user: str = ""
    camera: str = ""
    label: str = ""
    rule: int | None = None
    severity: Severity | None = None
    state: States = States.CURRENT
    told: str = ""
    review: Said | None = None
    start: datetime | None = None
    end: datetime | None = None
    hour: datetime | None = None

    @classmethod
    def parse(cls, asked: Mapping[str, str], reasons: frozenset[str]) -> Self:
        """The filter in the parameters of an address: `event`, `user`, `camera`, `label`, `rule`, `severity`, `state`,
        `told`, `review`, `from`, `to`, `hour`; others are left alone.

        `reasons` are those for which an event may be held back. Raises UsageError that says what was expected.
        """
        text = {name: value.strip() for name, value in asked.items()}

        def get(name: str, read: Callable[[str, str], E | int | datetime | str | None]) -> object:
            return read(name, value) if (value := text.get(name, "")) else None

        start, end = get("from", _start), get("to", _end)
        if isinstance(start, datetime) and isinstance(end, datetime) and start >= end:
            raise UsageError(f"from: expected a time before `to`, got {shown(text['from'])} and {shown(text['to'])}")
        found = {
            "event": get("event", _id),
            "user": get("user", _short),
            "camera": get("camera", _camera),
            "label": get("label", _short),
            "rule": get("rule", _rule),
            "severity": get("severity", _one_of(Severity)),
            "state": get("state", _one_of(States)),
            "told": get("told", _told(reasons)),
            "review": get("review", _one_of(Said)),
            "start": start,
            "end": end,
            "hour": get("hour", _hour),
        }
        return replace(cls(), **{name: value for name, value in found.items() if value is not None})  # type: ignore[arg-type]  # mypy sees one type for values that each fit the field of their name

    def address(self) -> dict[str, str]:
        """The parameters of an address by which `parse` gives this filter."""
        names = {"start": "from", "end": "to"}
        return {
            names.get(field.name, field.name): _written(field.name, getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }

    @property
    def is_any(self) -> bool:
        """Whether it leaves nothing out that is shown by default."""
        return self == EventFilter()


def _written(name: str, value: object) -> str:
    if not isinstance(value, datetime):
        return str(value)
    if name == "hour":
        return f"{value:%Y-%m-%dT%H}"
    if value.time() == time():
        return (value.date() - timedelta(days=name == "end")).isoformat()
    return f"{value:%Y-%m-%dT%H:%M:%S}".removesuffix(":00")


def _short(name: str, value: str) -> str:
    if len(value) > _LONGEST:
        raise UsageError(f"{name}: expected at most {_LONGEST} characters, got {len(value)}")
    return value


def _id(name: str, value: str) -> str:
    if not _ID.fullmatch(value):
        raise UsageError(f"{name}: expected the id of an event, or how it begins, got {shown(value)}")
    return value


def _camera(name: str, value: str) -> str:
    try:
        return Camera.parse(value).name
    except NameRefused as error:
        raise UsageError(f"{name}: {error}") from None


def _rule(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= 10 and 0 <= int(value) <= _HIGHEST_RULE):
        raise UsageError(f"{name}: expected the id of a rule, a whole number, got {shown(value)}")
    return int(value)


def _one_of(kind: type[E]) -> Callable[[str, str], E]:
    def read(name: str, value: str) -> E:
        try:
            return kind(value)
        except ValueError:
            raise UsageError(f"{name}: expected {', '.join(kind)}, got {shown(value)}") from None

    return read


def _told(reasons: frozenset[str]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in reasons and value not in set(Told):
            raise UsageError(f"{name}: expected {', '.join([*Told, *sorted(reasons)])}, got {shown(value)}")
        return value

    return read


def _start(name: str, value: str) -> datetime:
    return _moment(name, value, timedelta())


def _end(name: str, value: str) -> datetime:
    return _moment(name, value, timedelta(days=1))


def _hour(name: str, value: str) -> datetime:
    if not _HOUR.fullmatch(value):
        raise UsageError(f"{name}: expected an hour of a UTC day like 2026-11-20T22, got {shown(value)}")
    return _moment(name, f"{value}:00", timedelta())


def _moment(name: str, value: str, whole_day: timedelta) -> datetime:
    """A time in UTC; of a day, its beginning plus `whole_day`."""
    try:
        moment = datetime.fromisoformat(value)
        is_day = len(value) == len("2026-11-20")
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{name}: expected {_WHEN}, got {shown(value)}") from None
    if not _EARLIEST <= moment.date() <= _LATEST:
        raise UsageError(f"{name}: expected a day from {_EARLIEST} to {_LATEST}, got {shown(value)}")
    return moment + whole_day if is_day else moment
