"""The stage on the store in memory: outcomes, claims, and what a second run makes of them."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from nightjar.domain import names
from nightjar.domain.batch import Outcome
from nightjar.domain.shards import plan_shards
from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.runtime.store import ObjectExistsError, ObjectInfo
from nightjar_collect.stage import collect
from tests.images.collect.dropping import AT, NOW, begin_live_run, collected, context, drop, look, memory_store

GOOD = f"alice-porch-{AT}.jpg"
YESTERDAY = f"alice-porch-{AT - 86_400}.jpg"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        pytest.param(GOOD, "filed", id="a good name"),
        pytest.param(f"alice-porch-{AT}123.MP4", "filed", id="milliseconds, upper case"),
        pytest.param(f"alice-porch-{AT + 600}.jpg", "filed", id="ten minutes ahead"),
        pytest.param(f"alice-porch-{AT + 601}.jpg", "quarantined:implausible-time", id="further ahead"),
        pytest.param("alice-porch-9999999999999.jpg", "quarantined:implausible-time", id="in the year 2286"),
        pytest.param("alice-porch-0000000000.jpg", "quarantined:implausible-time", id="the epoch"),
        pytest.param(f"sub/{GOOD}", "quarantined:bad-name", id="in a folder"),
        pytest.param(f"../{GOOD}", "quarantined:bad-name", id="dots"),
        pytest.param(f"alice porch-{AT}.jpg", "quarantined:bad-name", id="space"),
        pytest.param(f"älice-porch-{AT}.jpg", "quarantined:bad-name", id="Unicode"),
        pytest.param(f"alice-porch-{AT}.jpg\n", "quarantined:bad-name", id="line end"),
        pytest.param(f"alice-{{{{ 7 * 7 }}}}-{AT}.jpg", "quarantined:bad-name", id="a template"),
        pytest.param(f"alice-'\"-{AT}.jpg", "quarantined:bad-name", id="quotes"),
        pytest.param("x" * 1000, "quarantined:bad-name", id="1000 characters"),
        pytest.param(f"alice-porch-{AT}", "quarantined:bad-name", id="no extension"),
    ],
)
def test_one_object(name: str, outcome: str) -> None:
    store = memory_store()
    [(key, version)] = drop(store, name)
    manifest = collected(store)
    assert (manifest.counts.received, manifest.counts.outcomes) == (1, {outcome: 1})
    bucket = look(store)
    assert bucket.incoming == []
    [[line]] = bucket.batches.values()
    assert (line.source.key, line.source.version_id) == (key, version)
    content = f"content {name}".encode()
    if line.outcome is Outcome.FILED:
        assert bucket.footage == {line.footage_key: [content]}
        assert line.sha256 == hashlib.sha256(content).hexdigest()
        assert bucket.quarantine == []
    else:
        [(entry, data)] = bucket.quarantine
        assert data == content
        assert (entry.source_key, entry.source_version, entry.reason) == (key, version, line.reason)
        assert (entry.stage, entry.sha256) == ("collect", hashlib.sha256(content).hexdigest())
        assert entry.expected, "the entry says what was expected"
        assert entry.found, "the entry says what came"


SAME = f"alice-porch-{AT}000.JPEG"


@pytest.mark.parametrize(
    ("drops", "outcomes"),
    [
        pytest.param([(GOOD, b"a"), (GOOD, b"b")], {"filed": 1, "quarantined:identity-conflict": 1}, id="overwritten"),
        pytest.param([(GOOD, b"a"), (GOOD, b"a")], {"filed": 1, "duplicate": 1}, id="the same twice under one key"),
        pytest.param([(GOOD, b"a"), (SAME, b"a")], {"filed": 1, "duplicate": 1}, id="one moment written two ways"),
        pytest.param(
            [(GOOD, b"a"), (SAME, b"b"), (SAME, b"a")],
            {"filed": 1, "duplicate": 1, "quarantined:identity-conflict": 1},
            id="first, conflict, duplicate",
        ),
        pytest.param(
            [(GOOD, b"a"), (GOOD.replace("jpg", "png"), b"b")],
            {"filed": 1, "quarantined:identity-conflict": 1},
            id="two stills of a moment, two formats",
        ),
        pytest.param([(GOOD, b"a"), (GOOD.replace("jpg", "mp4"), b"b")], {"filed": 2}, id="a still and a video"),
        pytest.param([(GOOD, b"a"), (GOOD, b"")], {"filed": 1, "duplicate": 1}, id="whole, then empty"),
        pytest.param([(GOOD, b""), (GOOD, b"")], {"quarantined:empty": 2}, id="empty twice"),
        pytest.param(
            [(GOOD, b"a"), (GOOD.replace("porch", "yard"), b"a")], {"filed": 2}, id="one content, two cameras"
        ),
    ],
)
@pytest.mark.parametrize("batches", ["one batch", "a batch each"])
def test_identity(drops: list[tuple[str, bytes]], outcomes: dict[str, int], batches: str) -> None:
    store = memory_store()
    total: dict[str, int] = {}
    for number, (name, data) in enumerate(drops):
        drop(store, name, data=data)
        if batches == "a batch each" or number == len(drops) - 1:
            manifest = collected(store, f"w{number}")
            begin_live_run(store, manifest)
            for outcome, count in manifest.counts.outcomes.items():
                total[outcome] = total.get(outcome, 0) + count
    assert total == outcomes
    bucket = look(store)
    assert [len(versions) for versions in bucket.footage.values()] == [1] * outcomes.get("filed", 0)
    assert bucket.incoming == []


@pytest.mark.parametrize(
    ("name", "data", "folder", "camera"),
    [
        (YESTERDAY, b"", "empty/2026/11/19/", "alice-porch"),
        (YESTERDAY, b"too many", "too-many-bytes/2026/11/19/", "alice-porch"),
        ("alice-porch-0000000000.jpg", b"x", "implausible-time/2026/11/20/", "alice-porch"),
        ("alice-porch-0000000000.jpg", b"", "implausible-time/2026/11/20/", "alice-porch"),
        ("alice-porch-9999999999.mp4", b"too many", "implausible-time/2026/11/20/", "alice-porch"),
        ("no name", b"too many", "bad-name/2026/11/20/", None),
        ("no name", b"", "bad-name/2026/11/20/", None),
    ],
)
def test_what_is_refused_is_kept_by_the_day_its_name_tells_and_logged_with_its_camera(
    name: str,
    data: bytes,
    folder: str,
    camera: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("NIGHTJAR_MAX_OBJECT_BYTES", "3")
    store = memory_store()
    drop(store, name, data=data)
    kept = [ref for ref in collected(store).objects if ref.key.startswith("quarantine/")]
    assert [ref.key.startswith(f"quarantine/{folder}") for ref in kept] == [True, True]
    assert [ref for ref in collected(store).objects if ref.key.startswith("quarantine/")] == kept
    [told] = [record for record in caplog.records if record.getMessage().startswith("refused")]
    assert getattr(told, "camera", None) == camera


def test_nothing_there() -> None:
    store = memory_store()
    manifest = collected(store)
    assert manifest.result == {"batch_id": None}
    assert manifest.counts.received == 0
    assert not list(store.list_objects("claims/"))


def test_folder_markers_are_no_footage() -> None:
    store = memory_store()
    drop(store, "", "2026/", "2026/11/", data=b"")
    manifest = collected(store)
    assert manifest.result == {"batch_id": None}
    assert manifest.counts.details["folder_markers"] == 2
    assert look(store).incoming == ["incoming/"]


def test_what_the_uploader_deleted_is_left() -> None:
    store = memory_store()
    drop(store, GOOD)
    store.delete(f"incoming/{GOOD}")
    assert collected(store).result == {"batch_id": None}


def test_a_bucket_without_versions_is_refused() -> None:
    class Unversioned(MemoryStore):
        def is_versioned(self) -> bool:
            return False

    store = Unversioned()
    drop(store, GOOD)
    with pytest.raises(UsageError, match="expected a bucket that keeps versions"):
        collected(store)
    assert look(store).incoming == [f"incoming/{GOOD}"]


@pytest.mark.parametrize("prefix", ["collect/", "runs/w1/validate/", "x/"])
def test_an_output_prefix_of_another_form_is_refused(prefix: str) -> None:
    given = context(memory_store())
    wrong = type(given)(**{**vars(given), "output_prefix": prefix})
    with pytest.raises(UsageError, match="expected an output prefix like"):
        run(collect, wrong)


def test_more_than_a_batch_goes_in_several_the_freshest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_BATCH_OBJECTS", "2")
    store = memory_store()
    drop(store, *(f"alice-porch-{AT - n}.jpg" for n in range(5)))
    seen = []
    for number in range(3):
        manifest = collected(store, f"w{number}")
        begin_live_run(store, manifest)
        [lines] = [v for k, v in look(store).batches.items() if k == manifest.result["batch_key"]]
        seen.append({AT - int(line.source.key.rpartition("-")[2][:10]) for line in lines})
    assert seen == [{0, 1}, {2, 3}, {4}]
    assert collected(store, "w3").result == {"batch_id": None}


def test_doing_it_again_changes_nothing() -> None:
    store = memory_store()
    drop(store, GOOD, "bad", f"alice-porch-{AT}000.jpeg")
    first = collected(store)
    before = sorted((v.key, v.version_id) for v in store.list_versions("") if not v.key.endswith("_manifest.json"))
    again = collected(store)
    after = sorted((v.key, v.version_id) for v in store.list_versions("") if not v.key.endswith("_manifest.json"))
    assert before == after
    assert (first.counts, first.result) == (again.counts, again.result)
    claim = {ref for ref in first.objects if ref.key.startswith("claims/")}  # a second time there is nothing to write
    assert set(again.objects) == set(first.objects) - claim


def test_a_batch_that_was_not_handed_over_is_adopted_before_anything_new() -> None:
    store = memory_store()
    drop(store, GOOD)
    first = collected(store, "w1")
    drop(store, f"bob-door-{AT}.jpg")
    adopted = collected(store, "w2")
    assert adopted.result == {**first.result, "adopted_from": "w1"}
    assert adopted.counts == first.counts
    begin_live_run(store, first)
    fresh = collected(store, "w3")
    assert fresh.result["batch_id"] not in {None, first.result["batch_id"]}
    assert [info.key for info in store.list_objects("claims/")] == ["claims/w3.json"]


def test_a_watch_run_that_is_cleared_does_not_give_out_a_finished_batch_again() -> None:
    store = memory_store()
    drop(store, GOOD)
    first = collected(store, "w1")
    begin_live_run(store, first)
    assert collected(store, "w1").result == {"batch_id": None}
    drop(store, f"bob-door-{AT}.jpg")
    fresh = collected(store, "w1")
    assert (fresh.counts.outcomes, fresh.result["adopted_from"]) == ({"filed": 1}, None)
    assert fresh.result["batch_id"] != first.result["batch_id"]


def test_a_name_is_parsed_once_and_travels_as_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    class Counting:
        def fullmatch(self, name: str) -> "re.Match[str] | None":
            parsed.append(name)
            return pattern.fullmatch(name)

    pattern = names._NAME
    monkeypatch.setattr(names, "_NAME", Counting())
    store = memory_store()
    dropped = [GOOD, YESTERDAY, f"alice-porch-{AT}250.MP4", "bad name", f"sub/{GOOD}"]
    drop(store, *dropped)
    collected(store)
    assert sorted(parsed) == sorted(dropped)
    [lines] = look(store).batches.values()
    filed = [line.footage for line in lines if line.outcome is Outcome.FILED]
    plan_shards(filed, max_shards=10, max_work=100)
    assert {footage.name.canonical for footage in filed} == {GOOD, YESTERDAY, f"alice-porch-{AT}250.mp4"}
    assert len(parsed) == len(dropped), "expected planning to go by the fields"
    assert [line.source.named for line in lines if line.reason] == [None, None]


def _before_filing(store: MemoryStore, key: str) -> bool:
    return key.startswith("claims/")


def _before_the_batch(store: MemoryStore, key: str) -> bool:
    return key.startswith("footage/")


@pytest.mark.parametrize("after", [_before_filing, _before_the_batch])
def test_a_version_that_is_withdrawn_meanwhile_does_not_wedge_collect(
    after: Callable[[MemoryStore, str], bool], caplog: pytest.LogCaptureFixture
) -> None:
    """The uploader deletes a claimed version for good; the rest goes on, and what was filed stays filed."""

    class Withdrawing(MemoryStore):
        def put(self, key: str, *args: Any, **more: Any) -> ObjectInfo:
            info = super().put(key, *args, **more)
            if after(self, key):
                self.delete(*dropped[0])
                self.delete(*dropped[1])
            return info

    store = Withdrawing()
    now = int(store._clock().timestamp())
    name = f"alice-porch-{now}.jpg"
    dropped = [*drop(store, name), *drop(store, "bad name"), *drop(store, f"bob-door-{now}.jpg")]
    manifest = collected(store)
    assert manifest.counts.received + manifest.counts.details["withdrawn"] == 3
    assert manifest.counts.details["withdrawn"] == (2 if after is _before_filing else 1)
    assert manifest.warnings
    assert look(store).incoming == []
    told = [r for r in caplog.records if r.getMessage().startswith("withdrawn") and f"{now}" in r.getMessage()]
    assert [getattr(record, "camera", None) for record in told] == ["alice-porch"] * (after is _before_filing)


def test_a_claim_of_which_everything_was_withdrawn_is_dropped() -> None:
    class Withdrawing(MemoryStore):
        def put(self, key: str, *args: Any, **more: Any) -> ObjectInfo:
            info = super().put(key, *args, **more)
            if key.startswith("claims/"):
                self.delete(*dropped[0])
            return info

    store = Withdrawing()
    dropped = drop(store, GOOD)
    assert collected(store).result == {"batch_id": None}
    assert not list(store.list_objects("claims/"))
    assert look(store).batches == {}


def test_a_write_that_finds_the_key_taken_and_nothing_there_refuses_nothing() -> None:
    class Undecided(MemoryStore):
        def put(self, key: str, *args: Any, **more: Any) -> ObjectInfo:
            if key.startswith("footage/") and self.undecided:
                raise ObjectExistsError("expected no object")
            return super().put(key, *args, **more)

        undecided = True

    store = Undecided(clock=lambda: NOW)
    drop(store, GOOD)
    with pytest.raises(TryAgainError, match="got none"):
        collected(store)
    store.undecided = False
    assert collected(store).counts.outcomes == {"filed": 1}


def test_footage_put_by_hand_without_its_hash_is_still_compared() -> None:
    store = memory_store()
    store.put(f"footage/2026/11/20/13/{GOOD}", b"a")
    drop(store, GOOD, data=b"a")
    drop(store, GOOD, data=b"b")
    assert collected(store).counts.outcomes == {"duplicate": 1, "quarantined:identity-conflict": 1}


def test_large_objects_are_copied_inside_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightjar_collect.contents.IN_MEMORY", 3)
    store = memory_store()
    drop(store, GOOD, "bad name", GOOD)
    drop(store, GOOD, data=b"other")
    manifest = collected(store)
    assert manifest.counts.outcomes == {
        "duplicate": 1,
        "filed": 1,
        "quarantined:bad-name": 1,
        "quarantined:identity-conflict": 1,
    }
    content = f"content {GOOD}".encode()
    assert look(store).footage == {f"footage/2026/11/20/13/{GOOD}": [content]}
    assert {data for _, data in look(store).quarantine} == {b"content bad name", b"other"}


def test_what_is_too_large_to_be_read_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreadable(MemoryStore):
        def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
            assert not (self.watching and key.startswith("incoming/")), "expected it not to be read"
            return super().get(key, version_id)

        def copy(self, *args: Any, **more: Any) -> ObjectInfo:
            self.watching = False  # a copy inside the fake reads
            try:
                return super().copy(*args, **more)
            finally:
                self.watching = True

        watching = True

    monkeypatch.setenv("NIGHTJAR_MAX_OBJECT_BYTES", "3")
    monkeypatch.setenv("NIGHTJAR_TRANSFERS", "1")
    store = Unreadable(clock=lambda: NOW)
    drop(store, GOOD, "bad name", data=b"four")
    first = collected(store)
    assert first.counts.outcomes == {"quarantined:bad-name": 1, "quarantined:too-many-bytes": 1}
    assert set(collected(store).objects) == {ref for ref in first.objects if not ref.key.startswith("claims/")}
    refused = [entry for entry, _ in look(store).quarantine]
    assert {(entry.found, entry.sha256) for entry in refused if entry.reason == "too-many-bytes"} == {
        ("4 bytes (at most 3 allowed)", "")
    }
    assert {entry.sha256 for entry in refused if entry.reason == "bad-name"} == {""}
