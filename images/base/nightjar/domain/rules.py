"""The rules: what is unsafe, when, for which camera, and who hears about it. Pure judgement, no file, no clock.

Rules ── rules ── Rule         what one rule calls unsafe, from which probability on, in which hours
  └───── users ── User         e-mail, time zone, rules
                   └─ devices ── Device    its own rules (replacing the user's), site, infrared
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from nightjar.domain.detections import DetectedObject
from nightjar.domain.model import Input
from nightjar.domain.names import Camera
from nightjar.domain.probability import probability_from
from nightjar.domain.rules_draft import unknown_rules
from nightjar.domain.windows import Hours
from nightjar.domain.zones import zone

# As HTML's <input type=email> takes it: https://html.spec.whatwg.org/#valid-e-mail-address
_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
UNKNOWN_ZONE, UNKNOWN_RULE = "unknown_zone", "unknown_rule"  # errors that those who show them know by these types
_PART = re.compile(r"[A-Za-z0-9_]{1,64}")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_LONGEST_EMAIL = 254
_LONGEST_TEXT = 64


def _hours(value: object) -> Hours:
    if isinstance(value, Hours):
        return value
    if not isinstance(value, str):
        raise ValueError(f'expected hours like "22:00-06:00", in quotes, got {value!r}')
    return Hours.parse(value)


def _email(text: str) -> str:
    if len(text) > _LONGEST_EMAIL or not _EMAIL.fullmatch(text):
        raise ValueError(f"expected an e-mail address, got {text!r}")
    return text


def _zone(text: str) -> str:
    try:
        return zone(text).key
    except ValueError as error:
        raise PydanticCustomError(UNKNOWN_ZONE, "{sentence}", {"sentence": str(error)}) from None


def _part(text: str) -> str:
    if not _PART.fullmatch(text):
        raise ValueError(f"expected a name of 1 to 64 of A-Z a-z 0-9 _, got {text!r}")
    return text


def _line_of_text(text: str) -> str:
    if not (text.strip() == text and text.isprintable() and 1 <= len(text) <= _LONGEST_TEXT):
        raise ValueError(f"expected 1 to {_LONGEST_TEXT} printable characters without space around, got {text!r}")
    return text


def _no_boolean(value: object) -> object:
    """Refuse `true` and `yes`: they would be taken for 1."""
    if isinstance(value, bool):
        raise ValueError(f"expected a number, got {str(value).lower()}")
    return value


def _plain_number(value: object) -> object:
    """Refuse `0100` and `1_0`, which may mean this or that: as keys, one of them and 100 or 10 would be lost."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError(f"expected a whole number, got {value!r:.80}")
    return value


def _different(values: tuple[object, ...]) -> tuple[object, ...]:
    if twice := sorted({str(v) for v in values if values.count(v) > 1}):
        raise ValueError(f"expected each only once, got twice: {', '.join(twice)}")
    return values


def _nothing_is_default(value: object) -> object:
    return {} if value is None else value


Name = Annotated[str, AfterValidator(_part)]
Text = Annotated[str, AfterValidator(_line_of_text)]
Whole = Annotated[int, BeforeValidator(_plain_number), BeforeValidator(_no_boolean)]
RuleId = Annotated[Whole, Field(ge=1, le=999_999_999)]
Probability = Annotated[float, Field(ge=0.0, le=1.0), BeforeValidator(probability_from)]
RuleIds = Annotated[tuple[RuleId, ...], AfterValidator(_different)]


class Rule(Input):
    """One rule. Without `hours` it holds always; hours are in the user's time zone."""

    name: Text
    unsafe: Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(_different)]
    min_probability: Probability
    hours: Annotated[Hours, BeforeValidator(_hours), PlainSerializer(str)] | None = None


class Device(Input):
    """One device of a user. A list of rules replaces the user's, also an empty one."""

    rules: RuleIds | None = None
    site: Text | None = None
    allow_grey: bool = False


class User(Input):
    """Who hears about it, and what holds for a device that does not say otherwise."""

    email: Annotated[str, AfterValidator(_email)]
    timezone: Annotated[str, AfterValidator(_zone)]
    rules: RuleIds = ()
    devices: Annotated[
        dict[Name, Annotated[Device, BeforeValidator(_nothing_is_default)]], BeforeValidator(_nothing_is_default)
    ] = Field(default_factory=dict)


