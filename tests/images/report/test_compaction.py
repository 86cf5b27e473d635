"""Compaction of a camera's day: nothing lost, whoever writes meanwhile and whenever it is stopped."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.detections import Detection
from nightjar.domain.layout import detections_prefix
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.line_stores import DETECTIONS, read_newest
from nightjar.runtime.manifests import write_lines
from nightjar.runtime.memory import MemoryStore
from nightjar_report.compaction import compact
from tests.images.report.world import DAY, NOON, PORCH, World, person

PREFIX = detections_prefix("d1", DAY, PORCH)
TARGET = f"{PREFIX}day.jsonl"


class Stopped(BaseException):
    """The process was killed."""


class Interrupted(MemoryStore):
    """Calls `before` with the number and name of every call to the store that changes or reads it."""

    def __init__(self) -> None:
        moments = iter(NOON + timedelta(seconds=n) for n in range(10_000))
        super().__init__(clock=lambda: next(moments))
        self.before: Callable[[int, str], None] = lambda number, name: None
        self.calls = 0

    def _call(self, name: str) -> None:
        self.calls += 1
        self.before(self.calls, name)

    def put(self, key: str, data: bytes, **kwargs: Any) -> Any:
        self._call("put")
        return super().put(key, data, **kwargs)

    def get(self, key: str, version_id: str | None = None) -> Any:
        self._call("get")
        return super().get(key, version_id)

    def head(self, key: str, version_id: str | None = None) -> Any:
        self._call("head")
        return super().head(key, version_id)

    def delete(self, key: str, version_id: str | None = None) -> None:
        self._call("delete")
        super().delete(key, version_id)


def seen(second: int, *probabilities: float) -> Detection:
    world = World(MemoryStore())
    world.still(PORCH, NOON + timedelta(seconds=second), *map(person, probabilities))
    return world.detections[0]


def keep(store: MemoryStore, name: str, *lines: Detection) -> None:
    write_lines(store, f"{PREFIX}{name}.jsonl", lines)


def a_day() -> Interrupted:
    store = Interrupted()
    keep(store, "run2", seen(2, 0.5))
    keep(store, "run1", seen(1, 0.5), seen(2, 0.9))
    keep(store, "run3", seen(3))
    store.calls = 0
    return store


def found(store: MemoryStore) -> dict[int, int]:
    """Seconds after noon to the number of objects: what a reader of the store gets."""
    lines = read_newest(store, DETECTIONS, PREFIX).lines
    return {int((line.picture.taken_at - NOON).total_seconds()): len(line.objects) for line in lines}


def names(store: MemoryStore) -> list[str]:
    return sorted(info.key.removeprefix(PREFIX) for info in store.list_objects(PREFIX))


def test_the_files_become_one_with_the_newest_line_of_each_picture() -> None:
    store = a_day()
    written = compact(store, DETECTIONS, PREFIX)
    assert written is not None and written.key == TARGET
    assert names(store) == ["day.jsonl"]
    assert [line.objects[0].probability for line in read_newest(store, DETECTIONS, PREFIX).lines[:2]] == [0.5, 0.9]
    assert found(store) == {1: 1, 2: 1, 3: 0}


def test_nothing_there_nothing_done() -> None:
    assert compact(MemoryStore(), DETECTIONS, PREFIX) is None


def test_again_changes_nothing_and_what_came_later_is_taken_in() -> None:
    store = a_day()
    compact(store, DETECTIONS, PREFIX)
    before = list(store.list_versions(PREFIX))
    compact(store, DETECTIONS, PREFIX)
    assert list(store.list_versions(PREFIX)) == before
    keep(store, "run0", seen(2), seen(4))
    compact(store, DETECTIONS, PREFIX)
    assert names(store) == ["day.jsonl"]
    assert found(store) == {1: 1, 2: 0, 3: 0, 4: 0}


def test_a_file_that_a_live_run_adds_at_any_moment_is_kept() -> None:
    calls = _calls_of_a_compaction()
    for moment in range(1, calls + 1):
        store = a_day()

        def add(number: int, _name: str, store: Interrupted = store, moment: int = moment) -> None:
            if number == moment:
                store.before = lambda number, name: None
                keep(store, "run9", seen(9, 0.9))

        store.before = add
        compact(store, DETECTIONS, PREFIX)
        assert found(store) == {1: 1, 2: 1, 3: 0, 9: 1}, f"added before call {moment}"


def test_a_file_that_is_rewritten_after_it_was_read_is_kept() -> None:
    store = a_day()

    def rewrite(_number: int, name: str) -> None:
        if name == "put":
            store.before = lambda number, name: None
            keep(store, "run3", seen(3, 0.7), seen(4))

    store.before = rewrite
    compact(store, DETECTIONS, PREFIX)
    assert names(store) == ["day.jsonl", "run3.jsonl"]
    assert {line.standard_key for line in (x.picture for x in read_newest(store, DETECTIONS, PREFIX).lines)} == {
        seen(second).picture.standard_key for second in (1, 2, 3, 4)
    }


def test_killed_before_any_call_nothing_is_lost_and_a_second_run_ends_it() -> None:
    for moment in range(1, _calls_of_a_compaction() + 1):
        store = a_day()

        def kill(number: int, _name: str, moment: int = moment) -> None:
            if number == moment:
                raise Stopped

        store.before = kill
        with pytest.raises(Stopped):
            compact(store, DETECTIONS, PREFIX)
        store.before = lambda number, name: None
        assert found(store) == {1: 1, 2: 1, 3: 0}, f"killed before call {moment}"
        compact(store, DETECTIONS, PREFIX)
        assert (names(store), found(store)) == (["day.jsonl"], {1: 1, 2: 1, 3: 0})


def test_a_compaction_that_another_overtook_tries_again_later() -> None:
    store = a_day()

    def overtake(_number: int, name: str) -> None:
        if name == "head":
            store.before = lambda number, name: None
            keep(store, "day", seen(7))

    store.before = overtake
    with pytest.raises(TryAgainError, match="somebody else"):
        compact(store, DETECTIONS, PREFIX)
    assert found(store) == {1: 1, 2: 1, 3: 0, 7: 0}


def test_a_line_that_is_no_detection_is_named_and_nothing_is_removed() -> None:
    store = a_day()
    store.put(f"{PREFIX}run4.jsonl", b'{"no": "detection"}\n')
    with pytest.raises(InputError, match=r"line 1 of .*run4"):
        compact(store, DETECTIONS, PREFIX)
    assert len(names(store)) == 4


def _calls_of_a_compaction() -> int:
    store = a_day()
    compact(store, DETECTIONS, PREFIX)
    return store.calls
