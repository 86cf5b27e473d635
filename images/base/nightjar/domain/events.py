"""Events: threats of one camera and rule that follow each other within the event gap.

An event's id stays when it is extended, on either side; so does the ledger's line, and so nobody hears of it twice.
"""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from pydantic import field_serializer

from nightjar.domain.detections import DetectedObject, DetectorRef, Picture
from nightjar.domain.layout import digest
from nightjar.domain.model import Record, iso_utc, ms_from_utc
from nightjar.domain.names import Camera
from nightjar.domain.rules import Safe


class ThreatPicture(Record):
    """One picture of an event with what the rule calls unsafe in it, most probable first."""

    picture: Picture
    detector: DetectorRef
    objects: tuple[DetectedObject, ...]

    @property
    def probability(self) -> float:
        """That of the most probable unsafe object."""
        return max(o.probability for o in self.objects)

    @property
    def labels(self) -> dict[str, float]:
        """Each label with its highest probability, most probable first."""
        return highest(self.objects)


def highest(objects: Iterable[DetectedObject]) -> dict[str, float]:
    """Each label with its highest probability, most probable first."""
    labels: dict[str, float] = {}
    for one in objects:
        labels[one.label] = max(one.probability, labels.get(one.label, 0.0))
    return dict(sorted(labels.items(), key=lambda pair: (-pair[1], pair[0])))


class Event(Record):
    """`events/YYYY/MM/DD/<user>-<device>/<event id>.json`: `id` stays when the event is extended. Pictures by time."""

    id: str
    user: str
    device: str
    site: str | None
    rule_id: int
    rule_name: str
    started_at: datetime
    ended_at: datetime
    labels: dict[str, float]  # each unsafe label seen, with its highest probability
    pictures: tuple[ThreatPicture, ...]
    rules_sha256: str  # of the rules that judged last

    @property
    def camera(self) -> Camera:
        """Whose it is."""
        return Camera(self.user, self.device)

    @property
    def best(self) -> ThreatPicture:
        """The picture to show: the most probable, the earliest of equals."""
        return max(self.pictures, key=lambda p: (p.probability, -p.picture.taken_at.timestamp()))

    @field_serializer("started_at", "ended_at")
    def _moments(self, moment: datetime) -> str:
        return iso_utc(moment)

    def model_post_init(self: Self, _context: object) -> None:
        """Refuse an event without pictures: it would be nothing to alert about."""
        if not self.pictures:
            raise ValueError("expected at least one picture in an event, got none")


class SuppressedObject(Record):
    """Objects of one label that no rule of their camera calls unsafe, and why the nearest one does not."""

    label: str
    reason: Safe
    probability: float  # the highest
    number: int = 1


class Suppressed(Record):
    """A line of `suppressed.jsonl`: what was seen in one picture and is no threat, most probable first."""

    user: str
    device: str
    taken_at: datetime
    standard_key: str
    objects: tuple[SuppressedObject, ...]

    @field_serializer("taken_at")
    def _taken_at(self, moment: datetime) -> str:
        return iso_utc(moment)


@dataclass(frozen=True)
class EventSource:
    """Whose threats are grouped, under which rule, and by which rules file they were judged."""

    camera: Camera
    site: str | None
    rule_id: int
    rule_name: str
    rules_sha256: str
    gap: timedelta


@dataclass(frozen=True)
class Grouping:
    """What grouping made of one camera's threats under one rule.

    `events` hold a threat of this run, or differ from what is stored; `untouched` are stored and stay as they are.
    Ids in `absorbed` went into another event; those in `withdrawn` have no threat left.
    """

    events: tuple[Event, ...]
    untouched: frozenset[str]
    absorbed: frozenset[str]
    withdrawn: frozenset[str]


