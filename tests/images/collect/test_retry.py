"""Refused footage is retried: the command leaves a claim, and collect makes a batch of that."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.batch import BATCH_ID, BatchLine
from nightjar.domain.manifest import Manifest
from nightjar.queries.refused import Refused, Wanted, find
from nightjar.queries.retry import plan
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ARCHIVED, ObjectStore
from nightjar.stores.claims import Claims
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.runs import Runs
from tests.images.collect.dropping import AT, NOW, begin_live_run, collected, drop, look, memory_store

CLIP = f"alice-porch-{AT}.mp4"
STILL = f"alice-porch-{AT}.jpg"


def refused(store: ObjectStore, **wanted: Any) -> list[Refused]:
    return find(store, Wanted(**wanted))[0]


def retried(store: ObjectStore, run: str, *, after: int = 1) -> tuple[Manifest, list[BatchLine]]:
    """Retry all that is refused, and let the watch run called `run` take it up."""
    Claims(store).leave(plan(store, refused(store), NOW + timedelta(minutes=after)).claims)
    manifest = collected(store, run)
    lines, _ = Runs(store).live(str(manifest.result["batch_id"])).batch()
    begin_live_run(store, manifest)
    return manifest, lines


def outcomes(lines: Iterable[BatchLine]) -> list[tuple[str, str | None]]:
    return sorted((str(line.outcome), line.reason and str(line.reason)) for line in lines)


@pytest.mark.parametrize("in_memory", [1 << 20, 3], ids=["in memory", "on disk"])
def test_what_collect_refused_is_filed_once_the_limit_is_mended(
    in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightjar_collect.contents.IN_MEMORY", in_memory)
    monkeypatch.setenv("NIGHTJAR_MAX_OBJECT_BYTES", "5")
    store = memory_store()
    [(key, version_id)] = drop(store, CLIP, data=b"a long clip")
    begin_live_run(store, collected(store))
    [too_large] = refused(store)
    assert (str(too_large.entry.reason), too_large.camera, too_large.name) == ("too-many-bytes", "alice-porch", CLIP)

    again, lines = retried(store, "w2")
    assert str(again.result["batch_id"]).startswith("retry-2026")
    assert again.result["adopted_from"] == again.result["batch_id"]
    assert outcomes(lines) == [("quarantined", "too-many-bytes")]
    assert [each.folder for each in refused(store)] == [too_large.folder], "expected the same refusal and no other"

    monkeypatch.setenv("NIGHTJAR_MAX_OBJECT_BYTES", "500")
    healed, lines = retried(store, "w3", after=2)
    assert outcomes(lines) == [("duplicate", None), ("filed", None)]
    [filed] = [line for line in lines if line.outcome == "filed"]
    [was_refused] = [line for line in lines if line.outcome == "duplicate"]
    assert (was_refused.source.key, was_refused.source.version_id) == (key, version_id)
    assert (filed.source.key, filed.source.version_id) == (filed.footage_key, filed.footage_version)
    assert look(store).footage == {filed.footage_key: [b"a long clip"]}
    assert healed.counts.received == 2
    assert filed.is_again and was_refused.is_again


def test_what_validate_refused_is_worked_on_again_and_never_removed() -> None:
    store = memory_store()
    drop(store, STILL)
    begin_live_run(store, collected(store))
    [info] = store.list_objects("footage/")
    footage = store.head(info.key)
    assert footage
    claim = plan(store, [as_refused(footage.key, footage.version_id)], NOW).claims[0]
    Claims(store).write(claim.batch_id, claim)
    manifest = collected(store, "w2")
    lines, _ = Runs(store).live(claim.batch_id).batch()
    assert outcomes(lines) == [("filed", None)]
    assert (lines[0].footage.key, lines[0].footage.version_id) == (footage.key, footage.version_id)
    assert lines[0].footage.sha256 == footage.metadata["sha256"]
    assert store.head(footage.key, footage.version_id) == footage
    assert manifest.counts.outcomes == {"filed": 1}


def as_refused(key: str, version_id: str) -> Refused:
    from nightjar.domain.names import parse_footage_name
    from nightjar.domain.quarantine import QuarantineEntry
    from nightjar.domain.reasons import Reason

    entry = QuarantineEntry(
        reason=Reason.UNKNOWN_CAMERA,
        meaning="",
        expected="a camera of the rules",
        found="another",
        source_key=key,
        source_version=version_id,
        detail="",
        received_at=NOW,
        taken_at=NOW,
        sha256="",
        size=1,
        stage="validate",
        image="i",
    )
    return Refused("quarantine/unknown-camera/x/", entry, parse_footage_name(key.rpartition("/")[2]))


def test_a_part_whose_whole_came_since_is_not_retried() -> None:
    store = memory_store()
    drop(store, CLIP, data=b"the beginning")
    begin_live_run(store, collected(store))
    [info] = store.list_objects("footage/")
    part = store.head(info.key)
    assert part
    drop(store, CLIP, data=b"the beginning and the end")
    begin_live_run(store, collected(store, "w2"))
    retry = plan(store, [as_refused(part.key, part.version_id)], NOW)
    assert (retry.objects, retry.gone) == (0, 1)


def test_twice_by_mistake_is_once() -> None:
    store = memory_store()
    drop(store, "no name", data=b"x")
    begin_live_run(store, collected(store))
    for after in (1, 2):
        retry = plan(store, refused(store), NOW + timedelta(minutes=after))
        Claims(store).leave(retry.claims)
        assert (retry.objects, retry.under_way) == ((1, 0) if after == 1 else (0, 1))
    first, lines = retried(store, "w2", after=3)
    assert outcomes(lines) == [("quarantined", "bad-name")]
    second, _ = retried(store, "w3", after=4)
    assert first.result["batch_id"] != second.result["batch_id"], "expected a later retry to be a run of its own"
    assert collected(store, "w4").result["batch_id"] is None


def test_what_landed_meanwhile_is_not_held_up_by_a_retry() -> None:
    store = memory_store()
    drop(store, "no name", data=b"x")
    begin_live_run(store, collected(store))
    Claims(store).leave(plan(store, refused(store), NOW).claims)
    drop(store, STILL)
    batches = []
    for run in ("w2", "w3"):
        manifest = collected(store, run)
        begin_live_run(store, manifest)
        batches.append(manifest.counts.outcomes)
    assert batches == [{"quarantined:bad-name": 1}, {"filed": 1}]
    assert look(store).incoming == []


@pytest.mark.parametrize("name", [STILL, "no name"])
@pytest.mark.parametrize("code", [ARCHIVED, "AccessDenied"])
def test_an_object_that_s3_does_not_give_holds_up_nobody_and_stays(name: str, code: str) -> None:
    store = memory_store()
    [(key, version_id)] = drop(store, name, data=b"archived")
    drop(store, f"alice-porch-{AT + 1}.jpg")
    store.make_unreadable(key, code)
    manifest = collected(store)
    assert manifest.counts.outcomes == {"filed": 1, "quarantined:unreadable": 1}
    begin_live_run(store, manifest)
    [each] = refused(store)
    assert code in each.sentence
    assert list(store.list_objects(INCOMING)) == [], "expected nothing that the watch would see again and again"
    assert collected(store, "w2").result["batch_id"] is None

    again, lines = retried(store, "w3")
    assert outcomes(lines) == [("quarantined", "unreadable")]
    store.make_unreadable(key, None)
    assert store.get(key, version_id)[0] == b"archived", "expected the only copy to stay"
    _, lines = retried(store, "w4", after=2)
    filed = [("duplicate", None), ("filed", None)]
    assert outcomes(lines) == (filed if name == STILL else [("quarantined", "bad-name")])
    assert store.head(key, version_id) is None
    assert again.counts.outcomes == {"quarantined:unreadable": 1}


def test_a_newer_version_of_an_object_that_cannot_be_read_is_not_hidden() -> None:
    class Landing(MemoryStore):
        """Another version lands just before the delete marker."""

        def delete(self, key: str, version_id: str | None = None) -> None:
            if version_id is None and key.startswith(INCOMING):
                self.make_unreadable(key, None)
                self.put(key, b"readable")
            super().delete(key, version_id)

    store = Landing(clock=lambda: NOW)
    [(key, _)] = drop(store, STILL, data=b"archived")
    store.make_unreadable(key)
    begin_live_run(store, collected(store))
    manifest = collected(store, "w2")
    assert manifest.counts.received == 2, "expected both versions to be seen again"


@pytest.mark.parametrize(
    ("identity", "is_one"),
    [
        ("20261120T130500Z-0123456789ab", True),
        ("retry-20261120T130500Z-0123456789ab", True),
        ("retry-20261120T130500Z-0123456789ab\n", False),
        ("again-20261120T130500Z-0123456789ab", False),
        ("retry-", False),
    ],
)
def test_the_ids_of_batches(identity: str, is_one: bool) -> None:
    import re

    assert bool(re.search(BATCH_ID, identity)) is is_one
