"""Succession: which event a cluster of threats is now: one that was there before, or a new one. Pure.

The id of the event that was made first stays, since it is the one that somebody was most likely told about. Whatever
else its pictures were part of before is among its `absorbed`: who was told about a part is not told again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nightjar.domain.event_ids import EventsOfCamera, event_id_of_0_2, free_ref
from nightjar.domain.events import MOST_ABSORBED, Event, EventRef, EventState
from nightjar.domain.makers import Maker
from nightjar.domain.names import Camera
from nightjar.domain.topics import Topic


@dataclass(frozen=True)
class Judge:
    """The camera and topic whose threats are grouped, and the rules file, and the stage, that they were judged by."""

    camera: Camera
    site: str | None
    topic: Topic
    rule_name: str
    rules_sha256: str
    gap: timedelta
    maker: Maker | None = None


class Succession:
    """Gives clusters of threats their events, the earliest cluster first. `number` is that of the transaction."""

    def __init__(self, judge: Judge, events: EventsOfCamera, number: int) -> None:
        self._judge, self._events, self._number = judge, events, number
        self.taken: dict[str, Event] = {}  # by id: the events that clusters have become

    def event(
        self, before: Sequence[Event], summary: Mapping[str, Any], known: Sequence[Event]
    ) -> tuple[Event | None, Event]:
        """The event of a cluster with this summary, and the stored one that it goes on; None for a new one.

        `before` are the events that its threats are in; whoever was told of one of them, or of the `known` ones, was
        told of it.
        """
        free = [event for event in before if event.id not in self.taken]
        base = min(free, key=lambda e: (e.made, e.started_at, e.id), default=None)
        if base is None:
            # An event that once had this start, and is none any more, comes back, and with it the ledger's line.
            base = self._withdrawn(summary["started_at"])
        told = [*before, *known]
        event = self._changed(base, summary, told) if base else self._new(summary, told)
        self.taken[event.id] = event
        return base, event

    def ended(self, event: Event, heir: Event | None) -> Event:
        """`event` without threats: absorbed by its heir, or withdrawn."""
        update = {
            "state": EventState.ABSORBED if heir else EventState.WITHDRAWN,
            "absorbed_by": heir.ref if heir else None,
            "rules_sha256": self._judge.rules_sha256,
            "revision": event.revision + 1,
            "made_by": self._judge.maker,
        }
        return event.model_copy(update=update)

    def _withdrawn(self, started_at: datetime) -> Event | None:
        """The event that had this start and has no threats any more."""
        judge = self._judge
        if event := self._events.event(free_ref(self._events, judge.camera, judge.topic, started_at, self.taken)):
            return event
        day = started_at.date()
        if not self._events.may_have_been_mixed(day):
            return None
        identity = event_id_of_0_2(judge.camera, judge.topic.rule_id, started_at)
        event = self._events.event(EventRef(id=identity, day=day))
        is_free = event is not None and not event.has_threats and identity not in self.taken
        return event if event and is_free and judge.topic.label in event.labels else None

    def _changed(self, base: Event, summary: Mapping[str, Any], told: Sequence[Event]) -> Event:
        """`base` with this summary; `base` itself where nothing is new."""
        absorbed = {ref.id: ref for ref in base.absorbed} | _refs(told, but=base.id)
        update = {
            **summary,
            "label": self._judge.topic.label,
            "area": self._judge.topic.area,
            "gap_seconds": self._judge.gap.total_seconds(),
            "absorbed": tuple(absorbed.values())[-MOST_ABSORBED:],
            "state": base.state if base.has_threats else EventState.CURRENT,
            "absorbed_by": None,
        }
        if all(getattr(base, name) == value for name, value in update.items()):
            return base
        judged = {
            "site": self._judge.site,
            "rule_name": self._judge.rule_name,
            "rules_sha256": self._judge.rules_sha256,
            "schema_number": max(base.schema_number, Event.SCHEMA),
            "revision": base.revision + 1,
            "made_by": self._judge.maker,
        }
        return base.model_copy(update={**update, **judged})

    def _new(self, summary: Mapping[str, Any], told: Sequence[Event]) -> Event:
        judge = self._judge
        ref = free_ref(self._events, judge.camera, judge.topic, summary["started_at"], self.taken)
        return Event(
            id=ref.id,
            day=ref.day,
            user=judge.camera.user,
            device=judge.camera.device,
            site=judge.site,
            rule_id=judge.topic.rule_id,
            rule_name=judge.rule_name,
            label=judge.topic.label,
            area=judge.topic.area,
            **summary,
            gap_seconds=judge.gap.total_seconds(),
            rules_sha256=judge.rules_sha256,
            absorbed=tuple(_refs(told).values())[-MOST_ABSORBED:],
            made=self._number,
            revision=1,
            made_by=judge.maker,
        )


def _refs(events: Iterable[Event], but: str = "") -> dict[str, EventRef]:
    """How `events`, and what they have absorbed, are referred to, by id and the oldest first; `but` is left out."""
    ordered = sorted(events, key=lambda event: (event.started_at, event.id))
    refs = {ref.id: ref for event in ordered for ref in (*event.absorbed, event.ref)}
    refs.pop(but, None)
    return refs
