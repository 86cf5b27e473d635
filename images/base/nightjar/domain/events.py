"""Events: threats of one camera and one topic (rule, label, area) that follow each other within the event gap.

    Threat        one picture with something unsafe of one topic, and the event that it belongs to
    ThreatMinute  a camera's threats of one minute: where the pictures of an event are found (minutes.py)
    Event         what is known of all its threats together; as small after a week as after a minute

An event's id stays when it is extended, on either side; so does the ledger's line, and so nobody hears of it twice. An
event is never deleted: without threats it is `withdrawn`, and one that grew together with an older one is `absorbed`.
Up to release 0.2 an event had the threats of all labels of a rule, and no `label`: such an event is split when a
transaction first meets it. The label that was shown keeps its id, and the others have it among their `absorbed`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, field_serializer, model_validator

from nightjar.domain.detections import DetectedObject, DetectorRef, Marked, Picture
from nightjar.domain.makers import Made
from nightjar.domain.model import Part, Stored, iso_utc
from nightjar.domain.names import Camera
from nightjar.domain.rules import Safe
from nightjar.domain.topics import Topic

# Of one picture of an event, the most probable objects that its record keeps: a crowd must not make it large.
MOST_OBJECTS = 16
# Of the events that an event absorbed, the last ones that its record keeps.
MOST_ABSORBED = 64


class ThreatPicture(Part):
    """A picture with the objects in it that a rule calls unsafe, most probable first.

    With a `mark` the detector did not look at it, and has the objects from other pictures.
    """

    picture: Picture
    detector: DetectorRef
    objects: tuple[DetectedObject, ...]
    mark: Marked = None

    @property
    def is_seen(self) -> bool:
        """Whether the detector looked at the picture."""
        return self.mark is None

    @property
    def probability(self) -> float:
        """The probability of the most probable unsafe object."""
        return max(o.probability for o in self.objects)

    @property
    def labels(self) -> dict[str, float]:
        """Each label with its highest probability, most probable first."""
        return highest(self.objects)

    def bounded(self) -> Self:
        """The same picture with at most MOST_OBJECTS objects."""
        if len(self.objects) <= MOST_OBJECTS:
            return self
        return self.model_copy(update={"objects": self.objects[:MOST_OBJECTS]})


def is_same(one: ThreatPicture, other: ThreatPicture) -> bool:
    """Whether both are the same picture with the same objects, as far as this release knows these."""
    return _essence(one) == _essence(other)


def _essence(threat: ThreatPicture) -> tuple[object, ...]:
    objects = tuple((o.label, o.probability, o.box) for o in threat.objects)
    return threat.picture.standard_sha256, objects, threat.is_seen


def highest(objects: Iterable[DetectedObject]) -> dict[str, float]:
    """Each label with its highest probability, most probable first."""
    labels: dict[str, float] = {}
    for each in objects:
        labels[each.label] = max(each.probability, labels.get(each.label, 0.0))
    return by_probability(labels)


def by_probability(labels: dict[str, float]) -> dict[str, float]:
    """`labels` from the most to the least probable, equals by name."""
    return dict(sorted(labels.items(), key=lambda pair: (-pair[1], pair[0])))


class EventRef(Part):
    """Which event: its id, and the day that its key names."""

    id: str
    day: date


class Threat(Stored):
    """A picture that is part of an event: an entry of a ThreatMinute, and a line of `threats.jsonl` of a run.

    Releases up to 0.2 wrote one threat for all labels of a rule, without `label`: see `by_label`.
    """

    rule_id: int
    label: str | None = None
    area: str = ""
    event: EventRef
    shown: ThreatPicture

    @property
    def taken_at(self) -> datetime:
        """When the picture was taken."""
        return self.shown.picture.taken_at

    @property
    def topic(self) -> Topic:
        """Its topic; of a threat without `label`, the most probable of its labels counts."""
        return Topic(self.rule_id, self.label or next(iter(self.shown.labels)), self.area)

    def by_label(self) -> tuple[Self, ...]:
        """One threat for each label, all of the same event; the threat itself where it has a label."""
        if self.label is not None:
            return (self,)
        parts = {label: tuple(o for o in self.shown.objects if o.label == label) for label in self.shown.labels}
        return tuple(
            self.model_copy(update={"label": label, "shown": self.shown.model_copy(update={"objects": objects})})
            for label, objects in parts.items()
        )


class EventState(StrEnum):
    """Whether an event has threats of its own, or how it ended."""

    CURRENT = "current"
    ABSORBED = "absorbed"  # all its threats went into another event
    WITHDRAWN = "withdrawn"  # judged again, none of its pictures is a threat


class Event(Stored):
    """`events/YYYY/MM/DD/<user>-<device>/<event id>.json`: an event as far as it is known by now.

    `best` and `first` are pictures that the detector looked at; only where it looked at none of the event's pictures is
    one of the others there, with its mark.

    `day` is the UTC day of its start when it was made, `made` the number of the transaction that made it; neither
    changes. `labels` and `best` are about its one label; in an event that release 0.2 or 0.1 stored, which has no
    `label`, about each of several. The pictures in between are in the camera's ThreatMinutes from `started_at` to
    `ended_at`. `rules_sha256` names the rules that judged it when it last changed, `made_by` the assess that did.
    """

    SCHEMA = 2

    id: str
    day: date
    user: str
    device: str
    site: str | None
    rule_id: int
    rule_name: str
    label: str | None = None
    area: str = ""
    started_at: datetime
    ended_at: datetime
    picture_count: int
    labels: dict[str, float]
    best: dict[str, ThreatPicture]
    first: ThreatPicture
    last: ThreatPicture
    gap_seconds: float | None = None
    rules_sha256: str
    state: Annotated[EventState | str, Field(union_mode="left_to_right")] = EventState.CURRENT
    absorbed_by: EventRef | None = None
    absorbed: tuple[EventRef, ...] = ()
    made: int = 0
    revision: int = 0
    made_by: Made = None

    @property
    def camera(self) -> Camera:
        """The camera that saw it."""
        return Camera(self.user, self.device)

    @property
    def ref(self) -> EventRef:
        """How others refer to it."""
        return EventRef(id=self.id, day=self.day)

    @property
    def is_current(self) -> bool:
        """Whether it has threats of its own, and this release knows that it may be alerted."""
        return self.state == EventState.CURRENT

    @property
    def has_threats(self) -> bool:
        """Whether it has threats of its own; so it is with a state that a later release wrote."""
        return self.state not in (EventState.ABSORBED, EventState.WITHDRAWN)

    @property
    def topic(self) -> Topic:
        """Its topic; of an event of several labels, the most probable of them counts."""
        return Topic(self.rule_id, self.label or next(iter(self.labels)), self.area)

    @property
    def is_mixed(self) -> bool:
        """Whether it has threats of other labels than its own: release 0.2 or 0.1 made it, or extended it."""
        return any(label != self.topic.label for label in self.labels)

    @property
    def shown(self) -> ThreatPicture:
        """The picture to show for the event: the most probable that was looked at, the earliest of equals."""
        return max(self.best.values(), key=lambda p: (p.is_seen, p.probability, -p.picture.taken_at.timestamp()))

    @field_serializer("started_at", "ended_at")
    def _moments(self, moment: datetime) -> str:
        return iso_utc(moment)

    @model_validator(mode="before")
    @classmethod
    def _of_0_1(cls, value: Any) -> Any:
        """Release 0.1 kept every picture in the event; the numbers and the best pictures are made from them."""
        if not isinstance(value, dict) or "picture_count" in value or not value.get("pictures"):
            return value
        threats = sorted(
            (ThreatPicture.model_validate(each) for each in value["pictures"]), key=lambda t: t.picture.taken_at
        )
        rest = {key: kept for key, kept in value.items() if key not in ("pictures", "schema")}
        day = threats[0].picture.taken_at.date()
        return {"day": day, **summary_of(threats), **rest, "schema": cls.SCHEMA}


def summary_of(threats: Iterable[ThreatPicture]) -> dict[str, Any]:
    """The fields of an Event that follow from its threats, of which there is at least one."""
    ordered = sorted(threats, key=lambda t: t.picture.taken_at)
    best: dict[str, ThreatPicture] = {}
    for threat in ordered:
        for label, probability in threat.labels.items():
            if label not in best or _rank(threat, probability) > _rank(best[label], best[label].labels[label]):
                best[label] = threat
    labels = by_probability({label: threat.labels[label] for label, threat in best.items()})
    return {
        "started_at": ordered[0].picture.taken_at,
        "ended_at": ordered[-1].picture.taken_at,
        "picture_count": len(ordered),
        "labels": labels,
        "best": {label: _keeping(best[label], label) for label in labels},
        "first": next((threat for threat in ordered if threat.is_seen), ordered[0]).bounded(),
        "last": ordered[-1].bounded(),
    }


def together(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The summary of several sets of threats, from the summary of each (see `summary_of`); at least one."""
    ordered = sorted(parts, key=lambda part: part["started_at"])
    labels: dict[str, float] = {}
    best: dict[str, ThreatPicture] = {}
    for part in ordered:
        for label, probability in part["labels"].items():
            shown = part["best"][label]
            if label not in labels or _rank(shown, probability) > _rank(best[label], labels[label]):
                labels[label], best[label] = probability, shown
    first = min((part["first"] for part in ordered), key=lambda each: (not each.is_seen, each.picture.taken_at))
    last = max(ordered, key=lambda part: part["ended_at"])
    return {
        "started_at": ordered[0]["started_at"],
        "ended_at": last["ended_at"],
        "picture_count": sum(part["picture_count"] for part in ordered),
        "labels": by_probability(labels),
        "best": {label: best[label] for label in by_probability(labels)},
        "first": first,
        "last": last["last"],
    }


