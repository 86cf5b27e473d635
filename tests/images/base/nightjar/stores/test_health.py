"""The health of cameras, the runs that wait to be counted, and the cameras that are due."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from nightjar.domain.health import Health
from nightjar.domain.names import Camera
from nightjar.errors import TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.health import DueTimes, EndedRuns, HealthStore

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PORCH, YARD, SHOP = Camera("alice", "porch"), Camera("alice", "yard"), Camera("bob", "shop")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def new(camera: Camera) -> Health:
    return Health(user=camera.user, device=camera.device, since=NOON)


def test_health_is_changed_and_read(store: MemoryStore) -> None:
    health = HealthStore(store)
    assert health.find(PORCH) is None
    assert health.change(PORCH, lambda before: before) is None
    assert health.change(PORCH, lambda _: new(PORCH)) == new(PORCH) == health.find(PORCH)
    versions = len(list(store.list_versions("health/")))
    health.change(PORCH, lambda before: before)
    assert len(list(store.list_versions("health/"))) == versions


def test_who_is_overtaken_changes_what_is_there_by_then(store: MemoryStore) -> None:
    health, seen = HealthStore(store), list[Health | None]()

    def change(before: Health | None) -> Health:
        seen.append(before)
        if len(seen) == 1:
            health.change(PORCH, lambda _: new(PORCH))
        return (before or new(PORCH)).model_copy(update={"open": ("void",)})

    health.change(PORCH, change)
    assert seen == [None, new(PORCH)]
    assert [each.open for each in [health.find(PORCH)] if each] == [("void",)]


def test_who_is_always_overtaken_tries_later(store: MemoryStore) -> None:
    health, numbers = HealthStore(store), iter(range(100))

    def change(before: Health | None) -> Health:
        other = (before or new(PORCH)).model_copy(update={"counted": (str(next(numbers)),)})
        HealthStore(store).change(PORCH, lambda _: other)
        return new(PORCH)

    with pytest.raises(TryAgainError, match="hold still"):
        health.change(PORCH, change)


def test_ended_runs_wait_the_oldest_first_and_go_for_good(store: MemoryStore) -> None:
    ended = EndedRuns(store)
    for name in ("b2", "b1", "b3", "b1"):
        ended.announce(name)
    waiting = ended.waiting(2)
    assert [run.name for run in waiting] == ["b1", "b2"]
    ended.announce("b2")  # again, after it was listed
    for run in waiting:
        ended.counted(run)
    assert [run.name for run in ended.waiting(9)] == ["b2", "b3"]
    for run in ended.waiting(9):
        ended.counted(run)
    assert list(store.list_versions("")) == []


@pytest.mark.parametrize(
    ("due", "minute"),
    [
        (NOON, NOON),
        (NOON + timedelta(microseconds=1), NOON + MINUTE),
        (NOON + timedelta(seconds=59), NOON + MINUTE),
        (NOON.astimezone(), NOON),
    ],
)
def test_a_camera_is_looked_at_when_it_is_due_and_not_before(due: datetime, minute: datetime) -> None:
    assert DueTimes.minute(due) == minute


def test_lists_of_due_cameras(store: MemoryStore) -> None:
    due = DueTimes(store)
    due.add(NOON + MINUTE, {PORCH: NOON})
    due.add(NOON + MINUTE, {YARD: NOON, PORCH: NOON})
    due.add(NOON, {SHOP: NOON})
    due.add(NOON + 2 * MINUTE, {SHOP: NOON})
    store.put("health/due/notes.txt", b"put there by hand")
    first, second = due.lists(NOON + MINUTE)
    assert (first.minute, list(first.cameras)) == (NOON, [SHOP])
    assert (second.minute, list(second.cameras)) == (NOON + MINUTE, [PORCH, YARD])
    due.done(first)
    due.done(first)
    due.add(NOON + MINUTE, {SHOP: NOON})
    due.done(second)
    assert [(each.minute, list(each.cameras)) for each in due.lists(NOON + MINUTE)] == [(NOON + MINUTE, [SHOP])]
    assert sum(version.key.endswith("1200Z.json") for version in store.list_versions("health/due/")) == 0


def test_many_threads_add_to_one_list(store: MemoryStore) -> None:
    due, cameras = DueTimes(store), [Camera("alice", f"c{n}") for n in range(300)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda camera: due.add(NOON, {camera: NOON}), cameras))
    [listed] = due.lists(NOON)
    assert set(listed.cameras) == set(cameras)


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [("alice", None, {SHOP}), ("alice", "porch", {YARD, SHOP}), ("ali", None, {PORCH, YARD, SHOP})],
)
def test_erasure(store: MemoryStore, user: str, device: str | None, left: set[Camera]) -> None:
    health = HealthStore(store)
    for camera in (PORCH, YARD, SHOP):
        health.change(camera, partial(lambda made, _: made, new(camera)))
        health.change(camera, lambda before: before and before.model_copy(update={"open": ("void",)}))
    assert health.erase(user, device) == 2 * (3 - len(left))
    assert {camera for camera in (PORCH, YARD, SHOP) if health.find(camera)} == left
    assert health.erase(user, device) == 0
