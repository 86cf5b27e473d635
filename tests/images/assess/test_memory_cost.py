"""The cost of static objects and agreement: what a run reads and keeps for them, and that it is bounded."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from tests.images.assess.memory_world import LEFT, PARKED, PLAIN, RIGHT, book, events, minutes, run


class Counting(MemoryStore):
    """Counts requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self.requests.append(f"get {key}")
        return super().get(key, version_id)

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        self.requests.append(f"put {key}")
        return super().put(key, data, **options)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self.requests.append(f"list {prefix}")
        return super().list_objects(prefix)


def test_without_static_objects_and_agreement_nothing_more_is_read_or_kept() -> None:
    store = Counting()
    for seconds in range(0, 3000, 50):
        store.requests.clear()
        run(store, {seconds: [("car", 0.9, LEFT), ("person", 0.3, RIGHT)]}, PLAIN)
    # Journal, hour, this minute and the one before, event; written: event, minute, journal twice.
    assert len(store.requests) <= 11
    assert not any(minute.looks or minute.held for minute in minutes(store))
    assert b"newest_look" not in store.get("journals/alice-porch.json")[0]
    assert b'"looks"' not in b"".join(store.get(info.key)[0] for info in store.list_objects("threats/"))
    store.requests.clear()
    run(store, {5000: [("person", 0.3, RIGHT)]}, PLAIN)
    assert [request.split()[0] for request in store.requests] == ["get", "list"]


def test_people_are_never_static_so_a_camera_that_looks_for_people_keeps_nothing() -> None:
    store = MemoryStore()
    people = book(
        "static: {after_seconds: 600}\nrules: {300: {name: people, unsafe: [person], min_probability: 50%}}\n"
    )
    for seconds in range(0, 1200, 60):
        run(store, {seconds: [("person", 0.9, LEFT)]}, people)
    assert [event.picture_count for event in events(store)] == [20]
    assert not any(minute.looks or minute.held for minute in minutes(store))


@pytest.mark.slow
def test_a_live_run_reads_its_window_and_no_more() -> None:
    """A parked car, a picture a minute: a run reads the last ten minutes, however long the car has stood there.

    Only the first runs list the hours of a day back, in which there is nothing.
    """
    store = Counting()
    costs = []
    for minute in range(24 * 60):
        store.requests.clear()
        run(store, {60 * minute: [("car", 0.9, LEFT)]}, PARKED)
        costs.append(len(store.requests))
    assert max(costs[:30]) <= 45
    assert max(costs[30:]) <= 20


def test_a_picture_after_a_long_time_without_any_looks_back_a_day_at_the_most() -> None:
    store = Counting()
    run(store, {0: [("car", 0.9, LEFT)]}, PARKED)
    store.requests.clear()
    run(store, {3 * 86_400: [("car", 0.9, LEFT)]}, PARKED)
    assert sum(request.startswith("list threats/") for request in store.requests) <= 25
    store.requests.clear()
    run(store, {3 * 86_400 + 600: [("car", 0.3, LEFT)]}, PARKED)  # no candidate: nothing to look for
    assert sum(request.startswith("list threats/") for request in store.requests) <= 2


def test_a_threat_minute_of_a_later_release_keeps_its_keys() -> None:
    store = MemoryStore()
    run(store, {0: [("car", 0.9, LEFT)]}, PARKED)
    [info] = store.list_objects("threats/")
    document = json.loads(store.get(info.key)[0])
    document["looks"][0]["mood"] = document["held_back"] = "calm"
    store.put(info.key, json.dumps(document).encode())
    run(store, {10: [("car", 0.9, LEFT)]}, PARKED)
    again = json.loads(store.get(info.key)[0])
    assert (again["looks"][0]["mood"], again["held_back"], len(again["looks"])) == ("calm", "calm", 2)
