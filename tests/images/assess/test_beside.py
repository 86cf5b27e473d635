"""Runs side by side over one camera: on the real server, nothing is lost and nothing is there twice."""

import threading
from dataclasses import replace
from datetime import timedelta

from nightjar.domain.events import Event
from nightjar.domain.layout import detections_prefix
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.stage import run
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
