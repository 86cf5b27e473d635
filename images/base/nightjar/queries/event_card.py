"""An event as a list shows it, made from its row in the warehouse and the rows of its deliveries. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nightjar.domain.events import EventRef
from nightjar.domain.names import Camera, shown
from nightjar.domain.severity import Severity
from nightjar.domain.zones import zone_names
from nightjar.errors import InputError
from nightjar.queries.event_position import Position
from nightjar.stores.event_keys import ref_of_key

_NEEDED = ("user", "device", "rule_id", "started_at", "ended_at", "pictures", "probability")


@dataclass(frozen=True)
class DeliveryShort:
    """How far the message to one address got."""

    channel: str
    recipient: str
    state: str
    possibly_repeated: bool

    @property
    def is_done(self) -> bool:
        """Whether it was told, or will be by the outbox."""
        return self.state not in ("claimed", "failed")


@dataclass(frozen=True)
class BoxSeen:
    """An unsafe object in the picture of a card; `box` in fractions of the picture."""

    label: str
    probability: float | None
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class EventCard:
    """An event as a list shows it. `severity` is None where neither an alert nor the rules in force know it."""

    ref: EventRef
    camera: Camera
    site: str
    timezone: str
    rule_id: int
    rule_name: str
    labels: tuple[str, ...]
    area: str
    started_at: datetime
    ended_at: datetime
    pictures: int
    probability: float
    picture_key: str
    boxes: tuple[BoxSeen, ...]
    state: str
    unalerted: str
    late_seconds: float | None
    run: str
    severity: str | None
    deliveries: tuple[DeliveryShort, ...]
    position: Position

    @property
    def is_alerted(self) -> bool:
        """Whether anybody was told."""
        return any(each.is_done for each in self.deliveries)


def card_of(
    row: Mapping[str, Any], deliveries: Sequence[Mapping[str, Any]], severities: Mapping[int, Severity]
) -> EventCard:
    """The card of a row of `events`, with its rows of `alerts`; `severities` by rule, for where nobody was told.

    Raises InputError for a row that says less than every event does, or something impossible.
    """
    _check(row)
    ref = ref_of(row)
    severity = next((each["severity"] for each in deliveries if each["severity"]), None)
    return EventCard(
        ref=ref,
        camera=Camera(row["user"], row["device"]),
        site=row["site"] or "",
        timezone=_zone(row["timezone"]),
        rule_id=row["rule_id"],
        rule_name=row["rule_name"] or "",
        labels=tuple([row["label"]] if row["label"] else row["labels"] or ()),
        area=row["area"] or "",
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        pictures=row["pictures"],
        probability=row["probability"],
        picture_key=row["best_standard_key"] or "",
        boxes=tuple(_boxes(row)),
        state=row["state"] or "current",
        unalerted=row["unalerted"] or "",
        late_seconds=row["late_seconds"],
        run=row["run"] or "",
        severity=severity or severities.get(row["rule_id"]),
        deliveries=tuple(
            DeliveryShort(d["channel"], d["recipient"], d["state"], bool(d["possibly_repeated"])) for d in deliveries
        ),
        position=Position(row["day"], row["started_at"], row["id"]),
    )


def ref_of(row: Mapping[str, Any]) -> EventRef:
    """The event as its key names it; by the day of the row where there is no such key."""
    try:
        return ref_of_key(row["event_key"] or "")
    except InputError:
        return EventRef(id=row["id"], day=row["day"])


def _check(row: Mapping[str, Any]) -> None:
    lacking = [name for name in _NEEDED if row[name] is None]
    if lacking:
        raise InputError(f"expected a whole row of the event {shown(row['id'])}, it lacks {', '.join(lacking)}")
    chances = [each for each in (row["probability"], *(row["best_probabilities"] or ())) if each is not None]
    if not all(0 <= each <= 1 for each in chances):
        raise InputError(f"expected probabilities from 0 to 1 of the event {shown(row['id'])}, got {chances}")


def _zone(name: str | None) -> str:
    """The name of a time zone that is known; UTC for any other."""
    return name if name in zone_names() else "UTC"


def _boxes(row: Mapping[str, Any]) -> Iterator[BoxSeen]:
    """The unsafe objects in the best picture; of a row of release 0.2 or before, the most probable one."""
    sides, labels, chances = row["best_boxes"] or (), row["best_labels"] or (), row["best_probabilities"] or ()
    if labels and len(sides) == 4 * len(labels) == 4 * len(chances):
        for n, (label, chance) in enumerate(zip(labels, chances, strict=True)):
            yield BoxSeen(label, chance, tuple(sides[4 * n : 4 * n + 4]))
    elif len(row["best_box"] or ()) == 4:
        label = (row["labels"] or [""])[0]
        yield BoxSeen(label, row["probability"], tuple(row["best_box"]))
