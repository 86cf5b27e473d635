"""Values of a rules file: each is checked when it is read, and an error says what was expected and what came."""

import re
from collections.abc import Callable, Hashable
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from nightjar.domain.near import near_names
from nightjar.domain.probability import probability_from, share_from
from nightjar.domain.rules.mistakes import mistake
from nightjar.domain.severity import Severity as Severity

# As HTML's <input type=email> takes it: https://html.spec.whatwg.org/#valid-e-mail-address
_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
_PART = re.compile(r"[A-Za-z0-9_]{1,64}")
_GROUP = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_LONGEST_EMAIL = 254
_LONGEST_TEXT = 64

_H = TypeVar("_H", bound=Hashable)


class Day(StrEnum):
    """A day of the week; `list(Day)[moment.weekday()]` is that of a moment."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class StandsAt(StrEnum):
    """Which point of a box decides where the object stands."""

    FOOT = "foot"  # the middle of the lower edge
    CENTRE = "centre"
    TOUCH = "touch"  # the whole box: it is enough that it touches the area


_OTHER_WORDS: dict[str, tuple[str, ...]] = {
    Day.MON: ("mon", "monday"),
    Day.TUE: ("tue", "tuesday"),
    Day.WED: ("wed", "wednesday"),
    Day.THU: ("thu", "thursday"),
    Day.FRI: ("fri", "friday"),
    Day.SAT: ("sat", "saturday"),
    Day.SUN: ("sun", "sunday"),
    StandsAt.FOOT: ("foot", "feet", "bottom"),
    StandsAt.CENTRE: ("centre", "center", "middle"),
    StandsAt.TOUCH: ("touch", "overlap", "box"),
}


def _one_of(kind: type[StrEnum], value: object) -> object:
    """Refuse a word that is none of `kind`, with those near it."""
    if isinstance(value, kind) or value in set(kind):
        return value
    words = {str(each): _OTHER_WORDS.get(each, (each,)) for each in kind}
    got = f"got {value!r:.80}"
    raise mistake(f"expected one of {', '.join(kind)}, {got}", near=lambda: near_names(str(value), words))


def _email(text: str) -> str:
    if len(text) > _LONGEST_EMAIL or not _EMAIL.fullmatch(text):
        raise ValueError(f"expected an e-mail address, got {text!r}")
    return text


def _part(text: str) -> str:
    if not _PART.fullmatch(text):
        raise ValueError(f"expected a name of 1 to 64 of A-Z a-z 0-9 _, got {text!r}")
    return text


def _group(text: str) -> str:
    if not _GROUP.fullmatch(text):
        raise ValueError(f"expected a name of 1 to 64 of A-Z a-z 0-9 _ that begins with a letter, got {text!r:.80}")
    return text


def _channel(text: str) -> str:
    if not _CHANNEL.fullmatch(text):
        expected = "expected email, or the name of a channel: 1 to 64 of A-Z a-z 0-9 _ -, first a letter"
        hint = ": an address stands in the deployment's secret, and never in the rules" if "://" in text else ""
        raise ValueError(f"{expected}, got {'an address' if hint else format(repr(text), '.80')}{hint}")
    return text


def _line_of_text(text: str) -> str:
    if not (text.strip() == text and text.isprintable() and 1 <= len(text) <= _LONGEST_TEXT):
        raise ValueError(f"expected 1 to {_LONGEST_TEXT} printable characters without space around, got {text!r}")
    return text


def no_boolean(value: object) -> object:
    """Refuse `true` and `yes`: they would be taken for 1."""
    if isinstance(value, bool):
        raise ValueError(f"expected a number, got {str(value).lower()}")
    return value


def _plain_number(value: object) -> object:
    """Refuse `0100` and `1_0`, which may mean this or that: as keys, one of them and 100 or 10 would be lost."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError(f"expected a whole number, got {value!r:.80}")
    return value


def different(values: tuple[_H, ...]) -> tuple[_H, ...]:
    """Refuse a list that has something twice."""
    if len(set(values)) != len(values):
        twice = sorted({str(v) for v in values if values.count(v) > 1})
        raise ValueError(f"expected each only once, got twice: {', '.join(twice)}")
    return values


def nothing_is_empty(value: object) -> object:
    """A key without a value is an empty mapping."""
    return {} if value is None else value


def not_nothing(expected: str) -> Callable[[object], object]:
    """Refuse a key without a value where people may expect this or that of it."""

    def check(value: object) -> object:
        if value is None:
            raise ValueError(f"expected {expected}, got nothing")
        return value

    return check


def off_or_on(value: Any) -> str:
    """Which form of a value that may be `false` was read."""
    return "[off]" if value is False else "[on]"


def _id_or_group(value: Any) -> str:
    return "[group]" if isinstance(value, str) and _GROUP.fullmatch(value) else "[id]"


_List = Annotated[tuple[_H, ...], Field(min_length=1), AfterValidator(different)]

Name = Annotated[str, AfterValidator(_part)]
Text = Annotated[str, AfterValidator(_line_of_text)]
Email = Annotated[str, AfterValidator(_email)]
Whole = Annotated[int, BeforeValidator(_plain_number), BeforeValidator(no_boolean)]
Probability = Annotated[float, Field(ge=0.0, le=1.0), BeforeValidator(probability_from)]
Share = Annotated[float, Field(ge=0.0, le=1.0), BeforeValidator(share_from)]
SeverityName = Annotated[Severity, BeforeValidator(partial(_one_of, Severity))]
DayName = Annotated[Day, BeforeValidator(partial(_one_of, Day))]
StandsAtName = Annotated[StandsAt, BeforeValidator(partial(_one_of, StandsAt))]
Channel = Annotated[str, AfterValidator(_channel)]

RuleId = Annotated[Whole, Field(ge=1, le=999_999_999)]
GroupName = Annotated[str, AfterValidator(_group)]
RuleIds = Annotated[tuple[RuleId, ...], AfterValidator(different)]
RuleRefs = Annotated[
    tuple[
        Annotated[Annotated[RuleId, Tag("[id]")] | Annotated[GroupName, Tag("[group]")], Discriminator(_id_or_group)],
        ...,
    ],
    AfterValidator(different),
]
