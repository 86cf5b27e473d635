"""Events from threats: whatever the order and the batches, the same events, each picture once."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.domain.events import EventState, ThreatPicture
from nightjar.domain.topics import Topic
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from nightjar.stores.events import Events
from tests.bucket import PORCH
from tests.images.base.nightjar.stores.threats import (
    PERSON,
    apply,
    at,
    clusters,
    current,
    pictures,
    snapshot,
    spans,
    stored,
    threat,
)


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([], []),
        ([[0]], [(0, 0, 1)]),
        ([[0, 10, 20]], [(0, 20, 3)]),
        ([[0], [60]], [(0, 60, 2)]),
        ([[0], [61]], [(0, 0, 1), (61, 61, 1)]),
        ([[60], [0]], [(0, 60, 2)]),
        ([[0], [120], [60]], [(0, 120, 3)]),
        ([[0, 120], [60]], [(0, 120, 3)]),
        ([[0, 20], [10]], [(0, 20, 3)]),
        ([[0], [0]], [(0, 0, 1)]),
        ([[0, 10], [10, 20], [0]], [(0, 20, 3)]),
        ([[590], [610]], [(590, 610, 2)]),  # over midnight
        ([[610], [590]], [(590, 610, 2)]),
        ([[0.25], [0.5]], [(0.25, 0.5, 2)]),
    ],
)
def test_batches_make_events(batches: list[list[float]], expected: list[tuple[float, float, int]]) -> None:
    store = MemoryStore()
    for batch in batches:
        apply(store, batch, batch)
    assert spans(store) == expected
    for event, cluster in zip(current(store), clusters([s for b in batches for s in b]), strict=True):
        assert pictures(store, event) == cluster


def test_an_id_stays_when_its_event_grows_on_either_side_and_over_midnight() -> None:
    store = MemoryStore()
    first = apply(store, [610], [610]).homes[at(610)]
    assert {e.id for e in apply(store, [560, 660], [560, 660]).homes.values()} == {first.id}
    [event] = current(store)
    assert (event.id, event.day, event.picture_count) == (first.id, date(2024, 11, 21), 3)


def test_when_events_meet_the_older_id_stays_and_the_other_says_where_it_went() -> None:
    store = MemoryStore()
    apply(store, [120], [120])
    apply(store, [0], [0])
    apply(store, [60], [60])
    [event] = current(store)
    assert event.started_at == at(0)
    [gone] = [e for e in stored(store) if not e.is_current]
    assert (gone.state, gone.absorbed_by) == (EventState.ABSORBED, event.ref)
    assert event.absorbed == (gone.ref,)
    assert event.made < gone.made
    assert Events(store).current(PORCH, gone.ref) == event


def test_what_is_no_threat_any_more_leaves_its_event() -> None:
    store = MemoryStore()
    before = apply(store, [0, 50, 100], [0, 50, 100]).homes[at(0)]
    apply(store, [100], [])
    assert spans(store) == [(0, 50, 2)]
    apply(store, [0, 50, 100], [])
    assert spans(store) == []
    [gone] = stored(store)
    assert (gone.id, gone.state) == (before.id, EventState.WITHDRAWN)
    again = apply(store, [0, 50], [0, 50]).homes[at(0)]  # and back: under the id that the ledger knows
    assert (again.id, again.state, again.picture_count) == (before.id, EventState.CURRENT, 2)


def test_an_event_falls_apart_when_a_picture_in_the_middle_is_no_threat() -> None:
    store = MemoryStore()
    whole = apply(store, [0, 50, 100], [0, 50, 100]).homes[at(0)]
    apply(store, [50], [])
    assert spans(store) == [(0, 0, 1), (100, 100, 1)]
    left, right = current(store)
    assert left.id == whole.id != right.id
    assert right.absorbed == (whole.ref,)  # whoever was told of the whole was told of its parts
    assert pictures(store, right) == [100]
    apply(store, [50], [50])
    [event] = current(store)
    assert (event.id, event.picture_count, event.absorbed) == (whole.id, 3, (right.ref,))


class Listing(MemoryStore):
    """Counts the listings."""

    listings = 0

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self.listings += 1
        return super().list_objects(prefix)


@pytest.mark.parametrize("years", [0, 1, 7000])
def test_an_event_whose_end_is_years_off_costs_a_day_of_listings(years: int) -> None:
    store = Listing()
    apply(store, [0, 86_400, 2 * 86_400], [0, 86_400, 2 * 86_400], gap=86_400)
    [event] = current(store)
    damaged = event.model_copy(update={"ended_at": event.ended_at + timedelta(days=365 * years)})
    store.listings = 0
    assert pictures(store, damaged) == [0, 86_400, 2 * 86_400]
    assert store.listings <= 4 * 26


def test_the_best_picture_gives_way_and_comes_from_what_is_left() -> None:
    store = MemoryStore()
    seen: dict[float, ThreatPicture] = {0: threat(0, 0.7), 10: threat(10, 0.99), 20: threat(20, 0.8)}
    apply(store, [0, 10, 20], seen)
    [event] = current(store)
    assert event.labels == {"person": 0.99}
    assert event.shown.picture.taken_at == at(10)
    apply(store, [10], {})
    [event] = current(store)
    assert event.labels == {"person": 0.8}
    assert event.shown.picture.taken_at == at(20)


def test_another_gap_groups_anew_what_it_touches() -> None:
    store = MemoryStore()
    apply(store, [0, 50, 300], [0, 50, 300])
    apply(store, [0, 50, 300], [0, 50, 300], gap=30)
    assert spans(store) == [(0, 0, 1), (50, 50, 1), (300, 300, 1)]
    apply(store, [0, 50, 300], [0, 50, 300], gap=250)
    assert spans(store) == [(0, 300, 3)]


@pytest.mark.parametrize(
    "other", [Topic(100, "person"), Topic(300, "car"), Topic(300, "person", "yard")], ids=["rule", "label", "area"]
)
def test_topics_are_kept_apart(other: Topic) -> None:
    store = MemoryStore()
    apply(store, [0, 20], [0, 20], topic=other)
    apply(store, [0, 10, 20], [0, 10, 20])
    assert sorted((e.topic, e.picture_count) for e in current(store)) == sorted([(other, 2), (PERSON, 3)])
    for event in current(store):
        assert len(pictures(store, event)) == event.picture_count
        assert event.labels.keys() == {event.label}
    apply(store, [0, 20], [], topic=other)
    assert [e.topic for e in current(store)] == [PERSON]


@settings(max_examples=150, deadline=None)
@given(
    batches=st.lists(st.lists(st.integers(0, 900).map(lambda n: 5 * n), min_size=1, max_size=8), max_size=8),
    gap=st.sampled_from([0, 5, 60, 200]),
)
def test_any_split_of_the_pictures_into_runs_gives_the_events_of_the_definition(
    batches: list[list[float]], gap: float
) -> None:
    store = MemoryStore()
    for batch in batches:
        homes = apply(store, batch, batch, gap).homes
        assert homes.keys() == {at(s) for s in batch}
    everything = clusters([s for batch in batches for s in batch], gap)
    assert [(s, e, n) for s, e, n in spans(store)] == [(c[0], c[-1], len(c)) for c in everything]
    assert [pictures(store, event) for event in current(store)] == everything
    before = snapshot(store)
    for batch in batches:
        assert apply(store, batch, batch, gap).events == []
    assert snapshot(store) == before


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.integers(0, 40).map(lambda n: 20 * n), st.booleans(), min_size=1, max_size=10), max_size=8
    )
)
def test_the_last_verdict_about_each_picture_counts(runs: list[dict[float, bool]]) -> None:
    store = MemoryStore()
    verdicts: dict[float, bool] = {}
    for judged in runs:
        threats = [second for second, unsafe in judged.items() if unsafe]
        homes = apply(store, list(judged), threats).homes
        verdicts |= judged
        by_id = {event.id: event for event in current(store)}
        for second in threats:
            event = by_id[homes[at(second)].id]
            assert event == homes[at(second)]
            assert event.started_at <= at(second) <= event.ended_at
    everything = clusters([second for second, unsafe in verdicts.items() if unsafe])
    assert [(s, e, n) for s, e, n in spans(store)] == [(c[0], c[-1], len(c)) for c in everything]
    assert [pictures(store, event) for event in current(store)] == everything
    for event in current(store):
        assert event.picture_count == len(pictures(store, event))
