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
from datetime import datetime
from typing import Any, Protocol

from nightjar.domain.event_ids import EventsByRef, EventsOfCamera
from nightjar.domain.events import Event, EventRef, Threat, ThreatPicture, is_same, summary_in, summary_of, together
from nightjar.domain.sights import overlap_of
from nightjar.domain.succession import Judge, Succession


class Timeline(EventsOfCamera, Protocol):
    """The stored threats and events of one camera and one topic."""

    def at(self, moment: datetime) -> Threat | None:
        """The threat in the picture taken at `moment`."""

    def before(self, moment: datetime, limit: datetime) -> Threat | None:
        """The last threat earlier than `moment` and not earlier than `limit`."""

    def after(self, moment: datetime, limit: datetime) -> Threat | None:
        """The first threat later than `moment` and not later than `limit`."""

    def between(self, first: datetime, last: datetime) -> Sequence[Threat]:
        """All threats from `first` to `last`, both included, by time."""


@dataclass(frozen=True)
class Memory:
    """The testimony of the camera's other pictures about a topic.

    In the pictures at `static` its objects are static by now; `known` has, for pictures that were held, and threats
    before that, the event that they were in.
    """

    static: Collection[datetime] = ()
    known: Mapping[datetime, EventRef] = field(default_factory=dict)


NO_MEMORY = Memory()


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
    memory: Memory = NO_MEMORY,
) -> Regrouped:
    """Group anew what the pictures at `judged` change, of which those in `threats` are threats now.

    `number` is that of the transaction. The same arguments give the same result, and, once it is stored, none.
    """
    return _Regrouping(judge, timeline, judged, threats, number, memory).result()


# How much the box of a static object overlaps that of its arrival, at the least.
_SAME_PLACE = 0.3


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
        memory: Memory,
    ) -> None:
        self._judge, self._timeline, self._memory = judge, timeline, memory
        self._succession = Succession(judge, timeline, number)
        stored = {moment: threat for moment in sorted(judged) if (threat := timeline.at(moment))}
        # A threat whose event is not stored any more, such as after an erasure that was interrupted, is grouped anew.
        self._same = {
            m: t
            for m, t in stored.items()
            if m in threats and is_same(t.shown, threats[m]) and current(timeline, t.event)
        }
        self._gone = {m: t for m, t in stored.items() if m not in self._same}
        self._loose = {m: _Loose(shown) for m, shown in threats.items() if m not in self._same}
        self._whole: dict[str, Event] = {}  # events that are one interval
        self._opened: dict[str, Event] = {}  # events whose threats are looked at one by one
        self._home: dict[datetime, str] = {}  # the opened event that a loose threat was in

    def result(self) -> Regrouped:
        self._look_around()
        done = Regrouped(removed={m for m in self._gone if m not in self._loose})
        heirs = dict[str, Event]()  # by id of an event that was there before: the event that has its threats now
        for cluster in self._clusters():
            before = {event.id: event for event in cluster.whole}
            before |= {i: self._opened[i] for i in {self._home[m] for m in cluster.loose if m in self._home}}
            known = [*self._now_static(cluster), *self._known(cluster)]
            base, event = self._succession.event(list(before.values()), _summary(cluster), known)
            if event is not base:
                done.events.append(event)
                if base is None or not base.has_threats:
                    done.new.add(event.id)
            done.threats += self._changed_threats(cluster, event)
            done.homes |= dict.fromkeys(cluster.loose, event)
            for each in (*before, *(each.id for each in known)):
                heirs.setdefault(each, event)
            heirs |= {each.id: event for each in cluster.whole}
        for identity, event in (self._whole | self._opened).items():
            if identity not in self._succession.taken:
                done.events.append(self._succession.ended(event, heirs.get(identity)))
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

    def _now_static(self, cluster: _Cluster) -> list[Event]:
        """The events of an object that turns out to be static, since it stood there in the pictures of this cluster.

        They are later, at the same place, and have no threats left.
        """
        left = {home for moment, home in self._home.items() if moment in self._loose}
        static = {home for moment, home in self._home.items() if moment in self._memory.static}
        later = (e for i, e in self._opened.items() if i in static - left and e.started_at > cluster.end)
        return [event for event in later if _are_at_one_place(event, cluster)]

    def _known(self, cluster: _Cluster) -> list[Event]:
        """The events that pictures of the cluster were in before they were held."""
        refs = {ref.id: ref for moment in cluster.loose if (ref := self._memory.known.get(moment))}
        return [event for ref in refs.values() if (event := self._timeline.event(ref))]

    def _changed_threats(self, cluster: _Cluster, event: Event) -> Iterator[Threat]:
        """The threats of the cluster that are new, or in another event than before."""
        topic = self._judge.topic
        for loose in cluster.loose.values():
            if loose.before is None:
                yield Threat(
                    rule_id=topic.rule_id, label=topic.label, area=topic.area, event=event.ref, shown=loose.shown
                )
            elif loose.before.event.id != event.id:
                yield loose.before.model_copy(update={"event": event.ref})


def _are_at_one_place(event: Event, cluster: _Cluster) -> bool:
    """Whether an object of the event overlaps an object of the cluster."""
    pictures = (*(loose.shown for loose in cluster.loose.values()), *(each.last for each in cluster.whole))
    boxes = {one.box for picture in pictures for one in picture.objects}
    return any(overlap_of(one.box, box) >= _SAME_PLACE for one in event.shown.objects for box in boxes)


def _summary(cluster: _Cluster) -> dict[str, Any]:
    """The fields of the cluster's event that follow from its threats."""
    parts = [summary_in(event) for event in cluster.whole]
    if cluster.loose:
        parts.append(summary_of(loose.shown for loose in cluster.loose.values()))
    return together(parts)
