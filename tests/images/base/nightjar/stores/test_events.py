"""Events and their transactions: whatever the order and the interruptions, the same events, each picture once."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.domain.events import Event, EventState, ThreatPicture
from nightjar.domain.grouping import Judge, Regrouped, regroup
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.camera_view import CameraView
from nightjar.stores.events import Events
from tests.bucket import PORCH
from tests.scenes import DETECTOR, detection, objects

START = datetime.fromisoformat("2024-11-20T23:50:00+00:00")
TODAY = date(2024, 11, 21)
GAP = 60


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def threat(seconds: float, probability: float = 0.9, label: str = "person") -> ThreatPicture:
    picture = detection(PORCH, at(seconds), {label: probability}).picture
    return ThreatPicture(picture=picture, detector=DETECTOR, objects=objects({label: probability}))


def judge(gap: float = GAP, rule: int = 300) -> Judge:
    return Judge(PORCH, "home", rule, "anybody", "0" * 64, timedelta(seconds=gap))


def apply(
    store: ObjectStore,
    judged: Sequence[float],
    threats: Mapping[float, ThreatPicture] | Sequence[float],
    gap: float = GAP,
    rule: int = 300,
) -> Regrouped:
    """Judge the pictures taken at `judged`, of which those at `threats` are threats, as one run does."""
    shown = threats if isinstance(threats, Mapping) else {second: threat(second) for second in threats}
    moments = [at(second) for second in judged]

    def work(view: CameraView) -> Regrouped:
        result = regroup(
            judge(gap, rule), view.timeline(rule), moments, {at(s): t for s, t in shown.items()}, view.number
        )
        view.put(rule, result)
        return result

    return Events(store).change(PORCH, TODAY, work)[0]


def stored(store: ObjectStore) -> list[Event]:
    """Every event, in whatever state, by start and id."""
    days = [START.date() + timedelta(days=n) for n in range(-2, 4)]
    events = [event for day in days for event in Events(store).of_day(day)]
    return sorted(events, key=lambda event: (event.started_at, event.id))


def current(store: ObjectStore) -> list[Event]:
    return [event for event in stored(store) if event.is_current]


def spans(store: ObjectStore) -> list[tuple[float, float, int]]:
    """Start and end in seconds and the number of pictures of every current event."""
    return [
        ((e.started_at - START).total_seconds(), (e.ended_at - START).total_seconds(), e.picture_count)
        for e in current(store)
    ]


def pictures(store: ObjectStore, event: Event) -> list[float]:
    return [(t.taken_at - START).total_seconds() for t in Events(store).pictures(event)]


def clusters(seconds: Sequence[float], gap: float = GAP) -> list[list[float]]:
    """The groups that the definition of an event gives."""
    found: list[list[float]] = []
    for second in sorted(set(seconds)):
        if found and second - found[-1][-1] <= gap:
            found[-1].append(second)
        else:
            found.append([second])
    return found


def snapshot(store: ObjectStore) -> dict[str, str]:
    return {info.key: info.version_id for info in (store.head(i.key) for i in store.list_objects("")) if info}


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
    assert pictures(store, right) == [100]
    apply(store, [50], [50])
    [event] = current(store)
    assert (event.id, event.picture_count, event.absorbed) == (whole.id, 3, (right.ref,))


def test_the_best_picture_gives_way_and_comes_from_what_is_left() -> None:
    store = MemoryStore()
    seen: dict[float, ThreatPicture] = {0: threat(0, 0.7), 10: threat(10, 0.99), 20: threat(20, 0.8, "dog")}
    apply(store, [0, 10, 20], seen)
    [event] = current(store)
    assert event.labels == {"person": 0.99, "dog": 0.8}
    assert event.shown.picture.taken_at == at(10)
    assert {label: p.picture.taken_at for label, p in event.best.items()} == {"person": at(10), "dog": at(20)}
    apply(store, [10], {})
    [event] = current(store)
    assert event.labels == {"dog": 0.8, "person": 0.7}
    assert event.shown.picture.taken_at == at(20)


def test_another_gap_groups_anew_what_it_touches() -> None:
    store = MemoryStore()
    apply(store, [0, 50, 300], [0, 50, 300])
    apply(store, [0, 50, 300], [0, 50, 300], gap=30)
    assert spans(store) == [(0, 0, 1), (50, 50, 1), (300, 300, 1)]
    apply(store, [0, 50, 300], [0, 50, 300], gap=250)
    assert spans(store) == [(0, 300, 3)]


def test_rules_are_kept_apart() -> None:
    store = MemoryStore()
    apply(store, [0], [0], rule=100)
    apply(store, [10], [10], rule=300)
    assert [(e.rule_id, e.picture_count) for e in current(store)] == [(100, 1), (300, 1)]


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


def check_eight_at_once(store: ObjectStore) -> None:
    """Eight runs, each with every eighth picture of one event, all at the same time."""
    seconds = [10 * n for n in range(48)]
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            apply(store, seconds[number::8], seconds[number::8])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    assert spans(store) == [(0, 470, 48)]
    [event] = current(store)
    assert pictures(store, event) == seconds
    assert all(Events(store).current(PORCH, e.ref) == event for e in stored(store))


def test_eight_runs_at_once_make_one_event() -> None:
    check_eight_at_once(MemoryStore())


def test_eight_runs_at_once_make_one_event_on_a_real_server(s3_store: S3Store) -> None:
    check_eight_at_once(s3_store)


class Cut(Exception):  # noqa: N818 - the process is gone
    """The process was killed."""


class Killed(MemoryStore):
    """Kills whoever makes the n-th write from now on, before or after it was made."""

    def __init__(self) -> None:
        super().__init__()
        self.left: Iterator[int] | None = None
        self.after = False

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        if self.left is None or next(self.left):
            return super().put(key, data, **options)
        if self.after:
            super().put(key, data, **options)
        raise Cut


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", range(8))
def test_what_a_killed_run_began_is_finished_by_the_next(writes: int, after: bool) -> None:
    expected = MemoryStore()
    for batch in ([0, 120], [60], [60, 180]):
        apply(expected, batch, batch)
    store = Killed()
    apply(store, [0, 120], [0, 120])
    store.left, store.after = itertools.count(writes, -1), after
    with contextlib.suppress(Cut):
        apply(store, [60], [60])
    store.left = None
    apply(store, [60, 180], [60, 180])
    assert spans(store) == spans(expected) == [(0, 180, 4)]
    assert {e.id for e in current(store)} == {e.id for e in current(expected)}


class Overtaken(MemoryStore):
    """Lets another run change the same camera just before each commit, so many times."""

    def __init__(self, times: int, other: Callable[[ObjectStore], object]) -> None:
        super().__init__()
        self._times, self._other = times, other

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        if key.startswith("journals/") and self._times:
            self._times -= 1
            times, self._times = self._times, 0
            self._other(self)
            self._times = times
        return super().put(key, data, **options)


def test_a_run_that_is_overtaken_judges_again() -> None:
    numbers = itertools.count(1)
    store = Overtaken(3, lambda inner: apply(inner, [n := 1000 * next(numbers)], [n]))
    apply(store, [0, 30], [0, 30])
    assert spans(store) == [(0, 30, 2), (1000, 1000, 1), (2000, 2000, 1), (3000, 3000, 1)]


def test_a_run_that_is_always_overtaken_tries_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightjar.stores.events._LONGEST_PAUSE", 0.0)
    numbers = itertools.count(1)
    store = Overtaken(1000, lambda inner: apply(inner, [n := 1000 * next(numbers)], [n]))
    with pytest.raises(TryAgainError, match="changed by other runs 20 times"):
        apply(store, [0], [0])


class Torn(MemoryStore):
    """Lets another run commit, and then make its writes to threats only, just before the threats are first listed."""

    def __init__(self, other: Callable[[ObjectStore], object]) -> None:
        super().__init__()
        self._other: Callable[[ObjectStore], object] | None = other
        self._cuts = False

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        if prefix.startswith("threats/") and self._other:
            other, self._other = self._other, None
            self._cuts = True
            with contextlib.suppress(Cut):
                other(self)
            self._cuts = False
        return super().list_objects(prefix)

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        if self._cuts and key.startswith("events/"):
            time.sleep(0.1)  # the write of the threats, which goes on beside this one, is made
            raise Cut
        return super().put(key, data, **options)


def test_a_run_that_reads_half_of_what_another_run_writes_judges_again() -> None:
    store = Torn(lambda inner: apply(inner, [0], [0]))
    assert apply(store, [0], [0]).homes.keys() == {at(0)}
    assert spans(store) == [(0, 0, 1)]


def test_threats_whose_event_was_erased_get_an_event_again() -> None:
    store = MemoryStore()
    apply(store, [0, 30], [0, 30])
    for info in list(store.list_objects("events/")):
        store.delete(info.key)
    assert apply(store, [0, 30], [0, 30]).homes.keys() == {at(0), at(30)}
    assert spans(store) == [(0, 30, 2)]
    before = snapshot(store)
    apply(store, [0, 30], [0, 30])
    assert snapshot(store) == before


def test_an_event_in_a_state_of_a_later_release_keeps_it_and_its_pictures() -> None:
    store = MemoryStore()
    apply(store, [0], [0])
    [info] = store.list_objects("events/")
    store.put(info.key, store.get(info.key)[0].replace(b'"current"', b'"muted"'))
    assert apply(store, [0], [0]).homes.keys() == {at(0)}
    apply(store, [30], [30])
    [event] = stored(store)
    assert (event.state, event.picture_count) == ("muted", 2)
    assert Events(store).current(PORCH, event.ref) is None  # so it is not alerted


def test_a_write_that_comes_too_late_changes_nothing() -> None:
    store = MemoryStore()
    apply(store, [0], [0])
    [key] = [info.key for info in store.list_objects("events/")]
    stale = store.head(key)
    assert stale is not None
    apply(store, [10], [10])
    apply(store, [10], [])
    assert stale.etag != (store.head(key) or stale).etag  # the same pictures, and another object all the same


@pytest.mark.parametrize("key", ["journals/alice-porch.json", "threats/2024/11/20/23/alice-porch/50.json"])
def test_a_damaged_object_is_named(key: str) -> None:
    store = MemoryStore()
    apply(store, [0], [0])
    store.put(key, b'{"user": 1}')
    with pytest.raises(InputError, match=key):
        apply(store, [10], [10])


def test_an_event_stays_small_however_long_it_lasts() -> None:
    store = MemoryStore()
    sizes = []
    for hour in range(30):
        seconds = [3600 * hour + 50 * n for n in range(72)]
        apply(store, seconds, seconds)
        [info] = store.list_objects("events/")
        sizes.append(info.size)
    assert spans(store) == [(0, 3600 * 29 + 50 * 71, 30 * 72)]
    assert max(sizes) < 4000


class Counting(MemoryStore):
    """Counts requests and bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = self.bytes = 0

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self.requests += 1
        data, info = super().get(key, version_id)
        self.bytes += len(data)
        return data, info

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        self.requests += 1
        self.bytes += len(data)
        return super().put(key, data, **options)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self.requests += 1
        listed = list(super().list_objects(prefix))
        self.bytes += 300 * len(listed)
        return iter(listed)


def test_a_picture_costs_the_same_however_much_is_stored() -> None:
    store = Counting()
    costs = []
    for number in range(400):
        store.requests = store.bytes = 0
        apply(store, [50 * number], [50 * number])
        costs.append((store.requests, store.bytes))
    assert max(requests for requests, _ in costs) <= 14
    # A listing of the hour names up to 60 minutes.
    assert max(size for _, size in costs[1:]) <= 1.5 * costs[1][1] + 60 * 300


@pytest.mark.parametrize(("user", "device", "left"), [("alice", None, 0), ("alice", "porch", 0), ("alice", "yard", 1)])
def test_a_users_events_are_erased_in_every_version(user: str, device: str | None, left: int) -> None:
    store = MemoryStore()
    apply(store, [0], [0])
    apply(store, [10], [10])
    erased = Events(store).erase(user, device)
    assert (erased > 0) == (left == 0)
    assert len(current(store)) == left
    assert bool(list(store.list_versions(""))) == bool(left)
    assert Events(store).erase(user, device) == 0
