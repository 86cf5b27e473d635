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
    source: EventSource,
    threats: Iterable[ThreatPicture],
    judged: Collection[datetime],
    stored: Iterable[Event],
    *,
    taken: Collection[str] = (),
    tentative: Collection[str] = (),
) -> Grouping:
    """Group `threats` and the pictures of `stored` events that were not judged again into events.

    Pictures at most `source.gap` apart follow each other. Events that share pictures with stored ones keep the id of
    the earliest stored one; a new one gets its id from camera, rule and start. `judged` holds the times of all pictures
    that this run judged, threats or not: of those, what is stored counts no more. `stored` may hold an event twice
    (an interrupted move). All of one camera and rule. The order of the arguments makes no difference.

    No new event gets an id in `taken`. Those in `tentative` are of stored events that nobody can have been alerted of:
    where one meets another event, it is the other's id that stays, and with it the ledger's line.
    """

    def rank(event: Event) -> tuple[bool, datetime, str]:
        return event.id in tentative, event.started_at, event.id

    before: dict[str, Event] = {}
    home: dict[datetime, str] = {}  # which stored event a picture belongs to
    pictures: dict[datetime, ThreatPicture] = {}
    for event in sorted(stored, key=lambda e: (*rank(e), e.ended_at), reverse=True):
        before[event.id] = event
        for picture in event.pictures:
            home[picture.picture.taken_at] = event.id
            if picture.picture.taken_at not in judged:
                pictures[picture.picture.taken_at] = picture
    fresh = {threat.picture.taken_at: threat for threat in threats}
    pictures |= fresh

    used, avoided = set[str](), {*taken, *before}  # a stored event that lost its start still has the id of that start
    events: list[Event] = []
    for cluster in _clusters(sorted(pictures), source.gap):  # by time, so that an earlier part keeps the id
        known = {home[moment] for moment in cluster if moment in home} - used
        chosen = min(known, key=lambda i: rank(before[i])) if known else _new_id(source, cluster[0], avoided)
        used.add(chosen)
        avoided.add(chosen)
        events.append(_event(source, chosen, [pictures[moment] for moment in cluster]))
    changed = [e for e in events if _touches(e, fresh) or _moments(e) != _moments(before.get(e.id))]
    kept = {e.id for e in events}
    gone = before.keys() - kept
    alive = {e.id for e in before.values() if not pictures.keys().isdisjoint(_moments(e))}
    return Grouping(
        events=tuple(changed),
        untouched=frozenset(kept - {e.id for e in changed}),
        absorbed=frozenset(gone & alive),
        withdrawn=frozenset(gone - alive),
    )


def _new_id(source: EventSource, started_at: datetime, taken: Collection[str]) -> str:
    numbered = (event_id(source.camera, source.rule_id, started_at, number) for number in itertools.count())
    return next(identity for identity in numbered if identity not in taken)


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
