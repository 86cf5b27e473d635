"""The ids of events, and which of them a new event may have. Pure."""

import itertools
from collections.abc import Collection
from datetime import date, datetime
from typing import Protocol

from nightjar.domain.events import Event, EventRef
from nightjar.domain.layout import digest
from nightjar.domain.model import ms_from_utc
from nightjar.domain.names import Camera
from nightjar.domain.topics import Topic


class EventsByRef(Protocol):
    """Where the events of a camera are looked up."""

    def event(self, ref: EventRef) -> Event | None:
        """The event as it is stored, in whatever state."""


class EventsOfCamera(EventsByRef, Protocol):
    """The same, and what is known of the releases that made them."""

    def may_have_been_mixed(self, day: date) -> bool:
        """Whether a release whose events had several labels may have made an event that began on `day`."""


def event_id(camera: Camera, topic: Topic, started_at: datetime, again: int = 0) -> str:
    """The id of a new event; `again` tells apart events that would have the same id."""
    suffix = f" {again}" if again else ""
    return digest(f"{camera.name} {topic.rule_id} {ms_from_utc(started_at)}{suffix}\n{topic.label}\n{topic.area}")


def event_id_of_0_2(camera: Camera, rule_id: int, started_at: datetime) -> str:
    """The id that releases up to 0.2 gave to the first event of a rule with this start."""
    return digest(f"{camera.name} {rule_id} {ms_from_utc(started_at)}")


def free_ref(
    events: EventsByRef, camera: Camera, topic: Topic, started_at: datetime, taken: Collection[str] = ()
) -> EventRef:
    """The first id for this start that no event with threats has, and that is not in `taken`."""
    day = started_at.date()
    for again in itertools.count():
        ref = EventRef(id=event_id(camera, topic, started_at, again), day=day)
        stored = events.event(ref)
        if ref.id not in taken and (stored is None or not stored.has_threats):
            return ref
    raise AssertionError("expected a free id among endlessly many")
