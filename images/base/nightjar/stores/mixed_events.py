"""Events of several labels, as releases up to 0.2 stored them, split into an event for each label.

Whoever was told about the whole was told about every part: the label that was shown keeps the id, by which the ledger
knows the event, and each other label gets an event that names it among its `absorbed`.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from nightjar.domain.event_ids import EventsByRef, free_ref
from nightjar.domain.events import MOST_ABSORBED, Event, EventState, Threat, summary_of
from nightjar.domain.grouping import current
from nightjar.domain.topics import Topic


class ThreatsOfRule(EventsByRef, Protocol):
    """Where the threats of a camera are looked up, too."""

    def of_rule(self, rule_id: int, first: datetime, last: datetime) -> Iterator[Threat]:
        """The threats of all topics of a rule from `first` to `last`, both included, by time; one label each."""


@dataclass
class Parts:
    """The events that a mixed event becomes, and the threats that are to be stored with another event than before."""

    events: list[Event] = field(default_factory=list)
    threats: list[Threat] = field(default_factory=list)


def split(stored: ThreatsOfRule, mixed: Event) -> Parts:
    """Split `mixed` by label; a threat stays with the event in which its label is now."""
    by_topic: dict[Topic, list[Threat]] = defaultdict(list)
    for threat in list(stored.of_rule(mixed.rule_id, mixed.started_at, mixed.ended_at)):
        home = mixed if threat.event.id == mixed.id else current(stored, threat.event)
        if home is not None and home.id == mixed.id:
            by_topic[threat.topic].append(threat)
    kept = mixed.topic
    if kept not in by_topic:
        kept = max(by_topic, key=lambda topic: (mixed.labels.get(topic.label, 0.0), topic), default=kept)
    parts = Parts()
    for topic, threats in sorted(by_topic.items()):
        event = _kept(mixed, topic, threats) if topic == kept else _part(stored, mixed, topic, threats)
        parts.events.append(event)
        if topic != kept:
            parts.threats += (threat.model_copy(update={"event": event.ref}) for threat in threats)
    return parts


def _kept(mixed: Event, topic: Topic, threats: list[Threat]) -> Event:
    summary = summary_of(threat.shown for threat in threats)
    own = {"label": topic.label, "area": topic.area, "revision": mixed.revision + 1}
    return mixed.model_copy(update={**summary, **own})


def _part(stored: EventsByRef, mixed: Event, topic: Topic, threats: list[Threat]) -> Event:
    summary = summary_of(threat.shown for threat in threats)
    ref = free_ref(stored, mixed.camera, topic, summary["started_at"])
    before = stored.event(ref)  # withdrawn or absorbed: its place is taken
    own = {
        "id": ref.id,
        "day": ref.day,
        "label": topic.label,
        "area": topic.area,
        "absorbed": (*mixed.absorbed, mixed.ref)[-MOST_ABSORBED:],
        "absorbed_by": None,
        "state": EventState.CURRENT if mixed.is_current else mixed.state,
        "revision": before.revision + 1 if before else 1,
    }
    return mixed.model_copy(update={**summary, **own})
