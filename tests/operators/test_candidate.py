"""The pictures that a candidate is given: of runs that it was not given, of a day, and never twice."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from nightjar.domain.candidates import Gathered
from nightjar.domain.detections import ListedPicture
from nightjar.domain.detectors import PublishedDetector
from nightjar.domain.manifest import Counts, Manifest
from nightjar.domain.names import Camera
from nightjar.domain.release import Images, Release, StageRelease
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.comparisons import Candidates
from nightjar.stores.detectors import Detectors
from nightjar.stores.runs import CANDIDATE, GATHER, HISTORY, LIVE, RECONCILE, Runs, run_prefix
from operators.candidate import Gathering
from tests.bucket import FROZEN, PORCH, SHOP, picture_of
from tests.scenes import DETECTOR, detection, store_detections

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
OTHER = DETECTOR.model_copy(update={"tag": "oid", "sha256": "1" * 64})
DEPLOYED = StageRelease(image="r/detect:near")
TRIED = StageRelease(image="r/detect:oid")


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    Runs(store).deploy("runs/x/y/", Release(run="y", stages={"detect": DEPLOYED}, rules=FROZEN), NOW)
    Detectors(store).publish(DEPLOYED.identity, PublishedDetector.of(DETECTOR, ["person"]), b"{}")
    return store


def known_to_the_candidate(store: MemoryStore, *moments: datetime, camera: Camera = PORCH) -> None:
    Detectors(store).publish(TRIED.identity, PublishedDetector.of(OTHER, ["person"]), b"{}")
    store_detections(store, f"c-{moments[0]:%H%M%S}", [detection(camera, moment, {}, OTHER) for moment in moments])


def ended(store: MemoryStore, dag: str, name: str, moments: list[datetime], camera: Camera = PORCH) -> None:
    """A run over pictures of a camera, settled."""
    run = Runs(store).at(run_prefix(dag, name))
    pictures = [ListedPicture.of(picture_of(camera, moment, "a" * 64)) for moment in moments]
    run.write_pictures("validate", camera.name, pictures)
    for stage, shard in (("validate", camera.name), (RECONCILE, None)):
        counts = Counts(received=len(moments), outcomes={"standard": len(moments)})
        manifest = Manifest(
            stage=stage, image="i", run=name, counts=counts, started_at=NOW, finished_at=NOW + timedelta(seconds=1)
        )
        run.write_manifest(manifest, shard)


def gather(store: MemoryStore, name: str = "c1", day: date | None = None, now: datetime | None = None) -> Gathered:
    run = Runs(store).at(run_prefix(CANDIDATE, name))
    now = now or datetime.now(UTC)  # the store's own clock says when runs were settled
    prefixes = Gathering(store, run, "oid", TRIED.identity, now).gather(day, "sha", 10, 100)
    gathered = run.gathered()[0]
    assert prefixes == [run.stage_prefix(GATHER, shard) for shard in gathered.shards]
    for shard in gathered.shards:
        manifest, _ = read_manifest(store, run.stage_prefix(GATHER, shard))
        assert manifest.counts.received == len(run.pictures(GATHER, shard)[0])
        assert manifest.counts.problem() is None
    return gathered


def pictures(store: MemoryStore, gathered: Gathered, name: str = "c1") -> list[tuple[str, datetime]]:
    run = Runs(store).at(run_prefix(CANDIDATE, name))
    return [(p.camera.name, p.taken_at) for shard in gathered.shards for p in run.pictures(GATHER, shard)[0]]


def batch(moment: datetime | None = None, number: str = "0123456789ab") -> str:
    return f"{moment or datetime.now(UTC):%Y%m%dT%H%M%SZ}-{number}"


def at(hour: int) -> datetime:
    return NOW.replace(hour=hour)


def test_new_runs_once_each(store: MemoryStore) -> None:
    ended(store, LIVE, batch(), [at(9), at(10)])
    gathered = gather(store)
    assert pictures(store, gathered) == [("alice-porch", at(9)), ("alice-porch", at(10))]
    assert [(c.user, c.device, c.days) for c in gathered.cameras] == [("alice", "porch", (NOW.date(),))]
    assert gather(store).shards == gathered.shards  # the same run, tried again
    before = sorted(v.version_id for v in store.list_versions("comparisons/"))
    assert gather(store, "c2") == Gathered(tag="oid", deployed=gathered.deployed)
    assert sorted(v.version_id for v in store.list_versions("comparisons/")) == before
    ended(store, LIVE, batch(number="ba9876543210"), [at(11)], SHOP)
    assert pictures(store, gather(store, "c3"), "c3") == [("bob-shop", at(11))]


def test_runs_that_have_not_ended_or_ended_long_before_are_left_out(store: MemoryStore) -> None:
    Candidates(store).begin("oid", datetime.now(UTC) + timedelta(hours=2))
    ended(store, LIVE, batch(), [at(9)])  # two hours before the candidate was first seen
    Runs(store).live(batch(datetime.now(UTC) - timedelta(seconds=5))).write_pictures("validate", "alice-porch", [])
    assert gather(store).shards == ()


def test_a_day_of_history_counts_again_once_it_was_settled_anew(store: MemoryStore) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    ended(store, HISTORY, today, [at(9)])
    assert len(pictures(store, gather(store))) == 1
    assert gather(store, "c2").shards == ()
    known_to_the_candidate(store, at(9))
    ended(store, HISTORY, today, [at(9), at(10)])  # another picture came late
    run = Runs(store).at(run_prefix(HISTORY, today))
    manifest = run.manifest(RECONCILE)[0]
    run.write_manifest(manifest.model_copy(update={"finished_at": NOW + timedelta(hours=1)}))
    assert pictures(store, gather(store, "c3"), "c3") == [("alice-porch", at(10))]


def test_a_day_gives_what_the_deployed_detector_knows_and_the_candidate_does_not(store: MemoryStore) -> None:
    store_detections(store, "r1", [detection(PORCH, at(hour), {"person": 0.9}) for hour in (9, 10)])
    store_detections(store, "r2", [detection(SHOP, at(11), {})])
    known_to_the_candidate(store, at(10))
    gathered = gather(store, day=NOW.date())
    assert pictures(store, gathered) == [("alice-porch", at(9)), ("bob-shop", at(11))]
    known_to_the_candidate(store, at(9))
    known_to_the_candidate(store, at(11), camera=SHOP)
    nothing = gather(store, "c2", NOW.date())
    assert (nothing.shards, len(nothing.cameras)) == ((), 2)  # nothing is looked at, and the day is compared
    assert gather(store, "c3", date(2026, 1, 1)).cameras == ()


def test_without_a_deployed_detector_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(InputError, match="expected a deployed detector to compare with"):
        gather(MemoryStore(), day=NOW.date())


@pytest.mark.parametrize("tag", ["", "latest", "a b", "../x", "x" * 129])
def test_tags_of_candidates(tag: str) -> None:
    images = Images.model_validate(
        {
            "registry": "r.example.com/n",
            **dict.fromkeys(("collect", "validate", "detect", "assess"), "1"),
            "notify": "1",
            "report": "1",
        }
    )
    assert json.loads(images.trying("oid").model_dump_json(by_alias=True))["detect"] == "oid"
    with pytest.raises(UsageError, match="tag of a candidate"):
        images.trying(tag)
