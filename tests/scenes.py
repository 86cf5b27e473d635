"""Scenes for tests of what comes after detection: a run with its rules, and detections as detect stores them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from nightjar.domain.detections import DetectedObject, Detection, DetectorRef
from nightjar.domain.detectors import detector_id
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.stages import STAGES
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place, RunShard
from tests.bucket import RunWorld, picture_of

RULES = """\
version: 1
event_gap_seconds: 60
rules:
  100: {name: animals, unsafe: [dog, cat, bird], min_probability: 0.8}
  200: {name: intruder, unsafe: [person], min_probability: 0.6, hours: "22:00-06:00"}
  300: {name: anybody, unsafe: [person], min_probability: 0.5}
users:
  alice:
    email: alice@example.com
    timezone: Europe/Berlin
    rules: [300]
    devices:
      porch: {rules: [100, 300], site: home}
      night: {rules: [200]}
      yard: {allow_grey: true}
  bob:
    email: bob@example.com
    timezone: America/New_York
    rules: [300]
    devices: {door: }
"""
NIGHT = Camera("alice", "night")
DOOR = Camera("bob", "door")
NOON = datetime(2024, 11, 20, 12, 0, tzinfo=UTC)
DETECTOR = DetectorRef(tag="d1", model="fake", sha256="0" * 64, settings="s")
BOX = (0.25, 0.25, 0.5, 0.75)
SHARD = "everything"  # the only shard of a run


def after(seconds: float, start: datetime = NOON) -> datetime:
    """So many seconds after `start`."""
    return start + timedelta(seconds=seconds)


def objects(seen: Mapping[str, float]) -> tuple[DetectedObject, ...]:
    """One object a label."""
    return tuple(DetectedObject(label=label, probability=p, box=BOX) for label, p in seen.items())


def detection(
    camera: Camera, taken_at: datetime, seen: Mapping[str, float], detector: DetectorRef = DETECTOR, sha256: str = "a"
) -> Detection:
    """The detection of one picture."""
    picture = picture_of(camera, taken_at, sha256 * 64 if len(sha256) == 1 else sha256)
    return Detection.of(picture, detector, objects(seen))


def store_detections(store: ObjectStore, run: str, detections: Iterable[Detection]) -> list[ObjectRef]:
    """Write detections as the detect stage does: one object a camera, day and run."""
    places: dict[Place, list[Detection]] = {}
    for each in detections:
        maker = detector_id(each.detector.sha256, each.detector.settings)
        place = Place(maker, each.picture.camera, each.picture.taken_at.date())
        places.setdefault(place, []).append(each)
    shard = RunShard(run, SHARD, is_history=False)
    return [Detections(store).write(place, shard, lines) for place, lines in sorted(places.items())]


def start_run(
    store: ObjectStore,
    run: str,
    detections: Iterable[Detection] = (),
    rules: str = RULES,
    detector: str = "d1",
    image: str | None = None,
) -> StageContext:
    """A run whose only shard has come as far as detect; returns the context in which its assess stage works."""
    world = RunWorld(store, run)
    world.pin(rules.encode(), {**dict.fromkeys(STAGES, "d1"), "detect": detector})
    leave_detections(store, run, store_detections(store, run, detections))
    return world.context("assess", world.at("detect", SHARD), SHARD, image, now=None)


def leave_detections(store: ObjectStore, run: str, refs: Iterable[ObjectRef]) -> None:
    """Leave the manifest of a detect stage that wrote `refs`."""
    RunWorld(store, run).leave("detect", SHARD, refs)