def group(
    source: EventSource, threats: Iterable[ThreatPicture], judged: Collection[datetime], stored: Iterable[Event]
) -> Grouping:
    """Group `threats` and the pictures of `stored` events that were not judged again into events.

    Pictures at most `source.gap` apart follow each other. Events that share pictures with stored ones keep the id of
    the earliest stored one; a new one gets its id from camera, rule and start. `judged` holds the times of all pictures
    that this run judged, threats or not: of those, what is stored counts no more. `stored` may hold an event twice
    (an interrupted move). All of one camera and rule. The order of the arguments makes no difference.
    """
    before: dict[str, Event] = {}
    home: dict[datetime, str] = {}  # which stored event a picture belongs to
    pictures: dict[datetime, ThreatPicture] = {}
    for event in sorted(stored, key=lambda e: (e.started_at, e.id, e.ended_at), reverse=True):
        before[event.id] = event
        for picture in event.pictures:
            home[picture.picture.taken_at] = event.id
            if picture.picture.taken_at not in judged:
                pictures[picture.picture.taken_at] = picture
    fresh = {threat.picture.taken_at: threat for threat in threats}
    pictures |= fresh

    ids = _Ids(source, before)
    events: list[Event] = []
    for cluster in _clusters(sorted(pictures), source.gap):
        event = _event(source, ids.of(cluster, home), [pictures[moment] for moment in cluster])
        events.append(event)
    changed = [e for e in events if _touches(e, fresh) or _moments(e) != _moments(before.get(e.id))]
    kept = {e.id for e in events}
    gone = before.keys() - kept
    alive = {home[moment] for moment in pictures if moment in home}
    return Grouping(
        events=tuple(changed),
        untouched=frozenset(kept - {e.id for e in changed}),
        absorbed=frozenset(gone & alive),
        withdrawn=frozenset(gone - alive),
    )


class _Ids:
    """Gives each event its id, and none twice. Events must come by time, so that an earlier part keeps the id."""

    def __init__(self, source: EventSource, before: Mapping[str, Event]) -> None:
        self._source, self._before, self._taken = source, before, set[str]()

    def of(self, cluster: Sequence[datetime], home: Mapping[datetime, str]) -> str:
        known = {home[moment] for moment in cluster if moment in home} - self._taken
        if known:
            chosen = min(known, key=lambda i: (self._before[i].started_at, i))
        else:
            # A stored event that lost its first picture still has the id of that start.
            numbers = (event_id(self._source.camera, self._source.rule_id, cluster[0], n) for n in itertools.count())
            chosen = next(i for i in numbers if i not in self._taken and i not in self._before)
        self._taken.add(chosen)
        return chosen


def event_id(camera: Camera, rule_id: int, started_at: datetime, number: int = 0) -> str:
    """The id of a new event; `number` tells apart what would have the same id."""
    again = f" {number}" if number else ""
    return digest(f"{camera.name} {rule_id} {ms_from_utc(started_at)}{again}")


def _clusters(moments: Sequence[datetime], gap: timedelta) -> Iterator[list[datetime]]:
    cluster: list[datetime] = []
    for moment in moments:
        if cluster and moment - cluster[-1] > gap:
            yield cluster
            cluster = []
        cluster.append(moment)
    if cluster:
        yield cluster


def _event(source: EventSource, identity: str, pictures: Sequence[ThreatPicture]) -> Event:
    return Event(
        id=identity,
        user=source.camera.user,
        device=source.camera.device,
        site=source.site,
        rule_id=source.rule_id,
        rule_name=source.rule_name,
        started_at=pictures[0].picture.taken_at,
        ended_at=pictures[-1].picture.taken_at,
        labels=highest(one for picture in pictures for one in picture.objects),
        pictures=tuple(pictures),
        rules_sha256=source.rules_sha256,
    )


def _moments(event: Event | None) -> list[datetime]:
    return [p.picture.taken_at for p in event.pictures] if event else []


def _touches(event: Event, fresh: Mapping[datetime, ThreatPicture]) -> bool:
    return any(moment in fresh for moment in _moments(event))
