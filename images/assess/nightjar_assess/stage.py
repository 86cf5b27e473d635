"""Judge the pictures of a shard by the rules, and bring the events of its cameras up to date."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from nightjar.domain.detections import Detection
from nightjar.domain.labels import listed, near_labels
from nightjar.domain.manifest import Counts
from nightjar.domain.names import Camera
from nightjar.domain.release import Release
from nightjar.domain.rules import Rules
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_manifest, write_lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import StageContext, StageResult, stop_if_asked
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.events import Events
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.rules import RulesStore
from nightjar_assess.camera import Assessed, Rulebook, assess_camera

EVENTS = "events.jsonl"
THREATS = "threats.jsonl"
SUPPRESSED = "suppressed.jsonl"

_THREADS = 16  # cameras at a time; each mostly waits for S3
_DETAILS = ("events", "events_new", "events_changed", "events_absorbed", "events_withdrawn")

Seen = dict[datetime, Detection]


def assess(context: StageContext) -> StageResult:
    """Assess the shard whose detect stage wrote below the input prefix.

    Leaves `events.jsonl` (every event that a picture of the shard belongs to), `threats.jsonl` and `suppressed.jsonl`.
    The outcome depends on nothing but stored objects; `result.events` is the number of events.
    """
    store = context.store
    release, release_ref = context.release()
    detect, detect_ref = read_manifest(store, context.input_prefix)
    detections = Detections(store)
    refs = detections.objects_among(detect.objects)
    batch = by_camera(chain.from_iterable(in_parallel(detections.read_object, refs, _THREADS)))
    rules, rules_ref = RulesStore(store).load(release.rules, batch)
    rulebook, events, today = Rulebook(rules, release.rules.sha256, context.maker), Events(store), context.today
    false_boxes, damaged = FalseBoxes(store), list[str]()
    progress = Progress("cameras assessed", len(batch))

    def work(camera: Camera) -> Assessed:
        stop_if_asked()
        try:
            boxes = false_boxes.of(camera)
        except InputError as error:
            # Rather an alert too many than none.
            damaged.append(f"{camera.name}: no false box counts: {error}")
            boxes = ()
        done = assess_camera(events, rulebook, camera, batch[camera], today, boxes)
        progress.add()
        return done

    assessed = list(in_parallel(work, batch, _THREADS))
    output = context.output_prefix
    counts = _counts(assessed)
    return StageResult(
        counts=counts,
        inputs=(detect_ref, release_ref, rules_ref, *refs),
        objects=(
            *(ref for each in assessed for ref in each.written),
            write_lines(store, f"{output}{EVENTS}", (event for each in assessed for event in each.events)),
            write_lines(store, f"{output}{THREATS}", (threat for each in assessed for threat in each.threats)),
            write_lines(store, f"{output}{SUPPRESSED}", (line for each in assessed for line in each.suppressed)),
        ),
        result={"events": counts.details["events"]},
        warnings=[*_warnings(store, rules, release, list(batch)), *sorted(damaged)],
    )


def by_camera(lines: Iterable[Detection]) -> Mapping[Camera, Seen]:
    """One detection a picture, by camera and time; of two for one moment, the last one given."""
    cameras: dict[Camera, Seen] = defaultdict(dict)
    for line in lines:
        cameras[line.picture.camera][line.picture.taken_at] = line
    return {camera: dict(sorted(cameras[camera].items())) for camera in sorted(cameras)}


def _counts(assessed: Sequence[Assessed]) -> Counts:
    details: Counter[str] = Counter(dict.fromkeys(_DETAILS, 0))
    for each in assessed:
        details.update(each.details)
    received, threats = sum(each.pictures for each in assessed), sum(each.threatened for each in assessed)
    return Counts(
        received=received,
        outcomes={"threat": threats, "safe": received - threats},
        details={"threats": threats, "cameras": len(assessed), **details},
    )


def _meant(label: str, labels: Collection[str]) -> str:
    near = near_labels(label, labels)
    return f" (did you mean {listed(near, 'or')}?)" if near else ""


def _warnings(store: ObjectStore, rules: Rules, release: Release, cameras: Sequence[Camera]) -> list[str]:
    warnings = [release.rules.problem] if release.rules.problem else []
    detect = release.stage("detect")
    if (labels := Detectors(store).labels(detect.identity)) is not None:
        for rule_id, unseen in rules.unseen_labels(labels).items():
            told = ", ".join(f"{label}{_meant(label, labels)}" for label in unseen)
            warnings.append(f"rule {rule_id} ({rules.rules[rule_id].name}): {detect.image} cannot see {told}")
    unknown = [camera.name for camera in cameras if rules.device(camera) is None]
    if unknown:
        warnings.append(f"detections of cameras that are not in the rules count as safe: {', '.join(unknown)}")
    return warnings
