"""Scenes for tests of what comes after detection: a run with its rules, and detections as detect stores them."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, Picture
from nightjar.domain.detectors import detector_id
from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.domain.model import ms_from_utc
from nightjar.domain.names import Camera, FootageName
from nightjar.domain.release import Release, StageRelease
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.runtime.manifests import write_manifest, write_record
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.rules import RULES_KEY, RulesStore
from nightjar.stores.runs import LIVE, RELEASE, run_prefix, stage_prefix
from nightjar.stores.standard import standard_key

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
PORCH = Camera("alice", "porch")
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
    """What a detector saw in one picture."""
    name = FootageName(camera, ms_from_utc(taken_at), "jpg")
    picture = Picture(
        user=camera.user,
        device=camera.device,
        taken_at=taken_at,
        footage_key=f"footage/{name.canonical}",
        footage_version="v1",
        standard_key=standard_key(camera, taken_at),
        standard_sha256=sha256 * 64 if len(sha256) == 1 else sha256,
        width=640,
        height=480,
    )
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
    image: str = "example.com/nightjar/assess:a1",
) -> StageContext:
    """A run whose only shard has come as far as detect; returns the context in which its assess stage works."""
    prefix = run_prefix(LIVE, run)
    store.put(RULES_KEY, rules.encode())
    tags = {**dict.fromkeys(STAGE_IMAGES, "d1"), "detect": detector}
    stages = {stage: StageRelease(image=f"example.com/nightjar/{stage}:{tag}") for stage, tag in tags.items()}
    release = Release(run=run, stages=stages, rules=RulesStore(store).freeze())
    write_record(store, f"{prefix}{RELEASE}", release)
    leave_detections(store, run, store_detections(store, run, detections))
    return StageContext(
        stage="assess",
        image=image,
        run=run,
        input_prefix=stage_prefix(prefix, "detect", SHARD),
        output_prefix=stage_prefix(prefix, "assess", SHARD),
        store=store,
        release_key=f"{prefix}{RELEASE}",
    )


def leave_detections(store: ObjectStore, run: str, refs: Iterable[ObjectRef]) -> None:
    """Leave the manifest of a detect stage that wrote `refs`."""
    manifest = Manifest(
        stage="detect",
        image="example.com/nightjar/detect:d1",
        run=run,
        objects=tuple(refs),
        counts=Counts(),
        started_at=NOON,
        finished_at=NOON,
    )
    write_manifest(store, stage_prefix(run_prefix(LIVE, run), "detect", SHARD), manifest)


def sha256_of(data: bytes) -> str:
    """As pictures name their content."""
    return hashlib.sha256(data).hexdigest()
