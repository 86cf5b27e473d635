"""Stores of JSON lines: several files are read as one, a run knows what it need not compute again."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.validations import Validation
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.manifests import write_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectStore
from nightjar.stores.line_store import WHOLE_DAY, Place, RunShard
from nightjar.stores.validations import Validations

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = date(2026, 11, 20)
PORCH, YARD, BOB = Camera("alice", "porch"), Camera("alice", "yard"), Camera("bob", "porch")
PLACE = Place("v1", PORCH, DAY)
FOLDER = "validations/v1/2026/11/20/alice-porch/"
LIVE = RunShard.of("runs/nightjar_live/20261120T120000Z-aa/", "runs/nightjar_live/20261120T120000Z-aa/shards/x/")
OTHER = RunShard("20261120T130000Z-bb", "alice-porch", is_history=False)
HISTORY = RunShard.of("runs/nightjar_history/2026-11-20/", "runs/nightjar_history/2026-11-20/shards/alice-porch/")


def line(footage: str, duplicates: int = 0, **more: Any) -> Validation:
    values = {
        "footage_key": footage,
        "footage_version": "v1",
        "footage_sha256": "",
        "validator": "v1",
        "settings": "s1",
        "video": False,
        "pictures": (),
        "refusals": (),
        "duplicates": duplicates,
    }
    return Validation.model_validate({**values, **more})


def a_store(*files: tuple[str, list[Validation]]) -> MemoryStore:
    moments = iter(NOON + timedelta(seconds=n) for n in range(1000))
    store = MemoryStore(clock=lambda: next(moments))
    for name, lines in files:
        write_lines(store, f"{FOLDER}{name}", lines)
    return store


def duplicates(lines: list[Validation]) -> dict[str, int]:
    return {each.footage_key: each.duplicates for each in lines}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], {}),
        ([("a.jsonl", [])], {}),
        ([("a.jsonl", [line("x"), line("y")])], {"x": 0, "y": 0}),
        ([("b.jsonl", [line("x", 1)]), ("a.jsonl", [line("x", 2)])], {"x": 2}),
        ([("a.jsonl", [line("x", 1), line("x", 2)])], {"x": 2}),
        ([(WHOLE_DAY, [line("x", 1), line("y", 1)]), ("a.jsonl", [line("x", 2)])], {"x": 2, "y": 1}),
        ([("a.jsonl", [line("x", 1)]), (WHOLE_DAY, [line("x", 2)])], {"x": 2}),
        ([("a.txt", [line("x", 1)])], {}),
    ],
)
def test_the_newest_line_counts(files: list[tuple[str, list[Validation]]], expected: dict[str, int]) -> None:
    lines = Validations(a_store(*files)).read(PLACE)
    assert duplicates(lines) == expected
    assert [each.footage_key for each in lines] == sorted(expected)


def test_of_the_same_second_the_whole_day_is_older() -> None:
    store = MemoryStore(clock=lambda: NOON)
    for name, number in (("z.jsonl", 3), (WHOLE_DAY, 1), ("a.jsonl", 2)):
        write_lines(store, f"{FOLDER}{name}", [line("x", number), line(name)])
    assert duplicates(Validations(store).read(PLACE)) == {"x": 3, "z.jsonl": 0, WHOLE_DAY: 0, "a.jsonl": 0}


def test_a_bad_line_is_named() -> None:
    store = a_store(("a.jsonl", [line("x")]))
    store.put(f"{FOLDER}b.jsonl", b"{}\n")
    with pytest.raises(InputError, match=r"line 1 of .*b\.jsonl"):
        Validations(store).read(PLACE)


class Moving(MemoryStore):
    """Before each read, `before` is called with the store and the key."""

    before: Callable[[MemoryStore, str], None] = staticmethod(lambda store, key: None)

    def get(self, key: str, version_id: str | None = None) -> Any:
        self.before(self, key)
        return super().get(key, version_id)


def test_files_that_become_one_while_they_are_read_are_read_again() -> None:
    store = Moving()
    write_lines(store, f"{FOLDER}a.jsonl", [line("x")])

    def compacted(where: MemoryStore, key: str) -> None:
        if key.endswith("a.jsonl"):
            write_lines(where, f"{FOLDER}{WHOLE_DAY}", [line("x")])
            where.delete(key)

    store.before = compacted
    assert [each.footage_key for each in Validations(store).read(PLACE)] == ["x"]


def test_files_that_keep_vanishing_are_for_later() -> None:
    store = Moving()
    write_lines(store, f"{FOLDER}0.jsonl", [line("x")])
    numbers = iter(range(1, 1000))

    def moved(where: MemoryStore, key: str) -> None:
        where.delete(key)
        write_lines(where, f"{FOLDER}{next(numbers)}.jsonl", [line("x")])

    store.before = moved
    with pytest.raises(TryAgainError, match="vanished"):
        Validations(store).read(PLACE)


@pytest.mark.parametrize(
    ("shard", "name"),
    [
        ("alice-porch", "run.jsonl"),
        ("alice-porch.2", "run.2.jsonl"),
        ("alice-porch2", "run.jsonl"),
        ("pack-0001", "run.jsonl"),
    ],
)
def test_the_file_of_a_shard(shard: str, name: str) -> None:
    store = MemoryStore()
    ref = Validations(store).write(PLACE, RunShard("run", shard, is_history=False), [line("x")])
    assert ref.key == f"{FOLDER}{name}"
    assert duplicates(Validations(store).read_object(ref)) == {"x": 0}


def test_writing_replaces_and_adding_keeps_what_the_file_had() -> None:
    store = MemoryStore()
    validations = Validations(store)
    validations.write(PLACE, LIVE, [line("x", 1, note="kept"), line("y", 1)])
    validations.add(PLACE, LIVE, [line("y", 2), line("z", 2)])
    lines = validations.read(PLACE)
    assert duplicates(lines) == {"x": 1, "y": 2, "z": 2}
    assert lines[0].model_extra == {"note": "kept"}, "expected a key of a later release to survive"
    before = list(store.list_versions(FOLDER))
    validations.add(PLACE, LIVE, [line("y", 2)])
    assert list(store.list_versions(FOLDER)) == before
    validations.write(PLACE, LIVE, [line("y", 3)])
    assert duplicates(validations.read(PLACE)) == {"y": 3}


OWN = (f"{LIVE.run}.jsonl", [line("own")])
COMPACTED = (WHOLE_DAY, [line("day")])
OTHERS = (f"{OTHER.run}.jsonl", [line("other")])
LATE = (f"{HISTORY.run}.jsonl", [line("history")])


@pytest.mark.parametrize(
    ("reader", "files", "known"),
    [
        (LIVE, [], set()),
        (LIVE, [OWN], {"own"}),
        (LIVE, [COMPACTED], {"day"}),
        (LIVE, [COMPACTED, OWN], {"own"}),
        (LIVE, [OTHERS, LATE], set()),
        (LIVE, [OTHERS, COMPACTED], {"day"}),
        (HISTORY, [], set()),
        (HISTORY, [OWN, COMPACTED, OTHERS, LATE], {"own", "day", "other", "history"}),
    ],
)
def test_what_a_run_knows(reader: RunShard, files: list[tuple[str, list[Validation]]], known: set[str]) -> None:
    assert {each.footage_key for each in Validations(a_store(*files)).known(PLACE, reader)} == known


def test_a_live_run_does_not_read_a_large_day() -> None:
    store = a_store((WHOLE_DAY, [line("x" * 9_000_000)]))
    assert Validations(store).known(PLACE, LIVE) == []
    assert len(Validations(store).known(PLACE, HISTORY)) == 1


class Counting(MemoryStore):
    """Counts requests."""

    requests = 0

    def get(self, key: str, version_id: str | None = None) -> Any:
        self.requests += 1
        return super().get(key, version_id)

    def head(self, key: str, version_id: str | None = None) -> Any:
        self.requests += 1
        return super().head(key, version_id)

    def list_objects(self, prefix: str) -> Any:
        listed = list(super().list_objects(prefix))
        self.requests += 1 + len(listed) // 1000
        return iter(listed)


def test_what_a_live_run_reads_does_not_grow_with_the_runs_of_the_day() -> None:
    requests = []
    for runs in (0, 2000):
        store = Counting()
        for number in range(runs):
            store.put(f"{FOLDER}20261120T13{number:04d}Z-bb.jsonl", line("x").model_dump_json().encode())
        store.requests = 0
        assert Validations(store).known(PLACE, LIVE) == []
        requests.append(store.requests)
    assert requests[0] == requests[1] <= 2


def test_known_lines_that_cannot_be_read_are_computed_again() -> None:
    store = a_store(COMPACTED)
    store.put(f"{FOLDER}{LIVE.run}.jsonl", b"no line\n")
    assert Validations(store).known(PLACE, LIVE) == []
    assert duplicates(Validations(store).known(PLACE, HISTORY)) == {"day": 0}


def test_known_lines_hide_none_about_the_same_thing() -> None:
    store = a_store(("b.jsonl", [line("x", 1)]), ("a.jsonl", [line("x", 2)]))
    assert [each.duplicates for each in Validations(store).known(PLACE, HISTORY)] == [1, 2]


def test_a_file_that_history_compacts_meanwhile_is_not_known() -> None:
    class Compacting(MemoryStore):
        def list_objects(self, prefix: str) -> Any:
            listed = list(super().list_objects(prefix))
            for info in listed:
                self.delete(info.key)
            return iter(listed)

    store = Compacting()
    write_lines(store, f"{FOLDER}a.jsonl", [line("x")])
    assert Validations(store).known(PLACE, HISTORY) == []


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest) -> ObjectStore:
    """A few days of several makers and cameras, in the fake and in the real store."""
    store: ObjectStore = MemoryStore() if request.param == "memory" else request.getfixturevalue("s3_store")
    validations = Validations(store)
    for maker, camera, day in (
        ("v1", PORCH, DAY),
        ("v1", YARD, DAY),
        ("v1", BOB, DAY + timedelta(days=11)),
        ("v1", PORCH, date(2025, 1, 31)),
        ("v2", PORCH, DAY),
    ):
        validations.write(Place(maker, camera, day), LIVE, [line("x")])
    store.put("validations/alice-yard/about.json", b"{}")
    return store


@pytest.mark.parametrize(
    ("first", "last", "cameras", "expected"),
    [
        (date.min, date.max, None, [(PORCH, date(2025, 1, 31)), (PORCH, DAY), (YARD, DAY), (BOB, date(2026, 12, 1))]),
        (DAY, DAY, None, [(PORCH, DAY), (YARD, DAY)]),
        (DAY, date(2026, 12, 1), {BOB, YARD}, [(YARD, DAY), (BOB, date(2026, 12, 1))]),
        (date(2026, 11, 21), date(2026, 11, 30), None, []),
        (DAY, DAY, set(), []),
    ],
)
def test_where_a_maker_has_lines(
    bucket: ObjectStore, first: date, last: date, cameras: set[Camera] | None, expected: list[tuple[Camera, date]]
) -> None:
    places = list(Validations(bucket).places("v1", first, last, cameras))
    assert places == [Place("v1", camera, day) for camera, day in expected]


def test_makers(bucket: ObjectStore) -> None:
    assert Validations(bucket).makers() == ["alice-yard", "v1", "v2"]
    assert Validations(MemoryStore()).makers() == []


def test_a_folder_that_is_none_of_the_store_is_named(bucket: ObjectStore) -> None:
    bucket.put("validations/v2/2026/readme/x.jsonl", b"")
    with pytest.raises(InputError, match="2026/readme"):
        list(Validations(bucket).places("v2", date.min, date.max))


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [
        ("alice", None, {"bob-porch"}),
        ("alice", "yard", {"alice-porch", "bob-porch"}),
        ("bob", "yard", {"alice-porch", "alice-yard", "bob-porch"}),
        ("ali", None, {"alice-porch", "alice-yard", "bob-porch"}),
    ],
)
def test_erasure_takes_every_version(bucket: ObjectStore, user: str, device: str | None, left: set[str]) -> None:
    validations = Validations(bucket)
    validations.write(PLACE, LIVE, [line("x"), line("y")])
    validations.compact(PLACE)
    validations.erase(user, device)
    keys = {version.key for version in bucket.list_versions("validations/")}
    assert {key.split("/")[-2] for key in keys if key.endswith(".jsonl")} == left
    assert "validations/alice-yard/about.json" in keys, "expected only lines to go"
    assert validations.erase(user, device) == 0


@pytest.mark.parametrize(
    ("key", "held"),
    [
        ("validations/v1/2026/11/20/alice-porch/a.jsonl", True),
        ("validations/v1/about.json", False),
        ("detections/d1/2026/11/20/alice-porch/a.jsonl", False),
        ("", False),
    ],
)
def test_whether_a_key_is_of_this_store(key: str, held: bool) -> None:
    assert Validations(MemoryStore()).holds(key) is held
