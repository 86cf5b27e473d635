"""Grouping: events by the gap, ids that survive extension, whatever the order."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.domain.events import Event, EventSource, Grouping, ThreatPicture, event_id, group
from tests.scenes import DETECTOR, NOON, PORCH, after, detection, objects

SOURCE = EventSource(PORCH, "home", 300, "anybody", "0" * 64, timedelta(seconds=60))


def threat(second: float, probability: float = 0.9, label: str = "person") -> ThreatPicture:
    return ThreatPicture(
        picture=detection(PORCH, after(second), {}).picture, detector=DETECTOR, objects=objects({label: probability})
    )


def grouped(seconds: list[float], stored: list[Event] | None = None, judged: list[float] | None = None) -> Grouping:
    moments = {after(s) for s in (seconds if judged is None else [*judged, *seconds])}
    return group(SOURCE, [threat(s) for s in seconds], moments, stored or [])


def event(seconds: list[float], start: float | None = None) -> Event:
    """A stored event; with `start`, under the id that it would have if it had begun there."""
    [made] = grouped(seconds).events
    return made if start is None else made.model_copy(update={"id": event_id(PORCH, 300, after(start))})


def shape(grouping: Grouping) -> list[list[float]]:
    return [[(p.picture.taken_at - NOON).total_seconds() for p in e.pictures] for e in grouping.events]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], []),
        ([0], [[0]]),
        ([0, 60], [[0, 60]]),
        ([0, 60.001], [[0], [60.001]]),
        ([0, 50, 100, 161], [[0, 50, 100], [161]]),
        ([100, 0, 50], [[0, 50, 100]]),
    ],
)
def test_threats_within_the_gap_follow_each_other(seconds: list[float], expected: list[list[float]]) -> None:
    assert shape(grouped(seconds)) == expected


def test_an_event_says_what_was_seen() -> None:
    threats = [threat(0, 0.6), threat(10, 0.9), threat(20, 0.9), threat(30, 0.95, "dog")]
    [made] = group(SOURCE, threats, {t.picture.taken_at for t in threats}, []).events
    assert list(made.labels.items()) == [("dog", 0.95), ("person", 0.9)]
    assert made.best.picture.taken_at == after(30)
    assert (made.started_at, made.ended_at) == (NOON, after(30))
    assert made.id == event_id(PORCH, 300, NOON)


def test_ids_differ_by_camera_rule_and_start() -> None:
    ids = {event_id(PORCH, 300, NOON), event_id(PORCH, 30, NOON), event_id(PORCH, 300, after(0.001))}
    assert len(ids) == 3


@pytest.mark.parametrize("seconds", [[40], [-40], [-40, 40], [60], [-60], [40, 80, 120]])
def test_extension_keeps_the_id(seconds: list[float]) -> None:
    first = event([0])
    result = grouped(seconds, [first])
    assert [e.id for e in result.events] == [first.id]
    assert shape(result) == [sorted([0, *seconds])]


def test_events_that_grow_together_keep_the_earliest_id() -> None:
    first, second = event([0]), event([100])
    result = grouped([50], [second, first])
    assert [e.id for e in result.events] == [first.id]
    assert result.absorbed == {second.id}
    assert result.withdrawn == frozenset()


def test_what_is_judged_safe_now_leaves_its_event() -> None:
    whole = event([0, 50, 100])
    assert shape(grouped([0, 50], [whole], judged=[100])) == [[0, 50]]
    result = grouped([0, 100], [whole], judged=[50])
    assert shape(result) == [[0], [100]]
    assert [e.id for e in result.events] == [whole.id, event_id(PORCH, 300, after(100))]
    assert grouped([], [whole], judged=[0, 50]).events[0].id == whole.id
    result = grouped([], [whole], judged=[0, 50, 100])
    assert not result.events
    assert result.withdrawn == {whole.id}


def test_an_event_that_lost_its_start_does_not_lend_its_id() -> None:
    moved = event([50], start=0)
    result = grouped([-20], [moved], judged=[])
    assert [e.id for e in result.events] == [event_id(PORCH, 300, after(-20))]
    result = grouped([0], [event([200], start=0)])
    assert result.events[0].id not in {event_id(PORCH, 300, NOON)}
    assert result.untouched == {event_id(PORCH, 300, NOON)}


def test_a_new_event_gets_no_id_that_is_taken_out_of_sight() -> None:
    threats = [threat(0), threat(100)]
    taken = {event_id(PORCH, 300, NOON), event_id(PORCH, 300, NOON, 1)}
    result = group(SOURCE, threats, {t.picture.taken_at for t in threats}, [], taken=taken)
    assert [e.id for e in result.events] == [event_id(PORCH, 300, NOON, 2), event_id(PORCH, 300, after(100))]
    kept = event([0])
    assert group(SOURCE, [threat(30)], {after(30)}, [kept], taken={kept.id}).events[0].id == kept.id


@pytest.mark.parametrize(
    ("tentative", "expected"), [([], [0]), ([0], [30]), ([30], [0]), ([0, 30], [60]), ([30, 60], [0])]
)
def test_a_tentative_id_gives_way_to_another(tentative: list[float], expected: list[float]) -> None:
    stored = {0.0: event([0, 30]), 30.0: event([30]), 60.0: event([60])}
    threats = [threat(s) for s in (0, 30, 60)]
    ids = {stored[s].id for s in tentative}
    result = group(SOURCE, threats, {t.picture.taken_at for t in threats}, stored.values(), tentative=ids)
    assert [e.id for e in result.events] == [stored[s].id for s in expected]
    assert result.absorbed == {e.id for e in stored.values()} - {e.id for e in result.events}
    assert result.withdrawn == frozenset()


def test_what_no_threat_touches_is_left_alone() -> None:
    far = event([1000, 1010])
    result = grouped([0], [far])
    assert shape(result) == [[0]]
    assert result.untouched == {far.id}


def test_an_interrupted_move_is_one_event() -> None:
    old = event([0])
    new = grouped([-30], [old]).events[0]
    result = grouped([30], [old, new])
    assert [e.id for e in result.events] == [old.id]
    assert shape(result) == [[-30, 0, 30]]


SECONDS = st.lists(st.integers(0, 600), min_size=1, max_size=12, unique=True)


@settings(deadline=None)
@given(seconds=SECONDS, data=st.data())
def test_the_order_makes_no_difference(seconds: list[float], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(seconds))
    assert grouped(list(shuffled)) == grouped(seconds)


def run_batches(batches: list[list[float]]) -> dict[str, Event]:
    """The store after a run for each batch, checking what must hold at every step."""
    store: dict[str, Event] = {}
    for batch in batches:
        before = dict(store)
        result = grouped(batch, list(store.values()))
        for gone in result.absorbed | result.withdrawn:
            del store[gone]
        store.update({e.id: e for e in result.events})
        assert not result.withdrawn
        assert result.untouched | {e.id for e in result.events} == store.keys()
        for old in before.values():  # everything that was in an event still is, under one id, and the earliest one's
            [home] = [e for e in store.values() if old.pictures[0] in e.pictures]
            assert set(old.pictures) <= set(home.pictures)
            members = [b for b in before.values() if b.pictures[0] in home.pictures]
            assert home.id == min(members, key=lambda m: m.started_at).id
    return store


def pictures(store: dict[str, Event]) -> list[list[float]]:
    return sorted([(p.picture.taken_at - NOON).total_seconds() for p in e.pictures] for e in store.values())


@settings(deadline=None)
@given(batches=st.lists(SECONDS, min_size=1, max_size=5), data=st.data())
def test_batches_in_any_order_and_repeated_make_the_same_events(
    batches: list[list[float]], data: st.DataObject
) -> None:
    everything = sorted({s for batch in batches for s in batch})
    expected = sorted(shape(grouped(everything)))
    shuffled = data.draw(st.permutations(batches))
    again = data.draw(st.lists(st.sampled_from(batches), max_size=3))
    once = run_batches([*shuffled])
    assert pictures(once) == expected
    assert run_batches([*shuffled, *again]) == once