def _rank(threat: ThreatPicture, probability: float) -> tuple[bool, float]:
    """By which the best picture is chosen: one that was looked at before any that was not."""
    return threat.is_seen, probability


def summary_in(event: Event) -> dict[str, Any]:
    """The fields of `event` that follow from its threats."""
    return {
        name: getattr(event, name)
        for name in ("started_at", "ended_at", "picture_count", "labels", "best", "first", "last")
    }


def _keeping(threat: ThreatPicture, label: str) -> ThreatPicture:
    """`threat` bounded, with the most probable object of `label` among what is kept."""
    bounded = threat.bounded()
    if any(o.label == label for o in bounded.objects):
        return bounded
    own = next(o for o in threat.objects if o.label == label)
    return bounded.model_copy(update={"objects": (*bounded.objects[:-1], own)})


class SuppressedObject(Part):
    """Objects of one label that no rule of their camera calls unsafe, and why the nearest rule does not."""

    label: str
    reason: Annotated[Safe | str, Field(union_mode="left_to_right")]
    probability: float  # the highest
    number: int = 1


class Suppressed(Stored):
    """A line of `suppressed.jsonl`: objects seen in one picture that are no threat, most probable first."""

    user: str
    device: str
    taken_at: datetime
    standard_key: str
    objects: tuple[SuppressedObject, ...]

    @field_serializer("taken_at")
    def _taken_at(self, moment: datetime) -> str:
        return iso_utc(moment)
