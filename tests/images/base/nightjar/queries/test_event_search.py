"""Events newest first from the warehouse: order, pages, filters, rows of earlier releases, and who was told."""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from nightjar.domain.events import EventRef
from nightjar.domain.reactions import Review, ReviewVerdict
from nightjar.domain.severity import Severity
from nightjar.errors import UsageError
from nightjar.queries.event_filter import EventFilter
from nightjar.queries.event_position import Position
from nightjar.queries.event_reviews import word_about, words_about
from nightjar.queries.event_search import MOST_DAYS, EventSearch
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.reactions import Reviews
from nightjar.stores.record_keys import partition_prefix
from nightjar.stores.tables import EVENTS, Unalerted
from tests.bucket import PORCH, SHOP, YARD
from tests.images.base.nightjar.queries.event_world import (
    NOON,
    NOW,
    a_warehouse,
    alert_of,
    event_of,
    golden,
    record,
)
from tests.images.base.nightjar.stores.test_tables import an_event
from tests.recorded import write

DAY = timedelta(days=1)
REASONS = frozenset(map(str, Unalerted))
SEVERITIES = {200: Severity.CRITICAL, 100: Severity.INFO}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def cards(store: MemoryStore) -> Iterator[EventSearch]:
    with a_warehouse(store) as warehouse:
        yield EventSearch(warehouse, store, SEVERITIES)


def numbers(cards: EventSearch, asked: dict[str, str] | None = None) -> list[int]:
    """The numbers of the events on the first page."""
    page = cards.page(EventFilter.parse(asked or {}, REASONS), NOW)
    return [int(card.ref.id, 16) for card in page.cards]


def test_nothing_is_recorded(cards: EventSearch) -> None:
    page = cards.page(EventFilter(), NOW)
    assert (page.cards, page.older, page.looked_to, page.problems) == ((), None, None, ())
    assert cards.newer(EventFilter(), NOW, Position.before(NOW.date())) == 0
    assert cards.beside(PORCH, Position.before(NOW.date()), newer=False) is None
    assert cards.one(EventRef(id="1", day=NOW.date())) is None


