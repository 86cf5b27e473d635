"""Events newest first with who was told of them, a page at a time, from the warehouse.

Events are looked for day by day backwards, so that a page costs what it shows: the days of a chunk are read together,
chunks grow, and after MOST_DAYS days with events a page ends where it is and says from where to look further.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Self

from nightjar.domain.events import EventRef
from nightjar.domain.model import ms_from_utc, utc_from_ms
from nightjar.domain.names import Camera, shown
from nightjar.domain.severity import Severity
from nightjar.domain.zones import zone_names
from nightjar.errors import InputError, UsageError
from nightjar.queries.event_filter import EventFilter, Said
from nightjar.queries.event_sql import DELIVERIES, NEXT, ROWS, Condition, condition
from nightjar.runtime.store import ObjectStore
from nightjar.stores.event_keys import ref_of_key
from nightjar.stores.reactions import Reviews
from nightjar.stores.selection import Selection
from nightjar.stores.tables import ALERTS, EVENTS
from nightjar.stores.warehouse import Warehouse

PAGE = 24  # events
MOST_NEW = 100  # that are counted
MOST_DAYS = 31  # with events, that are looked through for one page
_CHUNKS = (1, 3, 9, 18)  # days; together MOST_DAYS
_REACH = timedelta(days=1)  # the alert of an event that was absorbed has that event's day
_FIRST_DAY = date(1970, 1, 1)
_AHEAD = timedelta(days=2)  # a camera's clock may run ahead
_NEIGHBOUR_DAYS = 7  # with events
_FAR = timedelta(days=60)
_CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.([0-9]{1,15})\.([A-Za-z0-9_-]{1,64})", re.ASCII)


@dataclass(frozen=True, order=True)
class Position:
    """Where an event stands in the order of the pages: by the day of its key, its beginning and its id."""

    day: date
    started_at: datetime
    id: str

    def __str__(self) -> str:
        """As an address has it."""
        return f"{self.day}.{ms_from_utc(self.started_at)}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The position that `str` wrote; raises UsageError."""
        try:
            parts = _CURSOR.fullmatch(text)
            if parts:
                return cls(date.fromisoformat(parts[1]), utc_from_ms(int(parts[2])), parts[3])
        except (ValueError, OverflowError):
            pass
        raise UsageError(f"expected a position like 2026-11-20.1763640000000.0123456789abcdef, got {shown(text)}")

    @classmethod
    def before(cls, day: date) -> Self:
        """Older than everything of `day`, newer than everything of the days before."""
        return cls(day, utc_from_ms(0), "")


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


