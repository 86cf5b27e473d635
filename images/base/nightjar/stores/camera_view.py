"""One transaction's view of a camera's threats and events, with the changes that it makes in them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from nightjar.domain.events import Event, EventRef, Threat, ThreatPicture
from nightjar.domain.grouping import Regrouped, current
from nightjar.domain.journal import Journal, Write
from nightjar.domain.layout import day_path
from nightjar.domain.minutes import ThreatMinute
from nightjar.domain.names import Camera
from nightjar.domain.topics import Topic
from nightjar.runtime.store import ObjectMissingError, ObjectStore
from nightjar.stores.camera_minutes import CameraMinutes, ChangedMinute
from nightjar.stores.documents import parsed
from nightjar.stores.event_keys import EVENTS, event_key
from nightjar.stores.mixed_events import split


def read_event(store: ObjectStore, key: str) -> tuple[Event, str] | None:
    """The event at `key` and its etag; None when there is none."""
    try:
        data, info = store.get(key)
    except ObjectMissingError:
        return None
    return parsed(Event, data, key), info.etag


@dataclass
class _Event:
    content: Event | None
    etag: str | None
    is_changed: bool = False


class CameraView:
    """A camera's threats and events as they were when the transaction began; reads only what is asked for.

    Used by one thread. `number` is that of the transaction.
    """

    def __init__(self, store: ObjectStore, camera: Camera, journal: Journal) -> None:
        self._store, self._camera, self._begun = store, camera, journal.begun
        self.number = journal.number + 1
        self._adopted = set(journal.adopted)
        self._by_topic = journal.by_topic
        self._being_split = set[str]()
        self.minutes = CameraMinutes(store, camera, self._adopt)
        self.newest_look = journal.newest_look
        self._events: dict[str, _Event] = {}

    @property
    def adopted(self) -> tuple[date, ...]:
        """The days whose events of release 0.1 are looked through by now."""
        return tuple(sorted(self._adopted))

    def timeline(self, topic: Topic) -> "TopicTimeline":
        """The view as far as one topic is concerned."""
        return TopicTimeline(self, topic)

    def topics_at(self, moments: Iterable[datetime]) -> set[Topic]:
        """The topics that have a threat stored in a picture taken at any of `moments`."""
        return {
            threat.topic
            for moment in moments
            if (minute := self.minutes.at(moment))
            for stored in minute.threats
            if stored.taken_at == moment
            for threat in stored.by_label()
        }

    def event(self, ref: EventRef) -> Event | None:
        """The event as it is by now in this transaction, in whatever state; never one of several labels."""
        if ref.id not in self._events:
            stored = read_event(self._store, event_key(self._camera, ref))
            self._events[ref.id] = _Event(*stored) if stored else _Event(None, None)
        event = self._events[ref.id].content
        if event and event.has_threats and event.is_mixed and ref.id not in self._being_split:
            self._being_split.add(ref.id)
            parts = split(self, event)
            for part in parts.events:
                self._put_event(part)
            for threat in parts.threats:
                self._replace(threat.topic, threat.taken_at, threat)
            event = self._events[ref.id].content
        return event

    def may_have_been_mixed(self, day: date) -> bool:
        """Whether an event that began on `day` may have been made by a release whose events had several labels."""
        return self._by_topic is None or day <= self._by_topic

    def between(self, topic: Topic, first: datetime, last: datetime) -> list[Threat]:
        """The threats of a topic from `first` to `last`, both included, by time."""
        while True:
            threats = [threat for threat in self.of_rule(topic.rule_id, first, last) if threat.topic == topic]
            if not self._splits({threat.event.id: threat.event for threat in threats}.values()):
                return threats

    def of_rule(self, rule_id: int, first: datetime, last: datetime) -> Iterator[Threat]:
        """The threats of all topics of a rule from `first` to `last`, both included, by time."""
        return (threat for stored in self.as_stored(rule_id, first, last) for threat in stored.by_label())

    def as_stored(self, rule_id: int, first: datetime, last: datetime) -> Iterator[Threat]:
        """The same, as they are stored: a threat of release 0.2 may have several labels."""
        for minute in self.minutes.within(first, last):
            for threat in minute.threats:
                if threat.rule_id == rule_id and first <= threat.taken_at <= last:
                    yield threat

    def nearest(self, topic: Topic, moment: datetime, limit: datetime) -> Threat | None:
        """The threat of a topic that is nearest to `moment` on the side of `limit`, without `moment` itself."""
        back = limit < moment
        first, last = (limit, moment) if back else (moment, limit)
        for minute in self.minutes.within(first, last, back=back):
            for stored in reversed(minute.threats) if back else minute.threats:
                if stored.rule_id == topic.rule_id and stored.taken_at != moment and first <= stored.taken_at <= last:
                    for threat in stored.by_label():
                        if threat.topic == topic:
                            return self.between(topic, threat.taken_at, threat.taken_at)[0]
        return None

    def put(self, topic: Topic, changes: Regrouped) -> None:
        """Take over what grouping the threats of a topic has changed."""
        for event in changes.events:
            self._put_event(event)
        for moment in changes.removed:
            self._replace(topic, moment, None)
        for threat in changes.threats:
            self._replace(topic, threat.taken_at, threat)

    def writes(self) -> tuple[Write, ...]:
        """The objects to write, in a fixed order."""
        events = {
            event_key(self._camera, each.content.ref): each
            for each in self._events.values()
            if each.is_changed and each.content
        }
        minutes = {each.key: each for each in self.minutes.changed()}
        changed: dict[str, _Event | ChangedMinute] = {**minutes, **events}
        return tuple(Write(key=key, etag=each.etag, body=_json(each.content)) for key, each in sorted(changed.items()))

    def _splits(self, refs: Iterable[EventRef]) -> bool:
        """Whether one of these events has several labels; by now, it is split."""
        before = len(self._being_split)
        for ref in refs:
            current(self, ref)
        return len(self._being_split) > before

    def _put_event(self, event: Event) -> None:
        stored = self._events.get(event.id)
        self._events[event.id] = _Event(event, stored.etag if stored else None, is_changed=True)

    def _replace(self, topic: Topic, moment: datetime, threat: Threat | None) -> None:
        """Put `threat` in the place of what is stored of the picture taken at `moment` for a topic."""
        by_label = (each for stored in self.minutes.content(moment).threats for each in stored.by_label())
        kept = [each for each in by_label if (each.taken_at, each.topic) != (moment, topic)]
        threats = sorted([*kept, threat] if threat else kept, key=lambda each: (each.taken_at, each.topic))
        self.minutes.change(moment, threats=tuple(threats))

    def _adopt(self, day: date) -> None:
        """Take over the events that release 0.1 stored for `day`: it kept their pictures in the event itself."""
        if day > self._begun or day in self._adopted:
            return
        self._adopted.add(day)
        for info in list(self._store.list_objects(f"{EVENTS}{day_path(day)}/{self._camera.name}/")):
            try:
                data, stored = self._store.get(info.key)
            except ObjectMissingError:
                continue
            event = parsed(Event, data, info.key).model_copy(update={"day": day})
            pictures = json.loads(data).get("pictures")
            if pictures is None or event.id in self._events:
                continue
            self._events[event.id] = _Event(event, stored.etag, is_changed=True)
            for each in pictures:
                shown = ThreatPicture.model_validate(each)
                for threat in Threat(rule_id=event.rule_id, event=event.ref, shown=shown).by_label():
                    self._replace(threat.topic, threat.taken_at, threat)


@dataclass(frozen=True)
class TopicTimeline:
    """The threats and events of a camera and a topic, as grouping wants them."""

    view: CameraView
    topic: Topic

    def at(self, moment: datetime) -> Threat | None:
        return next(iter(self.view.between(self.topic, moment, moment)), None)

    def before(self, moment: datetime, limit: datetime) -> Threat | None:
        return self.view.nearest(self.topic, moment, limit) if limit < moment else None

    def after(self, moment: datetime, limit: datetime) -> Threat | None:
        return self.view.nearest(self.topic, moment, limit) if moment < limit else None

    def between(self, first: datetime, last: datetime) -> Sequence[Threat]:
        return self.view.between(self.topic, first, last)

    def event(self, ref: EventRef) -> Event | None:
        return self.view.event(ref)

    def may_have_been_mixed(self, day: date) -> bool:
        return self.view.may_have_been_mixed(day)


def _json(content: Event | ThreatMinute | None) -> Any:
    assert content is not None, "expected only what has content to be changed"
    return content.model_dump(mode="json", by_alias=True)
