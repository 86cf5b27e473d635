"""The rules file as a whole."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from nightjar.domain.model import Input
from nightjar.domain.names import Camera
from nightjar.domain.rules.camera import CameraRules, Recipient, of_camera, of_operator, of_user
from nightjar.domain.rules.device import StaticOrOff
from nightjar.domain.rules.many import ManyUsers
from nightjar.domain.rules.mistakes import MISTAKES
from nightjar.domain.rules.people import Operator, User
from nightjar.domain.rules.references import wrong_references
from nightjar.domain.rules.rule import Rule
from nightjar.domain.rules.values import GroupName, Name, RuleId, RuleIds, Whole, no_boolean, nothing_is_empty

# As far apart as two threats of one event may be, whatever the rules say.
LONGEST_GAP = timedelta(days=1)


class Users(Input):
    """The users of a file, and nothing else of it."""

    users: Annotated[
        dict[Name, User],
        BeforeValidator(nothing_is_empty),
        Field(
            description="The users by their names.",
            examples=[{"alice": {"email": "alice@example.com", "timezone": "Europe/Berlin"}}],
        ),
    ]


class Rules(Users):
    """`config/rules.yaml`."""

    version: Annotated[
        Literal[1], BeforeValidator(no_boolean), Field(description="The form of the file; there is one.")
    ] = 1
    event_gap_seconds: Annotated[
        Whole,
        Field(
            ge=0,
            le=int(LONGEST_GAP.total_seconds()),
            description="Seconds; threats at most so far apart belong to one event.",
        ),
    ] = 60
    static: Annotated[
        StaticOrOff,
        Field(
            description="When an object that stays at its place counts as part of the scene. Not written, or `false`: "
            "nothing does. `{}` takes every default.",
            examples=[{"after_seconds": 600, "overlap": "70%", "forget_seconds": 60, "exempt": ["person"]}],
        ),
    ] = None
    rules: Annotated[
        dict[RuleId, Rule],
        BeforeValidator(nothing_is_empty),
        Field(
            description="The rules by their ids, whole numbers from 1.",
            examples=[{200: {"name": "intruder", "unsafe": ["person"], "min_probability": "60%"}}],
        ),
    ] = Field(default_factory=dict)
    groups: Annotated[
        dict[GroupName, RuleIds],
        BeforeValidator(nothing_is_empty),
        Field(
            description="Lists of rules by name. The name may stand wherever a list of rules may have an id.",
            examples=[{"shop": [200, 300]}],
        ),
    ] = Field(default_factory=dict)
    operator_: Annotated[
        Operator | None,
        Field(
            alias="operator",
            description="Who hears about trouble with the deployment. Not written: nobody.",
            examples=[{"email": "ops@example.com"}],
        ),
    ] = None

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        if found := list(wrong_references(self.draft())):
            summary = "; ".join(each.sentence for each in found)
            raise PydanticCustomError(MISTAKES, "{summary}", {"summary": summary, "places": found})
        return self

    def draft(self) -> dict[str, object]:
        """Every id of a rule, name of a group and name of an area, where a rules file has it."""
        return {
            "rules": {i: {"areas": rule.areas, "not_areas": rule.not_areas} for i, rule in self.rules.items()},
            "groups": self.groups,
            "users": {
                name: {
                    "rules": user.rules,
                    "devices": {d: {"rules": each.rules, "areas": each.areas} for d, each in user.devices.items()},
                }
                for name, user in self.users.items()
            },
        }

    @cached_property
    def event_gap(self) -> timedelta:
        """Threats at most this far apart belong to one event."""
        return timedelta(seconds=self.event_gap_seconds)

    @cached_property
    def operator(self) -> Recipient | None:
        """How the operator is told about trouble with the deployment; None when the rules name no operator."""
        return of_operator(self.operator_) if self.operator_ else None

    def recipient(self, user: str) -> Recipient | None:
        """How `user` is told, whatever the device; None for a user that is not known."""
        return of_user(self.users[user]) if user in self.users else None

    def device(self, camera: Camera) -> CameraRules | None:
        """The rules and settings of `camera`; None when its user or device is not known."""
        user = self.users.get(camera.user)
        device = user.devices.get(camera.device) if user else None
        if user is None or device is None:
            return None
        ids = sorted(set(self._ids(user.rules if device.rules is None else device.rules)))
        return of_camera(camera, user, device, {i: self.rules[i] for i in ids}, self.static or None)

    def _ids(self, refs: Iterable[int | str]) -> Iterator[int]:
        for ref in refs:
            yield from [ref] if isinstance(ref, int) else self.groups[ref]

    @property
    def cameras(self) -> list[Camera]:
        """Every camera that is known, in order."""
        if isinstance(self.users, ManyUsers):
            return sorted(self.users.cameras())
        return sorted(Camera(name, device) for name, user in self.users.items() for device in user.devices)

    @property
    def camera_count(self) -> int:
        """How many cameras are known."""
        many = self.users if isinstance(self.users, ManyUsers) else None
        return sum(1 for _ in many.cameras()) if many else sum(len(user.devices) for user in self.users.values())

    def unseen_labels(self, seen: Iterable[str]) -> dict[int, tuple[str, ...]]:
        """The rules that name a label which is not in `seen`, with those labels: they can never be met."""
        known = set(seen)
        unseen = {i: tuple(label for label in rule.unsafe if label not in known) for i, rule in self.rules.items()}
        return {i: labels for i, labels in sorted(unseen.items()) if labels}
