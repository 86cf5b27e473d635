"""Transactions of a camera's events: several runs at once, kills, damage, what they cost, and erasure."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.events import Events
from tests.bucket import PORCH
from tests.images.base.nightjar.stores.threats import (
    apply,
    at,
    current,
    pictures,
    snapshot,
    spans,
    stored,
)


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
