"""Static objects and agreement in transactions: whatever the runs and their order, what judging all at once gives."""

import itertools
from collections.abc import Collection, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.domain.areas import Box
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.events import Events
from tests.images.assess.memory_world import (
    BESIDE,
    LEFT,
    RIGHT,
    Seen,
    Told,
    at_once,
    events,
    expected_shape,
    minutes,
    run,
    stored_shape,
)


def check(store: MemoryStore, pictures: Mapping[float, Seen], unseen: Collection[float] = ()) -> None:
    """The stored threats and events are those that judging all `pictures` at once gives."""
    judgement = at_once(pictures, unseen=unseen)
    assert stored_shape(store) == expected_shape(judgement)
    held = {
        (h.topic, h.taken_at, str(h.reason), o.box)
        for minute in minutes(store)
        for h in minute.held
        for o in h.shown.objects
    }
    assert held == {
        (topic, moment, str(why), o.box) for moment, lines in judgement.held.items() for topic, o, why in lines
    }


OBJECTS = st.tuples(
    st.sampled_from(["car", "car", "dog", "person"]),
    st.sampled_from([0.3, 0.6, 0.9]),
    st.sampled_from([LEFT, BESIDE, RIGHT]),
)
PICTURES = st.dictionaries(
    st.integers(0, 30).map(lambda n: 10 * n),
    st.lists(OBJECTS, max_size=3, unique_by=lambda o: (o[0], o[2])),
    max_size=16,
)


@settings(max_examples=120, deadline=None)
@given(PICTURES, st.data())
def test_any_split_into_runs_in_any_order_is_judged_as_all_at_once(
    pictures: dict[float, Seen], data: st.DataObject
) -> None:
    store = MemoryStore()
    shards = {s: data.draw(st.integers(0, 3), label=f"run of {s}") for s in pictures}
    order = data.draw(st.permutations(range(4)), label="order")
    unseen = data.draw(st.sets(st.sampled_from(sorted(pictures) or [0])), label="not looked at")
    for number in order:
        run(store, {s: pictures[s] for s, shard in shards.items() if shard == number}, unseen=unseen)
    check(store, pictures, unseen)
    before = list(store.list_versions(""))
    run(store, pictures, unseen=unseen)
    assert list(store.list_versions("")) == before
    for event in events(store):
        shown = {threat.taken_at: threat.shown.is_seen for threat in Events(store).pictures(event)}
        if any(shown.values()):
            assert event.first.is_seen and event.shown.is_seen
            assert event.first.picture.taken_at == min(moment for moment, is_seen in shown.items() if is_seen)
    # Looked at in the end, they are judged like all others.
    run(store, pictures)
    check(store, pictures)


def test_agreement_counts_looks() -> None:
    """Three within 30 seconds must agree, in the area `left`."""
    store = MemoryStore()
    pictures: dict[float, Seen] = {s: [("person", 0.9, LEFT)] for s in (0, 10, 20)}
    run(store, pictures, unseen=[10])
    assert {event.rule_id for event in events(store)} == {100}
    run(store, {10: pictures[10]})
    assert {event.rule_id: event.picture_count for event in events(store)} == {100: 3, 200: 3}


B: Box = (0.35, 0.5, 0.48, 0.9)  # another place in the left area


@pytest.mark.parametrize(
    "runs",
    [
        # Three agree; a fourth, that has too few beside it, leaves them as they are.
        [
            {0: [("person", 0.9, LEFT)], 10: [("person", 0.9, LEFT)], 30: [("person", 0.9, LEFT)]},
            {60: [("person", 0.9, LEFT)]},
        ],
        # The one in the middle comes last, and is no candidate in the end.
        [{0: [("person", 0.9, LEFT)], 30: [("person", 0.9, LEFT)]}, {15: [("person", 0.9, LEFT)]}, {15: []}],
        # A car is static in the pictures in which another one waits for agreement.
        [{s: [("car", 0.9, LEFT), *([("car", 0.8, B)] if s >= 70 else [])]} for s in (0, 20, 40, 60, 70, 80, 90)],
        # Seen 30 s before it was missed: the earlier picture comes last, and decides long after the next one.
        [{10: [], 30: [("car", 0.9, LEFT)], 80: [("car", 0.9, LEFT)]}, {0: [("car", 0.9, LEFT)]}],
        [{0: [("car", 0.9, LEFT)], 80: [("car", 0.9, LEFT)]}, {30: [("car", 0.9, LEFT)]}, {10: []}],
        # An event that was told falls apart.
        [{s: [("car", 0.9, LEFT)] for s in (0, 40, 80)}, {-30: [("car", 0.9, LEFT)]}, {60: []}],
    ],
)
def test_runs_that_a_hurried_reading_would_judge_otherwise(runs: list[dict[float, Seen]]) -> None:
    store, told = MemoryStore(), Told()
    pictures: dict[float, Seen] = {}
    for each in runs:
        run(store, each)
        told.after(store)
        pictures |= each
        check(store, pictures)


@settings(max_examples=60, deadline=None)
@given(PICTURES, st.data())
def test_footage_that_comes_late_adds_no_alert_to_what_was_alerted(
    pictures: dict[float, Seen], data: st.DataObject
) -> None:
    store, told = MemoryStore(), Told()
    for second in data.draw(st.permutations(sorted(pictures))):
        run(store, {second: pictures[second]})
        told.after(store)


@settings(max_examples=60, deadline=None)
@given(PICTURES, st.sets(st.integers(0, 300), max_size=5))
def test_a_day_in_runs_one_after_the_other_gives_one_alert_for_each_event(
    pictures: dict[float, Seen], cuts: set[int]
) -> None:
    store, told = MemoryStore(), Told()
    for first, last in itertools.pairwise([0, *sorted(cuts), 301]):
        run(store, {second: seen for second, seen in pictures.items() if first <= second < last})
        told.after(store)
    assert sorted(told.ids) == sorted(event.id for event in events(store))