@dataclass(frozen=True)
class CameraRules:
    """The rules and settings of one camera, after the device's replaced the user's."""

    camera: Camera
    email: str
    timezone: ZoneInfo
    site: str | None
    allow_grey: bool
    rules: Mapping[int, Rule]

    def local(self, moment: datetime) -> datetime:
        """`moment` (aware) as the user's wall clock shows it."""
        return moment.astimezone(self.timezone)


class Rules(Input):
    """`config/rules.yaml`."""

    version: Annotated[Literal[1], BeforeValidator(_no_boolean)] = 1
    event_gap_seconds: Annotated[Whole, Field(ge=0, le=86_400)] = 60
    rules: Annotated[dict[RuleId, Rule], BeforeValidator(_nothing_is_default)] = Field(default_factory=dict)
    users: Annotated[dict[Name, User], BeforeValidator(_nothing_is_default)]

    @model_validator(mode="after")
    def _rules_exist(self) -> Self:
        if places := list(unknown_rules(self._ids())):
            raise PydanticCustomError(
                UNKNOWN_RULE, "{summary}", {"summary": "; ".join(m for _, m in places), "places": places}
            )
        return self

    def _ids(self) -> dict[str, object]:
        """Every id of a rule, where a rules file has it."""
        users = {
            name: {"rules": user.rules, "devices": {d: {"rules": each.rules} for d, each in user.devices.items()}}
            for name, user in self.users.items()
        }
        return {"rules": self.rules, "users": users}

    @cached_property
    def event_gap(self) -> timedelta:
        """Threats at most this far apart belong to one event."""
        return timedelta(seconds=self.event_gap_seconds)

    def device(self, camera: Camera) -> CameraRules | None:
        """The rules and settings of `camera`; None when its user or device is not known."""
        user = self.users.get(camera.user)
        device = user.devices.get(camera.device) if user else None
        if user is None or device is None:
            return None
        ids = user.rules if device.rules is None else device.rules
        return CameraRules(
            camera=camera,
            email=user.email,
            timezone=zone(user.timezone),
            site=device.site,
            allow_grey=device.allow_grey,
            rules={i: self.rules[i] for i in sorted(ids)},
        )

    @property
    def cameras(self) -> list[Camera]:
        """Every camera that is known, in order."""
        return sorted(Camera(name, device) for name, user in self.users.items() for device in user.devices)

    def unseen_labels(self, seen: Iterable[str]) -> dict[int, tuple[str, ...]]:
        """The rules that name a label which is not in `seen`, with those labels: they can never be met."""
        known = set(seen)
        unseen = {i: tuple(label for label in rule.unsafe if label not in known) for i, rule in self.rules.items()}
        return {i: labels for i, labels in sorted(unseen.items()) if labels}


class Safe(StrEnum):
    """Why an object is no threat under a rule, from the nearest miss to the farthest."""

    BELOW_PROBABILITY = "below-probability"
    OUT_OF_HOURS = "out-of-hours"
    NOT_UNSAFE = "not-unsafe"  # no rule of the camera names the label


def why_safe(one: DetectedObject, rule: Rule, local: datetime) -> Safe | None:
    """Why `rule` does not call the object unsafe, at the user's wall-clock time `local`; None when it does."""
    if one.label not in rule.unsafe:
        return Safe.NOT_UNSAFE
    if rule.hours is not None and not rule.hours.holds_at(local.time()):
        return Safe.OUT_OF_HOURS
    return Safe.BELOW_PROBABILITY if one.probability < rule.min_probability else None


def unsafe_objects(objects: Iterable[DetectedObject], rule: Rule, local: datetime) -> tuple[DetectedObject, ...]:
    """Those that `rule` calls unsafe at the user's wall-clock time `local`, in the order given."""
    return tuple(each for each in objects if why_safe(each, rule, local) is None)


def nearest_miss(one: DetectedObject, rules: Iterable[Rule], local: datetime) -> Safe | None:
    """Why no rule calls the object unsafe, told by the rule that came nearest; None when one does."""
    order = list(Safe)
    reasons = [why_safe(one, rule, local) for rule in rules]
    if None in reasons:
        return None
    return min((r for r in reasons if r), key=order.index, default=Safe.NOT_UNSAFE)