@dataclass(frozen=True)
class EventPage:
    """Events newest first. `older` is where the next page begins; None when nothing can be left.

    `looked_to` is the last day that was looked at when the page ended without being full and days are left.
    `problems` tell of rows that could not be read.
    """

    cards: tuple[EventCard, ...] = ()
    older: Position | None = None
    looked_to: date | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventCards:
    """Looks for events in the warehouse. Safe to use from threads.

    `severities` are those of the rules in force, by id: for events that nobody was told of.
    """

    warehouse: Warehouse
    store: ObjectStore
    severities: Mapping[int, Severity] = field(default_factory=dict)

    def page(
        self, wanted: EventFilter, now: datetime, older_than: Position | None = None, size: int = PAGE
    ) -> EventPage:
        """The newest `size` events that are wanted and older than a position."""
        days = self._days(wanted, now, older_than.day if older_than else None)
        cards: list[EventCard] = []
        problems: list[str] = []
        looked = 0
        for number in _CHUNKS:
            chunk = days[looked : looked + number]
            if not chunk:
                break
            found, said = self._of_days(wanted, chunk, older_than, size + 1 - len(cards))
            cards += found
            problems += said
            looked += len(chunk)
            if len(cards) > size:
                return EventPage(tuple(cards[:size]), cards[size - 1].position, None, tuple(problems))
        if looked < len(days):
            last = days[looked - 1]
            return EventPage(tuple(cards), Position.before(last), last, tuple(problems))
        return EventPage(tuple(cards), None, None, tuple(problems))

    def newer(self, wanted: EventFilter, now: datetime, than: Position) -> int:
        """How many events that are wanted came after a position, of its day and the days since; at most MOST_NEW."""
        days = [day for day in self._days(wanted, now, None) if day >= than.day][:MOST_DAYS]
        if not days:
            return 0
        about = self._condition(wanted, days)
        with self._selected(about, days) as selected:
            values = {**about.values, **_at(than), "most": MOST_NEW}
            return int(selected.rows(about.number_after(), values)[0]["n"])

    def beside(self, camera: Camera, at: Position, *, newer: bool) -> EventRef | None:
        """The camera's next event with threats after a position, or the one before it, within a week with events."""
        first, last = (at.day, at.day + _FAR) if newer else (_FIRST_DAY, at.day)
        days = sorted(self.warehouse.days(EVENTS, first, last), reverse=not newer)[:_NEIGHBOUR_DAYS]
        if not days:
            return None
        rows = self.warehouse.rows(EVENTS, days, NEXT[newer], {"camera": camera.name, **_at(at)})
        return _ref(rows[0]) if rows else None

    def one(self, ref: EventRef) -> EventCard | None:
        """The row of an event; None where none was recorded yet."""
        with self.warehouse.select([EVENTS], [ref.day]) as selected:
            rows = selected.rows(ROWS, {"ids": [ref.id], "days": [ref.day]})
        return next(iter(self._cards(rows)), None)

    def _of_days(
        self, wanted: EventFilter, days: Sequence[date], older_than: Position | None, most: int
    ) -> tuple[list[EventCard], list[str]]:
        about = self._condition(wanted, days)
        older = _at(older_than) if older_than else {}
        with self._selected(about, days) as selected:
            places = selected.rows(about.newest(bool(older)), {**about.values, **older, "most": most})
            ids = {"ids": [each["id"] for each in places], "days": sorted({each["day"] for each in places})}
            rows = selected.rows(ROWS, ids) if places else []
            problems = [f"{each.key}: {each.why}" for each in selected.problems]
        return self._cards(rows), problems

    def _selected(self, about: Condition, days: Sequence[date]) -> AbstractContextManager[Selection]:
        """The tables that the condition is about."""
        if about.told:
            return self.warehouse.select([EVENTS, ALERTS], _reaching(days))
        return self.warehouse.select([EVENTS], days)

    def _cards(self, rows: Sequence[Mapping[str, Any]]) -> list[EventCard]:
        """The cards of rows of events, with their deliveries."""
        if not rows:
            return []
        known = {row["id"]: [row["id"], *(row["absorbed"] or ())] for row in rows}
        days = {row["day"] for row in rows}
        # The alert of an event that was absorbed has the day of that event.
        days |= set(_reaching([row["day"] for row in rows if row["absorbed"]]))
        ids = {"ids": [each for absorbed in known.values() for each in absorbed]}
        told: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for delivery in self.warehouse.rows(ALERTS, sorted(days), DELIVERIES, ids):
            told[delivery["event"]].append(delivery)
        return [self._card(row, [each for event in known[row["id"]] for each in told[event]]) for row in rows]

    def _condition(self, wanted: EventFilter, days: Sequence[date]) -> Condition:
        rules = [rule for rule, severity in self.severities.items() if severity == wanted.severity]
        reviewed = self._reviewed(wanted.review, days) if wanted.review else None
        return condition(wanted, days, rules, reviewed)

    def _reviewed(self, said: Said, days: Sequence[date]) -> list[str]:
        """The events of these days of which people said that; of those with any word for NOTHING."""
        reviews = Reviews(self.store)
        if said in (Said.NOTHING, Said.ANYTHING):
            return [ref.id for day in days for ref in reviews.refs_of_day(day)]
        return [review.event.id for day in days for review in reviews.of_day(day) if review.verdict == said]

    def _days(self, wanted: EventFilter, now: datetime, newest: date | None) -> list[date]:
        """The days that have events, newest first: the day of an event may be one after that of its beginning."""
        last = (now + _AHEAD).date()
        if wanted.end is not None:
            last = min(last, wanted.end.date() + _REACH)
        if newest is not None:
            last = min(last, newest)
        first = wanted.start.date() if wanted.start is not None else _FIRST_DAY
        return self.warehouse.days(EVENTS, first, last) if first <= last else []

    def _card(self, row: Mapping[str, Any], deliveries: Sequence[Mapping[str, Any]]) -> EventCard:
        ref = _ref(row)
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
            severity=severity or self.severities.get(row["rule_id"]),
            deliveries=tuple(
                DeliveryShort(d["channel"], d["recipient"], d["state"], bool(d["possibly_repeated"]))
                for d in deliveries
            ),
            position=Position(row["day"], row["started_at"], row["id"]),
        )


def _ref(row: Mapping[str, Any]) -> EventRef:
    """The event as its key names it; by the day of the row where there is no such key."""
    try:
        return ref_of_key(row["event_key"] or "")
    except InputError:
        return EventRef(id=row["id"], day=row["day"])


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


def _at(position: Position) -> dict[str, object]:
    """The parameters that name a position."""
    return {"at_day": position.day, "at_start": position.started_at, "at_id": position.id}


def _reaching(days: Sequence[date]) -> list[date]:
    return sorted({day + timedelta(days=n) for day in days for n in (-1, 0, 1)})
