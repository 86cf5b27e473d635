"""Which detector is meant: the deployed one, or one that is named by tag or id."""

from datetime import UTC, date, datetime

import pytest

from nightjar.domain.detections import DetectorRef
from nightjar.domain.detectors import PublishedDetector
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.release import FrozenRules, Release, StageRelease
from nightjar.errors import InputError, UsageError
from nightjar.queries.deployed import deployed_detector, detector_folder
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.runs import Runs

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def stage(tag: str, **settings: str) -> StageRelease:
    return StageRelease(image=f"example.com/nightjar/detect:{tag}", settings=settings)


def publish(store: MemoryStore, release: StageRelease, settings: str = "s") -> PublishedDetector:
    """As detect does when it starts."""
    tag = release.image.rpartition(":")[2]
    ref = DetectorRef(tag=tag, model="m", sha256="0" * 64, settings=settings)
    detector = PublishedDetector.of(ref, ["cat"])
    Detectors(store).publish(release.identity, detector, b"{}")
    return detector


def deploy(store: MemoryStore, release: StageRelease, now: datetime = NOON) -> None:
    """As freeze_release does when a run begins."""
    source = ObjectRef(key="config/rules.yaml", version_id="1", sha256="0" * 64, size=1)
    rules = FrozenRules(key="rules/0.yaml", sha256="0" * 64, source=source)
    Runs(store).deploy("runs/r/", Release(run="r", stages={"detect": release}, rules=rules), now)


def detect(store: MemoryStore, folder: str) -> None:
    """Leave detections in a folder."""
    Detections(store).write(Place(folder, Camera("alice", "porch"), date(2026, 11, 20)), RunShard("r", "x", False), [])


def test_the_deployed_detector_is_that_of_the_newest_release() -> None:
    store = MemoryStore()
    assert deployed_detector(store) is None
    deploy(store, stage("1"))
    assert deployed_detector(store) is None, "expected none before detect has run"
    first = publish(store, stage("1"))
    publish(store, stage("2"), settings="of a candidate that was tried by hand")
    assert deployed_detector(store) == first
    deploy(store, stage("1", NIGHTJAR_MIN_PROBABILITY="0.2"), NOON.replace(hour=13))
    second = publish(store, stage("1", NIGHTJAR_MIN_PROBABILITY="0.2"), settings="t")
    assert deployed_detector(store) == second
    assert detector_folder(store, None) == second.id


@pytest.mark.parametrize("damage", ["empty", "archived"])
def test_a_detector_that_cannot_be_read_is_as_none(damage: str) -> None:
    store = MemoryStore()
    deploy(store, stage("1"))
    publish(store, stage("1"))
    (info,) = store.list_objects("detectors/")
    if damage == "empty":
        store.put(info.key, b"")
    else:
        store.make_unreadable(info.key)
    assert deployed_detector(store) is None


def test_a_damaged_note_of_what_is_deployed_is_told_and_is_as_none(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    store.put("config/deployed.json", b"{")
    assert deployed_detector(store) is None
    assert (
        "expected a Deployed at 'config/deployed.json'" in caplog.text and "the next run writes it anew" in caplog.text
    )
    publish(store, stage("1"))
    deploy(store, stage("1"))
    assert deployed_detector(store) is not None


def test_without_a_deployed_detector_the_only_folder_is_meant() -> None:
    store = MemoryStore()
    with pytest.raises(InputError, match="--detector"):
        detector_folder(store, None)
    detect(store, "sha-0")
    assert detector_folder(store, None) == "sha-0"
    detect(store, "sha-1")
    with pytest.raises(InputError, match=r"sha-0.*sha-1"):
        detector_folder(store, None)


def test_a_detector_is_named_by_tag_or_id() -> None:
    store = MemoryStore()
    new = publish(store, stage("2"))
    detect(store, new.id)
    detect(store, "1")
    assert detector_folder(store, "1") == "1", "expected folders of release 0.1 to be named by tag"
    assert detector_folder(store, "2") == detector_folder(store, new.id) == new.id
    for wrong, hint in (("sha-abd", "did you mean"), (new.id[:-1], f"did you mean {new.id}")):
        with pytest.raises(UsageError, match=f"--detector: expected the id or the tag of a detector, got .*{hint}"):
            detector_folder(store, wrong)
    other = publish(store, stage("2", A="b"), settings="t")
    with pytest.raises(UsageError) as error:
        detector_folder(store, "2")
    assert new.id in str(error.value) and other.id in str(error.value)
    assert detector_folder(store, other.id) == other.id


def test_in_an_empty_bucket_no_detector_has_a_name() -> None:
    with pytest.raises(UsageError, match="got '1': no detector has looked at anything yet"):
        detector_folder(MemoryStore(), "1")
