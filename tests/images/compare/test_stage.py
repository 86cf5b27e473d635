"""The compare stage: a user's day on both sides, the sum, what a candidate did not get done, and nothing twice."""

from collections.abc import Sequence

import pytest

from nightjar.domain.candidates import CameraDays, Gathered
from nightjar.domain.comparison.documents import Comparison, Kind, Tally
from nightjar.domain.detectors import PublishedDetector, detector_id
from nightjar.domain.manifest import Counts, Manifest
from nightjar.domain.reactions import Review, ReviewVerdict
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.stores.comparisons import Candidates, Comparisons, comparison_id
from nightjar.stores.detector_speed import LOOK_SECONDS
from nightjar.stores.detectors import Detectors
from nightjar.stores.event_keys import event_key
from nightjar.stores.reactions import Reviews
from nightjar.stores.runs import CANDIDATE, GATHER, Runs
from nightjar_compare.stage import compare
from tests.bucket import PORCH, SHOP, RunWorld
from tests.images.base.nightjar.cli.trials import IN_FORCE, an_event, at
from tests.scenes import DETECTOR, detection, store_detections

NEAR = detector_id(DETECTOR.sha256, DETECTOR.settings)
OTHER = DETECTOR.model_copy(update={"tag": "oid", "sha256": "1" * 64})
OID = detector_id(OTHER.sha256, OTHER.settings)
IDENTITY = comparison_id(NEAR, OID)
DAY = at("12:00").date()
BEFORE = [detection(PORCH, at("12:00"), {"person": 0.9}), detection(SHOP, at("13:00"), {"person": 0.9})]
AFTER = [detection(PORCH, at("12:00"), {}, OTHER), detection(SHOP, at("13:00"), {"person": 0.9}, OTHER)]


@pytest.fixture
def store() -> MemoryStore:
    """A day that both detectors looked at."""
    store = MemoryStore()
    store_detections(store, "near", BEFORE)
    store_detections(store, "oid", AFTER)
    return store


def compared(
    store: MemoryStore,
    name: str = "c1",
    users: Sequence[str] = ("alice", "bob"),
    rules: str = IN_FORCE,
    *,
    starts: bool = True,
    shards: Sequence[str] = (),
) -> Manifest:
    """A run of the candidate, over the day of these users; it did not get the `shards` done."""
    world = RunWorld(store, name, CANDIDATE)
    world.pin(rules.encode(), settings={"detect": {"NIGHTJAR_X": "oid"}})
    folder = Runs(store).at(world.prefix)
    if starts:
        identity = folder.release()[0].stage("detect").identity
        Detectors(store).publish(identity, PublishedDetector.of(OTHER, ["person"]), b"{}")
    Detectors(store).publish("0123456789abcdef", PublishedDetector.of(DETECTOR, ["person", "car", "dog"]), b"{}")
    cameras = [CameraDays(user=c.user, device=c.device, days=(DAY,)) for c in (PORCH, SHOP) if c.user in users]
    folder.write_gathered(Gathered(tag="oid", deployed=NEAR, cameras=tuple(cameras), shards=tuple(shards)))
    world.leave(GATHER)
    return run(compare, world.context("compare", world.at(GATHER), now=None))


def total(store: MemoryStore) -> Comparison:
    comparison = Comparisons(store).get(IDENTITY)
    assert comparison is not None
    return comparison


def test_what_is_gained_and_lost_is_written_by_user_and_summed(store: MemoryStore) -> None:
    event = an_event()
    store.put(event_key(event.camera, event.ref), event.model_dump_json(by_alias=True).encode())
    Reviews(store).put(Review.of(event, ReviewVerdict.CONFIRMED, "command nina", at("18:00")))
    manifest = compared(store)
    assert manifest.result == {"comparison": IDENTITY}
    assert [(part.user, part.pictures) for part in Comparisons(store).users(IDENTITY)] == [("alice", 1), ("bob", 1)]
    found = total(store)
    assert found.total(Kind.ALERTS) == Tally(before=2, after=1, lost=1)
    assert [(w.verdict, w.before, w.gone) for w in found.words] == [("confirmed", 1, 1)]
    assert found.unseen == ("car", "dog")
    assert (found.before.tag, found.after.tag) == ("d1", "oid")
    record = Candidates(store).get("oid")
    assert record is not None and (record.comparison, record.failed) == (IDENTITY, ())


def test_the_same_again_writes_nothing_new(store: MemoryStore) -> None:
    compared(store)
    before = {v.key: v.version_id for v in store.list_versions("comparisons/")}
    compared(store, "c2", users=())
    compared(store, "c3")
    assert {v.key: v.version_id for v in store.list_versions("comparisons/")} == before


def test_other_rules_judge_the_days_of_before_anew(store: MemoryStore) -> None:
    compared(store)
    compared(store, "c2", users=(), rules=IN_FORCE.replace("60%", "95%"))
    assert total(store).total(Kind.ALERTS) == Tally()


def test_what_a_candidate_did_not_get_done_is_told_until_it_is(store: MemoryStore) -> None:
    manifest = compared(store, shards=["alice-porch"])
    assert manifest.warnings == ("the candidate did not get alice-porch done",)
    assert total(store).failed == ("alice-porch of c1",)
    compared(store, "c2", shards=["bob-shop"])
    assert total(store).failed == ("alice-porch of c1", "bob-shop of c2")
    RunWorld(store, "c1", CANDIDATE).leave("detect", "alice-porch")
    compared(store, shards=["alice-porch"])  # its task was cleared
    assert total(store).failed == ("bob-shop of c2",)


def test_a_candidate_that_never_starts_is_told(store: MemoryStore) -> None:
    manifest = compared(store, starts=False, shards=["alice-porch"])
    assert manifest.result == {"comparison": None}
    assert "did not start" in manifest.warnings[0]
    record = Candidates(store).get("oid")
    assert record is not None and (record.comparison, record.failed) == ("", ("alice-porch of c1",))


def test_speed_is_of_the_looks_of_each(store: MemoryStore) -> None:
    world = RunWorld(store, "c1", CANDIDATE)
    ref = world.leave(
        "detect", "alice-porch", counts=Counts(received=8, outcomes={"detected": 8}, details={"looked_at": 6})
    )
    folder = Runs(store).at(world.prefix)
    manifest, _ = folder.manifest("detect", "alice-porch")
    told = {"result": {"detector": OID, LOOK_SECONDS: 1.5}, "peak_memory_bytes": 300 << 20}
    folder.write_manifest(manifest.model_copy(update=told), "alice-porch")
    compared(store)
    assert ref.key
    speed = total(store).speed_after
    assert (speed.pictures_per_second, speed.peak_memory_bytes) == (4.0, 300 << 20)
    assert total(store).speed_before.pictures_per_second is None


def test_erasing_a_user_leaves_the_others(store: MemoryStore) -> None:
    compared(store)
    assert Comparisons(store).erase("alice") == 2  # the day, and the sum, which shows pictures
    assert Comparisons(store).erase("alice") == 0
    assert [part.user for part in Comparisons(store).users(IDENTITY)] == ["bob"]
    assert b"alice" not in b"".join(store.get(info.key)[0] for info in store.list_objects("comparisons/"))
