"""Grouping: how the threats that a run judged change the events of one camera and one topic. Pure.

Threats at most the gap apart belong to one event. Only the surroundings of the judged pictures are looked at: an event
that is merely extended is one interval, whatever its length. Its pictures are looked through only if one of them is no
threat any more, if one is another picture by now, or if the gap has changed since.

    threats that came in addition  ┐
    threats of an opened event     ├─ sorted by time, cut where the gap is exceeded ─► clusters ─► one event each
    events as intervals            ┘

A cluster keeps the id of the event in it that was made first: that is the event somebody was most likely told about.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from nightjar.domain.event_ids import EventsByRef, event_id_of_0_2, free_ref
from nightjar.domain.events import (
    MOST_ABSORBED,
    Event,
    EventRef,
    EventState,
    Threat,
    ThreatPicture,
    summary_in,
    summary_of,
    together,
)
from nightjar.domain.names import Camera
from nightjar.domain.topics import Topic


@dataclass(frozen=True)
class Judge:
    """The camera and topic whose threats are grouped, and the rules file that they were judged by."""

    camera: Camera
    site: str | None
    topic: Topic
    rule_name: str
    rules_sha256: str
    gap: timedelta


class Timeline(EventsByRef, Protocol):
    """The stored threats and events of one camera and one topic."""

    def at(self, moment: datetime) -> Threat | None:
        """The threat in the picture taken at `moment`."""

    def before(self, moment: datetime, limit: datetime) -> Threat | None:
        """The last threat earlier than `moment` and not earlier than `limit`."""

    def after(self, moment: datetime, limit: datetime) -> Threat | None:
        """The first threat later than `moment` and not later than `limit`."""

    def between(self, first: datetime, last: datetime) -> Sequence[Threat]:
        """All threats from `first` to `last`, both included, by time."""

    def may_have_been_mixed(self, day: date) -> bool:
        """Whether a release whose events had several labels may have made an event that began on `day`."""


@dataclass
class Regrouped:
    """The changes that grouping asks for, and where the judged threats belong.

    `events` are new or changed; `threats` are to be stored in place of those of the same moment, those at `removed` are
    to be taken out. `homes` has the event of every threat that was judged, changed or not.
    """

    events: list[Event] = field(default_factory=list)
    threats: list[Threat] = field(default_factory=list)
    removed: set[datetime] = field(default_factory=set)
    homes: dict[datetime, Event] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)


def current(timeline: EventsByRef, ref: EventRef | None) -> Event | None:
    """The event that `ref` names, or the event that absorbed it; None when it was withdrawn or is not stored."""
    seen = set[str]()
    while ref is not None and ref.id not in seen:
        seen.add(ref.id)
        event = timeline.event(ref)
        if event is None or event.has_threats:
            return event
        ref = event.absorbed_by
    return None


def regroup(
    judge: Judge,
    timeline: Timeline,
    judged: Collection[datetime],
    threats: Mapping[datetime, ThreatPicture],
    number: int,
) -> Regrouped:
    """Group anew what the pictures at `judged` change, of which those in `threats` are threats now.

    `number` is that of the transaction. The same arguments give the same result, and, once it is stored, none.
    """
    return _Regrouping(judge, timeline, judged, threats, number).result()


@dataclass(frozen=True)
class _Loose:
    """A threat that is put into an event anew. `before` is how it is stored, if it is."""

    shown: ThreatPicture
    before: Threat | None = None


@dataclass
class _Cluster:
    """Threats and events that follow each other within the gap."""

    end: datetime
    loose: dict[datetime, _Loose] = field(default_factory=dict)
    whole: list[Event] = field(default_factory=list)


class _Regrouping:
    def __init__(
        self,
        judge: Judge,
        timeline: Timeline,
        judged: Collection[datetime],
        threats: Mapping[datetime, ThreatPicture],
        number: int,
    ) -> None:
        self._judge, self._timeline, self._number = judge, timeline, number
        stored = {moment: threat for moment in sorted(judged) if (threat := timeline.at(moment))}
        # A threat whose event is not stored any more, such as after an erasure that was interrupted, is grouped anew.
        self._same = {
            m: t
            for m, t in stored.items()
            if m in threats and _is_same(t.shown, threats[m]) and current(timeline, t.event)
        }
        self._gone = {m: t for m, t in stored.items() if m not in self._same}
        self._loose = {m: _Loose(shown) for m, shown in threats.items() if m not in self._same}
        self._whole: dict[str, Event] = {}  # events that are one interval
        self._opened: dict[str, Event] = {}  # events whose threats are looked at one by one
        self._home: dict[datetime, str] = {}  # the opened event that a loose threat was in

    def result(self) -> Regrouped:
        self._look_around()
        done = Regrouped(removed={m for m in self._gone if m not in self._loose})
        taken = dict[str, Event]()  # by id: the event that a cluster has become
        heirs = dict[str, Event]()  # by id of an event that was there before: the event that has its threats now
        for cluster in self._clusters():
            event = self._event(cluster, taken, done)
            taken[event.id] = event
            done.homes |= dict.fromkeys(cluster.loose, event)
            for moment in cluster.loose:
                if moment in self._home:
                    heirs.setdefault(self._home[moment], event)
            heirs |= {each.id: event for each in cluster.whole}
        for identity, event in (self._whole | self._opened).items():
            if identity not in taken:
                done.events.append(self._ended(event, heirs.get(identity)))
        for moment, threat in self._same.items():
            if moment not in done.homes:
                home = current(self._timeline, threat.event)
                if home is not None:
                    done.homes[moment] = heirs.get(home.id, home)
        return done

    def _look_around(self) -> None:
        """Find the events that the changes touch."""
        gap = self._judge.gap
        for threat in self._gone.values():
            self._open(current(self._timeline, threat.event))
        for threat in self._same.values():
            event = current(self._timeline, threat.event)
            if event and self._has_another_gap(event):
                self._open(event)
        for moment in sorted(self._loose):
            self._involve(self._timeline.before(moment, moment - gap))
            self._involve(self._timeline.after(moment, moment + gap))

    def _involve(self, threat: Threat | None) -> None:
        event = current(self._timeline, threat.event) if threat else None
        if event is None or event.id in self._opened:
            return
        if self._has_another_gap(event):
            self._open(event)
        else:
            self._whole[event.id] = event

    def _has_another_gap(self, event: Event) -> bool:
        return event.gap_seconds is not None and event.gap_seconds != self._judge.gap.total_seconds()

    def _open(self, event: Event | None) -> None:
        """Look at the threats of `event` one by one, and at its neighbours."""
        if event is None or event.id in self._opened:
            return
        self._whole.pop(event.id, None)
        self._opened[event.id] = event
        for threat in self._timeline.between(event.started_at, event.ended_at):
            home = current(self._timeline, threat.event)
            if home is None or home.id != event.id:
                continue
            moment = threat.taken_at
            self._home[moment] = event.id
            if moment not in self._gone and moment not in self._loose:
                self._loose[moment] = _Loose(threat.shown, threat)
        gap = self._judge.gap
        self._involve(self._timeline.before(event.started_at, event.started_at - gap))
        self._involve(self._timeline.after(event.ended_at, event.ended_at + gap))

    def _clusters(self) -> Iterator[_Cluster]:
        """By time, so that of an event that falls apart the earlier part is the first to choose its id."""
        items: list[tuple[datetime, datetime, _Loose | Event]] = [
            *((moment, moment, loose) for moment, loose in self._loose.items()),
            *((event.started_at, event.ended_at, event) for event in self._whole.values()),
        ]
        cluster: _Cluster | None = None
        for start, end, item in sorted(items, key=lambda each: each[:2]):
            if cluster is None or start - cluster.end > self._judge.gap:
                if cluster:
                    yield cluster
                cluster = _Cluster(end)
            cluster.end = max(cluster.end, end)
            if isinstance(item, Event):
                cluster.whole.append(item)
            else:
                cluster.loose[start] = item
        if cluster:
            yield cluster

    def _event(self, cluster: _Cluster, taken: Mapping[str, Event], done: Regrouped) -> Event:
        """The event that `cluster` is now; notes in `done` what that changes."""
        before = {event.id: event for event in cluster.whole}
        before |= {i: self._opened[i] for i in {self._home[m] for m in cluster.loose if m in self._home}}
        free = [event for event in before.values() if event.id not in taken]
        parts = [summary_in(event) for event in cluster.whole]
        if cluster.loose:
            parts.append(summary_of(loose.shown for loose in cluster.loose.values()))
        summary = together(parts)
        base = min(free, key=lambda e: (e.made, e.started_at, e.id)) if free else None
        others = [event for event in free if event is not base]
        if base is None:
            # An event that once had this start, and is none any more, comes back, and with it the ledger's line.
            base = self._withdrawn(summary["started_at"], taken)
        event = self._changed(base, summary, others) if base else self._new(summary, taken)
        if event is not base:
            done.events.append(event)
            if base is None or not base.has_threats:
                done.new.add(event.id)
        for loose in cluster.loose.values():
            if loose.before is None:
                done.threats.append(self._threat(event, loose.shown))
            elif loose.before.event.id != event.id:
                done.threats.append(loose.before.model_copy(update={"event": event.ref}))
        return event

    def _threat(self, event: Event, shown: ThreatPicture) -> Threat:
        topic = self._judge.topic
        return Threat(rule_id=topic.rule_id, label=topic.label, area=topic.area, event=event.ref, shown=shown)

    def _withdrawn(self, started_at: datetime, taken: Mapping[str, Event]) -> Event | None:
        """The event that had this start and has no threats any more."""
        if event := self._timeline.event(self._free_ref(started_at, taken)):
            return event
        topic, day = self._judge.topic, started_at.date()
        if not self._timeline.may_have_been_mixed(day):
            return None
        identity = event_id_of_0_2(self._judge.camera, topic.rule_id, started_at)
        event = self._timeline.event(EventRef(id=identity, day=day))
        is_free = event is not None and not event.has_threats and identity not in taken
        return event if event and is_free and topic.label in event.labels else None

    def _changed(self, base: Event, summary: dict[str, Any], others: Sequence[Event]) -> Event:
        """`base` with this summary; `base` itself where nothing is new."""
        absorbed = {ref.id: ref for ref in base.absorbed}
        for other in sorted(others, key=lambda e: (e.started_at, e.id)):
            absorbed |= {ref.id: ref for ref in (*other.absorbed, other.ref)}
        absorbed.pop(base.id, None)
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
        }
        return base.model_copy(update={**update, **judged})

    def _new(self, summary: dict[str, Any], taken: Mapping[str, Event]) -> Event:
        ref = self._free_ref(summary["started_at"], taken)
        return Event(
            id=ref.id,
            day=ref.day,
            user=self._judge.camera.user,
            device=self._judge.camera.device,
            site=self._judge.site,
            rule_id=self._judge.topic.rule_id,
            rule_name=self._judge.rule_name,
            label=self._judge.topic.label,
            area=self._judge.topic.area,
            **summary,
            gap_seconds=self._judge.gap.total_seconds(),
            rules_sha256=self._judge.rules_sha256,
            made=self._number,
            revision=1,
        )

    def _free_ref(self, started_at: datetime, taken: Mapping[str, Event]) -> EventRef:
        return free_ref(self._timeline, self._judge.camera, self._judge.topic, started_at, taken)

    def _ended(self, event: Event, heir: Event | None) -> Event:
        update = {
            "state": EventState.ABSORBED if heir else EventState.WITHDRAWN,
            "absorbed_by": heir.ref if heir else None,
            "rules_sha256": self._judge.rules_sha256,
            "revision": event.revision + 1,
        }
        return event.model_copy(update=update)


def _is_same(stored: ThreatPicture, judged: ThreatPicture) -> bool:
    """Whether both are the same picture with the same objects, as far as this release knows these."""
    return _essence(stored) == _essence(judged)


def _essence(threat: ThreatPicture) -> tuple[object, ...]:
    return threat.picture.standard_sha256, tuple((o.label, o.probability, o.box) for o in threat.objects)