def test_pages_show_each_event_once_newest_first(store: MemoryStore, cards: EventSearch) -> None:
    moments = [NOON - n // 5 * DAY - timedelta(minutes=n % 3) for n in range(40)]  # some at the same time
    record(store, [event_of(n, moment) for n, moment in enumerate(moments)])
    seen: list[tuple[date, Any, str]] = []
    sizes = []
    page = cards.page(EventFilter(), NOW, size=7)
    while True:
        seen += [(card.position.day, card.started_at, card.ref.id) for card in page.cards]
        sizes.append(len(page.cards))
        if page.older is None:
            break
        page = cards.page(EventFilter(), NOW, Position.parse(str(page.older)), size=7)
    assert sizes == [7, 7, 7, 7, 7, 5]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 40


def test_a_page_looks_at_so_many_days_and_says_from_where_to_go_on(store: MemoryStore, cards: EventSearch) -> None:
    record(store, [event_of(n, NOON - n * DAY) for n in range(MOST_DAYS + 3)])
    record(store, [event_of(999, NOON - (MOST_DAYS + 1) * DAY, label="cat")])
    wanted = EventFilter(label="cat")
    page = cards.page(wanted, NOW)
    assert page.cards == ()
    assert page.looked_to == (NOON - (MOST_DAYS - 1) * DAY).date()
    page = cards.page(wanted, NOW, page.older)
    assert [int(card.ref.id, 16) for card in page.cards] == [999]
    assert page.older is None


@pytest.fixture(scope="module")
def many_kinds() -> Iterator[EventSearch]:
    """Events 1 to 10, a minute apart: told, held back, failed, absorbed, withdrawn, reviewed."""
    store = MemoryStore()

    def at(number: int, **values: Any) -> Any:
        return event_of(number, NOON + timedelta(minutes=number), **values)

    one, two, three, four, five = at(1), at(2, camera=YARD), at(3, camera=SHOP), at(4, label="cat", rule_id=100), at(5)
    gone = event_of(20, NOON - timedelta(hours=13))  # of the day before; told before it was absorbed
    eight = at(8, absorbed=(gone.ref,))
    failed, claimed = alert_of(four, "failed", "info"), alert_of(five, "claimed", "critical")
    told = [(one.day, alert_of(one)), (three.day, alert_of(three)), (gone.day, alert_of(gone))]
    record(
        store,
        [
            *(one, two, three, four, five, (at(6), "quiet-hours"), (at(7), "too-late"), eight),
            *(at(9, state="withdrawn"), at(10, state="absorbed")),
        ],
        [*told, (four.day, failed), (five.day, claimed)],
    )
    reviews = Reviews(store)
    reviews.put(Review.of(one, ReviewVerdict.FALSE_ALARM, "ui:olga", NOW))
    reviews.put(Review.of(two, ReviewVerdict.CONFIRMED, "ui:olga", NOW))
    with a_warehouse(store) as warehouse:
        yield EventSearch(warehouse, store, SEVERITIES)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [8, 7, 6, 5, 4, 3, 2, 1]),
        ({"state": "all"}, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ({"state": "withdrawn"}, [9]),
        ({"state": "absorbed"}, [10]),
        ({"told": "alerted"}, [8, 3, 1]),
        ({"told": "failed"}, [5, 4]),
        ({"told": "held"}, [7, 6]),
        ({"told": "nobody"}, [7, 6, 5, 4, 2]),
        ({"told": "quiet-hours"}, [6]),
        ({"told": "too-late"}, [7]),
        ({"told": "cap"}, []),
        ({"event": f"{4:016x}"}, [4]),
        ({"event": f"{20:016x}"}, [8]),  # which absorbed it
        ({"event": "0000"}, [8, 7, 6, 5, 4, 3, 2, 1]),
        ({"event": "_"}, []),
        ({"user": "bob"}, [3]),
        ({"user": "bo"}, []),
        ({"camera": "alice-yard"}, [2]),
        ({"label": "cat"}, [4]),
        ({"rule": "100"}, [4]),
        ({"severity": "warning"}, [8, 3, 1]),
        ({"severity": "critical"}, [7, 6, 5, 2]),  # of the rules in force, where nobody was told
        ({"severity": "info"}, [4]),
        ({"review": "any"}, [2, 1]),
        ({"review": "none"}, [8, 7, 6, 5, 4, 3]),
        ({"review": "confirmed"}, [2]),
        ({"review": "false-alarm"}, [1]),
        ({"from": "2026-11-20T12:04", "to": "2026-11-20T12:06"}, [5, 4]),
        ({"to": "2026-11-19"}, []),
        ({"user": "' OR 1=1 --", "label": "'"}, []),
    ],
)
def test_filters(many_kinds: EventSearch, asked: dict[str, str], found: list[int]) -> None:
    assert numbers(many_kinds, asked) == found


def test_a_card_has_its_deliveries_and_its_boxes(store: MemoryStore, cards: EventSearch) -> None:
    event = event_of(1, seconds=(0, 5))
    record(store, [event], [(event.day, alert_of(event, severity="info"))])
    [card] = cards.page(EventFilter(), NOW).cards
    assert (card.ref, card.camera, card.labels, card.pictures) == (event.ref, PORCH, ("person",), 2)
    assert [(each.channel, each.state, each.is_done) for each in card.deliveries] == [("email", "sent", True)]
    assert [(box.label, box.probability, box.box) for box in card.boxes] == [("person", 0.9, (0.25, 0.25, 0.5, 0.75))]
    assert (card.severity, card.timezone, card.is_alerted) == ("info", "Europe/Berlin", True)
    assert cards.one(event.ref) == card


def test_an_event_that_grew_counts_once(store: MemoryStore, cards: EventSearch) -> None:
    record(store, [(event_of(1), "cool-down")])
    record(store, [event_of(1, seconds=(0, 9), revision=1)])
    [card] = cards.page(EventFilter(), NOW).cards
    assert (card.pictures, card.unalerted) == (2, "")


