"""Events newest first with who was told of them, a page at a time, from the warehouse.

Events are looked for day by day backwards, so that a page costs what it shows: the days of a chunk are read together,
chunks grow, and after MOST_DAYS days with events a page ends where it is and says from where to look further.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from nightjar.domain.events import EventRef
from nightjar.domain.names import Camera
from nightjar.domain.severity import Severity
from nightjar.errors import InputError
from nightjar.queries.event_card import EventCard, card_of, ref_of
from nightjar.queries.event_filter import EventFilter, Said
from nightjar.queries.event_position import Position
from nightjar.queries.event_sql import DELIVERIES, NEXT, ROW, Condition, condition
from nightjar.runtime.store import ObjectStore
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
_LONGEST = timedelta(days=2)  # of an event that is looked for by an hour in which it went on
_NEIGHBOUR_DAYS = 7  # with events
_FAR = timedelta(days=60)


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
class EventSearch:
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
        return ref_of(rows[0]) if rows else None

    def one(self, ref: EventRef) -> EventCard | None:
        """The row of an event; None where none was recorded yet."""
        rows = self.warehouse.rows(EVENTS, [ref.day], ROW, {"id": ref.id})
        return next(iter(self._cards(rows, [])), None)

    def _of_days(
        self, wanted: EventFilter, days: Sequence[date], older_than: Position | None, most: int
    ) -> tuple[list[EventCard], list[str]]:
        about = self._condition(wanted, days)
        older = _at(older_than) if older_than else {}
        with self._selected(about, days) as selected:
            rows = selected.rows(about.newest(bool(older)), {**about.values, **older, "most": most})
            problems = [f"{each.key}: {each.why}" for each in selected.problems]
        return self._cards(rows, problems), problems

    def _selected(self, about: Condition, days: Sequence[date]) -> AbstractContextManager[Selection]:
        """The tables that the condition is about."""
        if about.told:
            return self.warehouse.select([EVENTS, ALERTS], _reaching(days))
        return self.warehouse.select([EVENTS], days)

    def _cards(self, rows: Sequence[Mapping[str, Any]], problems: list[str]) -> list[EventCard]:
        """The cards of rows of events, with their deliveries; why there is none of a row goes into `problems`."""
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
        cards: list[EventCard] = []
        for row in rows:
            deliveries = [each for event in known[row["id"]] for each in told[event]]
            try:
                cards.append(card_of(row, deliveries, self.severities))
            except InputError as error:
                problems.append(str(error))
        return cards

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
        if wanted.hour is not None:
            last = min(last, wanted.hour.date() + _REACH)
            first = max(first, wanted.hour.date() - _LONGEST)
        return self.warehouse.days(EVENTS, first, last) if first <= last else []


def _at(position: Position) -> dict[str, object]:
    """The parameters that name a position."""
    return {"at_day": position.day, "at_start": position.started_at, "at_id": position.id}


def _reaching(days: Sequence[date]) -> list[date]:
    return sorted({day + timedelta(days=n) for day in days for n in (-1, 0, 1)})
