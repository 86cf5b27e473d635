"""Shared by all parts of the stage: the rules, the clock, the courier; and how telling one thing went."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from nightjar.domain.deliveries import Address
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.notices import Notice
from nightjar.domain.rules import Rules
from nightjar.runtime.store import ObjectStore
from nightjar_notify.courier import Courier
from nightjar_notify.teller import Told, tell
from nightjar_notify.wording.actions import Links


@dataclass(frozen=True)
class Office:
    """Everything that a notice needs beside itself. `max_age`: later events are not alerted."""

    courier: Courier
    rules: Rules
    links: Links | None
    max_age: timedelta
    now: datetime

    @property
    def store(self) -> ObjectStore:
        """The bucket."""
        return self.courier.context.store

    def tell(self, notice: Notice, addresses: Sequence[Address], day: date) -> Told:
        """Tell `addresses` of `notice`, once."""
        return tell(self.courier, notice, addresses, day)


@dataclass
class Done:
    """How it went for one thing: `outcome` for the counts; `told` if it was sent, or tried to be."""

    outcome: str
    told: Told | None = None
    objects: tuple[ObjectRef, ...] = field(default=())