@pytest.mark.parametrize("release", ["0.1.0", "0.2.0"])
def test_rows_of_earlier_releases(release: str) -> None:
    store = golden(release)
    with a_warehouse(store) as warehouse:
        page = EventSearch(warehouse, store).page(EventFilter(), NOW + 30 * DAY)
    assert page.cards
    assert page.problems == ()
    for card in page.cards:
        assert card.boxes and card.labels and card.picture_key and card.deliveries


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"started_at": None, "probability": None}, "it lacks started_at, probability"),
        ({"user": None}, "it lacks user"),
        ({"probability": math.inf}, "expected probabilities from 0 to 1"),
        ({"probability": math.nan}, "expected probabilities from 0 to 1"),
        ({"best_probabilities": [-1.0]}, "expected probabilities from 0 to 1"),
    ],
)
def test_a_row_that_is_none_is_told_beside_the_others(
    store: MemoryStore, cards: EventSearch, changes: dict[str, Any], said: str
) -> None:
    write(store, EVENTS, NOON.date(), "1", [an_event(1), an_event(2, **changes)])
    page = cards.page(EventFilter(), NOW)
    assert [card.ref.id for card in page.cards] == ["e1"]
    assert said in page.problems[0]


def test_a_part_that_is_none_is_told_beside_the_others(store: MemoryStore, cards: EventSearch) -> None:
    record(store, [event_of(1)])
    store.put(f"{partition_prefix(EVENTS.name, NOON.date())}bad.parquet", b"no Parquet")
    page = cards.page(EventFilter(), NOW)
    assert len(page.cards) == 1
    assert "bad.parquet" in page.problems[0]


def test_what_came_since_and_what_is_beside(store: MemoryStore, cards: EventSearch) -> None:
    record(store, [event_of(n % 100, NOON + n * timedelta(hours=10)) for n in (-3, -1, 0, 1)])
    record(store, [event_of(50, NOON, camera=YARD)])
    at = cards.page(EventFilter(camera="alice-porch"), NOW + DAY).cards[1].position
    assert cards.newer(EventFilter(), NOW + DAY, at) == 2
    assert cards.newer(EventFilter(camera="alice-porch"), NOW + DAY, at) == 1
    older, newer = cards.beside(PORCH, at, newer=False), cards.beside(PORCH, at, newer=True)
    assert older == event_of(-1 % 100, NOON - timedelta(hours=10)).ref
    assert newer == event_of(1, NOON + timedelta(hours=10)).ref
    last = Position(newer.day, NOON + timedelta(hours=10), newer.id)
    assert cards.beside(PORCH, last, newer=True) is None


@pytest.mark.parametrize(
    "text",
    [
        *("x", "2026-11-20", "2026-11-20.1", "2026-13-20.1.a", "2026-11-20.-1.a", "2026-11-20.1.a/b"),
        *(f"2026-11-20.{'9' * 16}.a", f"2026-11-20.{'9' * 15}.a", "2026-11-20.1.a\n", "2026-11-20.1.é"),
    ],
)
def test_bad_positions(text: str) -> None:
    with pytest.raises(UsageError, match="expected a position"):
        Position.parse(text)


@pytest.mark.parametrize("position", [Position(NOON.date(), NOON, "a1"), Position.before(NOON.date())])
def test_positions_are_read_as_they_are_written(position: Position) -> None:
    assert Position.parse(str(position)) == position


def test_words_are_read_where_something_was_said(store: MemoryStore) -> None:
    said, silent, spoilt = event_of(1), event_of(2), event_of(3)
    Reviews(store).put(Review.of(said, ReviewVerdict.CONFIRMED, "ui:olga", NOW))
    store.put(f"reviews/2026/11/20/{spoilt.id}.json", b"{")
    words = words_about(store, [said.ref, silent.ref, spoilt.ref])
    assert set(words) == {said.id, spoilt.id}
    review = words[said.id].review
    assert review is not None and review.shown is not None
    assert (review.shown.standard_key, review.shown.object.label) == (said.first.picture.standard_key, "person")
    assert spoilt.id in words[spoilt.id].problem
    Reviews(store).remove(said.ref)
    assert word_about(store, said.ref).review is None
