"""Runs side by side over one camera: on the real server, nothing is lost and nothing is there twice."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.events import Event
from nightjar.domain.layout import detections_prefix
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar_assess.stage import assess
from tests.scenes import NOON, PORCH, after, detection, start_run

PERSON = {"person": 0.9}


def check(store: ObjectStore) -> None:
    """Eight runs, each with every eighth picture of one event, all at once."""
    seconds = [10 * n for n in range(48)]
    contexts = [
        start_run(store, f"r{n}", [detection(PORCH, after(s), PERSON) for s in seconds[n::8]]) for n in range(8)
    ]
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            run(assess, contexts[number])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    [info] = store.list_objects("events/")
    event = Event.model_validate_json(store.get(info.key)[0])
    assert [(p.picture.taken_at - NOON).total_seconds() for p in event.pictures] == seconds


def test_eight_runs_at_once_make_one_event() -> None:
    check(MemoryStore())


def test_eight_runs_at_once_make_one_event_on_a_real_server(s3_store: S3Store) -> None:
    check(s3_store)


class Counting(MemoryStore):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: self.now)
        self.now = NOON
        self.read: list[str] = []

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self.read.append(key)
        return super().get(key, version_id)


def test_a_run_reads_what_is_near_and_not_the_whole_day() -> None:
    store = Counting()
    for n in range(40):  # an event every five minutes
        store.now = after(300 * n + 20)
        context = start_run(store, f"r{n}", [detection(PORCH, after(300 * n), PERSON)])
        store.read.clear()
        run(assess, replace(context, clock=lambda: store.now))
    folder = detections_prefix("d1", NOON.date(), PORCH)
    assert len(list(store.list_objects(folder))) == len(list(store.list_objects("events/"))) == 40
    assert sum(key.startswith(("events/", folder)) for key in store.read) <= 8


def test_what_comes_late_still_finds_its_event() -> None:
    store = Counting()
    store.now = after(20)
    run(assess, start_run(store, "r1", [detection(PORCH, after(0), PERSON)]))
    store.now = after(0) + timedelta(days=3)
    run(assess, start_run(store, "r2", [detection(PORCH, after(30), PERSON)]))
    run(assess, start_run(store, "r3", [detection(PORCH, after(-30), PERSON)]))
    [info] = store.list_objects("events/")
    assert len(Event.model_validate_json(store.get(info.key)[0]).pictures) == 3


class Interleaved(MemoryStore):
    """Does something else in between, once: before the call that `calls_left` counts down to."""

    def __init__(self) -> None:
        super().__init__()
        self.calls_left = 0
        self.beside: Callable[[], None] = lambda: None

    def _count(self) -> None:
        self.calls_left -= 1
        if self.calls_left == 0:
            self.beside()

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        self._count()
        return super().head(key, version_id)

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self._count()
        return super().get(key, version_id)

    def put(self, *args: Any, **options: Any) -> ObjectInfo:
        self._count()
        return super().put(*args, **options)

    def delete(self, key: str, version_id: str | None = None) -> None:
        self._count()
        super().delete(key, version_id)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self._count()
        return super().list_objects(prefix)


@pytest.mark.parametrize(
    ("before", "own", "beside"),
    [
        ([], [30], [0]),
        ([], [0], [30]),
        ([], [30], [0, 60]),
        ([0], [60], [30]),
        ([0, 100], [50], [150]),
        ([0, 100], [50], [-50]),
        ([0, 200], [50, 100], [150]),
    ],
)
def test_a_run_beside_at_any_step_makes_no_second_event(before: list[int], own: list[int], beside: list[int]) -> None:
    """Another run stores its detections and assesses them between any two calls of this one: one event, one alert."""
    for calls in itertools.count(1):
        store = Interleaved()
        for second in before:
            run(assess, start_run(store, f"b{second}", [detection(PORCH, after(second), PERSON)]))
        context = start_run(store, "r1", [detection(PORCH, after(s), PERSON) for s in own])
        alerted: list[set[str]] = []

        def whole_run(store: ObjectStore = store, alerted: list[set[str]] = alerted) -> None:
            alerted.append(listed(store, start_run(store, "r2", [detection(PORCH, after(s), PERSON) for s in beside])))

        store.calls_left, store.beside = calls, whole_run
        ids = listed(store, context)
        store.calls_left = 0
        if not alerted:
            break
        [info] = store.list_objects("events/")
        event = Event.model_validate_json(store.get(info.key)[0])
        seconds = [(p.picture.taken_at - NOON).total_seconds() for p in event.pictures]
        assert seconds == sorted([*before, *own, *beside]), f"before call {calls}"
        if not before:
            assert ids == alerted[0] == {event.id}, f"before call {calls}"
    assert calls > 15


def listed(store: ObjectStore, context: StageContext) -> set[str]:
    """Assess; the ids of the events that this leaves for notify."""
    run(assess, context)
    return {event.id for event in read_lines(store, f"{context.output_prefix}events.jsonl", Event)[0]}
