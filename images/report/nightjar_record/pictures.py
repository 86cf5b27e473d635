"""Rows of a shard's pictures and of the objects in them: every received picture gets exactly one outcome. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from nightjar.domain.batch import BatchLine, Footage, Outcome
from nightjar.domain.detections import DetectedObject, Detection, Picture
from nightjar.domain.events import Threat
from nightjar.domain.layout import digest
from nightjar.domain.model import ms_from_utc
from nightjar.domain.names import FootageName
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import Refusal, Validation
from nightjar.stores.quarantine import quarantine_prefix
from nightjar.stores.tables import PICTURES, DetectionRow, PictureOutcome, PictureRow, Verdict

NOT_VALIDATED = "validate"  # as the account of the run says it: failed:validate
NOT_DETECTED = "detect"
LOOKED_AT = "looked-at"  # the mark of a row whose detection has none
_ID = 32  # hex digits of a row's id
_OPTIONAL = [name for name, column in PICTURES.columns.items() if column.optional]

# Footage (key, version id), which names an original for ever.
FootageId = tuple[str, str]
Dated = tuple[date, PictureRow]


@dataclass(frozen=True)
class ShardOutputs:
    """The results of a shard's stages for the lines of a batch; empty where a stage left no proof of its work.

    By standard key, `suppressed` has the reasons why a rule held back, the nearest miss first, and `failures` why
    detect could not look at the picture; by footage, `unvalidated` has why validate could not. Without assess's proof
    (`is_assessed`) no picture has a verdict. `name` is the shard's, `validate_image` and `validate_digest` are by its
    manifest of validate, `rules_sha256` by the run's release.
    """

    run: str
    batch: Sequence[BatchLine] = ()
    validations: Mapping[FootageId, Validation] = field(default_factory=dict)
    detections: Sequence[Detection] = ()
    threats: Sequence[Threat] = ()
    suppressed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    unvalidated: Mapping[FootageId, str] = field(default_factory=dict)
    is_assessed: bool = True
    name: str | None = None
    validate_image: str | None = None
    validate_digest: str | None = None
    rules_sha256: str | None = None


def row_id(*parts: object) -> str:
    """A stable id from what identifies a row."""
    return digest("\n".join(map(str, parts)), _ID)


def whole_ms(moment: datetime) -> datetime:
    """`moment` in UTC cut to milliseconds, the precision of the warehouse."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def picture_rows(shard: ShardOutputs) -> Iterator[Dated]:
    """Every picture received with the batch lines of `shard`, with the UTC day it belongs to."""
    seen = {(d.picture.standard_key, d.picture.standard_sha256): d for d in shard.detections}
    events = _events_by_picture(shard.threats)
    for line in shard.batch:
        if line.outcome is not Outcome.FILED:
            yield _unfiled(line, shard.run)
            continue
        footage, validation = line.footage, shard.validations.get(line.filed)
        if validation is None:
            yield _not_validated(footage, shard)
        else:
            yield from _validated(footage, validation, shard, seen, events)


def detection_rows(shard: ShardOutputs, pictures: Iterable[PictureRow]) -> Iterator[DetectionRow]:
    """Every object seen in `pictures`."""
    ids = {(p.standard_key, p.standard_sha256): p.id for p in pictures if p.outcome == PictureOutcome.DETECTED}
    unsafe = {(t.shown.picture.standard_key, o) for t in shard.threats for o in t.shown.objects}
    for detection in shard.detections:
        picture = detection.picture
        identity = ids.get((picture.standard_key, picture.standard_sha256))
        if identity is None:
            continue
        for number, seen in enumerate(detection.objects):
            threat = (picture.standard_key, seen) in unsafe
            yield _object(identity, number, seen, detection, shard, threat)


def _object(
    identity: str, number: int, seen: DetectedObject, detection: Detection, shard: ShardOutputs, threat: bool
) -> DetectionRow:
    picture, detector = detection.picture, detection.detector
    x_min, y_min, x_max, y_max = seen.box
    return DetectionRow(
        id=row_id(identity, detector.sha256, detector.settings, number),
        run=shard.run,
        picture=identity,
        user=picture.user,
        device=picture.device,
        camera=picture.camera.name,
        taken_at=whole_ms(picture.taken_at),
        label=seen.label,
        probability=seen.probability,
        x_min=x_min,
        y_min=y_min,
        x_max=x_max,
        y_max=y_max,
        threat=threat,
        detector=detector.tag,
        model=detector.model,
        model_sha256=detector.sha256,
        settings=detector.settings,
        standard_key=picture.standard_key,
        mark=_mark(detection),
        shard=shard.name,
        standard_version=picture.standard_version,
        standard_sha256=picture.standard_sha256,
        detector_digest=detector.image_digest,
        looked_in=detection.run,
        rules_sha256=shard.rules_sha256 if shard.is_assessed else None,
    )


def _mark(detection: Detection) -> str:
    """How the picture came by its objects."""
    return str(detection.mark.how) if detection.mark else LOOKED_AT


def _row(run: str, identity: str, trigger: str, outcome: str, **known: Any) -> PictureRow:
    """A row of which only `known` is known."""
    missing: dict[str, Any] = dict.fromkeys(_OPTIONAL)
    lists: dict[str, Any] = {"suppressed_by": [], "events": []}
    return PictureRow(id=identity, run=run, trigger=trigger, outcome=str(outcome), **{**missing, **lists, **known})


def _whose(name: FootageName | None) -> dict[str, Any]:
    if name is None:
        return {"video": False}
    camera = name.camera
    return {"user": camera.user, "device": camera.device, "camera": camera.name, "video": name.is_video}


def _unfiled(line: BatchLine, run: str) -> Dated:
    """A version that collect refused, or that was there already."""
    source = line.source
    # As collect files it: by the name, unless the name itself is wrong.
    wrong_name = line.reason in (Reason.BAD_NAME, Reason.IMPLAUSIBLE_TIME)
    taken_at = source.name.taken_at if source.name and not wrong_name else None
    day = (taken_at or source.received_at).astimezone(UTC).date()
    identity = row_id(source.key, source.version_id)
    folder = None
    if line.outcome is Outcome.QUARANTINED:
        folder = quarantine_prefix(line.reason or "", day, source.key, source.version_id)
    return day, _row(
        run,
        identity,
        identity,
        str(line.outcome),  # an outcome that only a later release knows stays text
        reason=str(line.reason) if line.reason else None,
        taken_at=taken_at,
        source_key=source.key,
        source_version=source.version_id,
        footage_key=line.footage_key,
        footage_version=line.footage_version,
        footage_sha256=line.sha256,
        quarantine_key=folder,
        **_whose(source.name),
    )


def _origin(footage: Footage) -> dict[str, Any]:
    return {
        **_whose(footage.name),
        "footage_key": footage.key,
        "footage_version": footage.version_id,
        "footage_sha256": footage.sha256 or None,
    }


def _trigger(footage: Footage) -> str:
    """The id of a footage object; the whole of an object has that of the part that was filed first."""
    return row_id(footage.key, footage.first_version or footage.version_id)


def _not_validated(footage: Footage, shard: ShardOutputs) -> Dated:
    taken_at = footage.name.taken_at
    trigger = _trigger(footage)
    identity = row_id(trigger, ms_from_utc(taken_at), 0)
    reason = shard.unvalidated.get((footage.key, footage.version_id), NOT_VALIDATED)
    known = {"reason": reason, "taken_at": taken_at, **_origin(footage), "shard": shard.name}
    return taken_at.date(), _row(shard.run, identity, trigger, PictureOutcome.FAILED, **known)


def _validated(
    footage: Footage,
    validation: Validation,
    shard: ShardOutputs,
    seen: Mapping[tuple[str, str], Detection],
    events: Mapping[str, list[str]],
) -> Iterator[Dated]:
    """The pictures, refusals and duplicates of a footage object.

    An id is made of footage, time and a running number, so that a picture that failed or was refused in one run and
    passes in a later run is the same row.
    """
    trigger = _trigger(footage)
    numbers: Counter[int | None] = Counter()
    known = {
        **_origin(footage),
        "validator": validation.validator,
        "video": validation.video,
        "shard": shard.name,
        "validate_image": shard.validate_image,
        "validate_digest": shard.validate_digest,
    }
    if validation.footage_sha256:
        known["footage_sha256"] = validation.footage_sha256

    def identity(taken_at: datetime | None) -> str:
        moment = ms_from_utc(taken_at) if taken_at else None
        numbers[moment] += 1
        return row_id(trigger, moment, numbers[moment] - 1)

    for picture in validation.pictures:
        detection = seen.get((picture.standard_key, picture.standard_sha256))
        if detection:
            outcome, result = PictureOutcome.DETECTED, _detected(picture, detection, events, shard)
        else:
            reason = shard.failures.get(picture.standard_key, NOT_DETECTED)
            outcome, result = PictureOutcome.FAILED, {"reason": reason}
        details = {**known, **_standard(picture), **result}
        row = _row(shard.run, identity(picture.taken_at), trigger, outcome, **details)
        yield whole_ms(picture.taken_at).date(), row
    for refusal in validation.refusals:
        yield _refused(refusal, footage, identity(refusal.taken_at), trigger, shard.run, known)
    for number in range(validation.duplicates):
        duplicate = row_id(trigger, "duplicate", number)
        taken_at = footage.name.taken_at
        row = _row(shard.run, duplicate, trigger, PictureOutcome.DUPLICATE, **known, taken_at=taken_at)
        yield taken_at.date(), row


def _refused(
    refusal: Refusal, footage: Footage, identity: str, trigger: str, run: str, known: Mapping[str, Any]
) -> Dated:
    taken_at = whole_ms(refusal.taken_at) if refusal.taken_at else None
    row = _row(
        run,
        identity,
        trigger,
        PictureOutcome.QUARANTINED,
        **known,
        reason=str(refusal.reason),
        taken_at=taken_at,
        quarantine_key=refusal.quarantine_key,
    )
    return (taken_at or footage.name.taken_at).date(), row


def _standard(picture: Picture) -> dict[str, Any]:
    return {
        "taken_at": whole_ms(picture.taken_at),
        "standard_key": picture.standard_key,
        "standard_sha256": picture.standard_sha256,
        "standard_version": picture.standard_version,
        "width": picture.width,
        "height": picture.height,
    }


def _detected(
    picture: Picture, detection: Detection, events: Mapping[str, list[str]], shard: ShardOutputs
) -> dict[str, Any]:
    known = {
        "detector": detection.detector.tag,
        "model": detection.detector.model,
        "model_sha256": detection.detector.sha256,
        "settings": detection.detector.settings,
        "objects": len(detection.objects),
        "mark": _mark(detection),
        # Where the validation is of a release before 0.3, the line of the detection may know it.
        "standard_version": picture.standard_version or detection.picture.standard_version,
        "detector_digest": detection.detector.image_digest,
        "looked_in": detection.run,
    }
    if not shard.is_assessed:
        return known
    key = picture.standard_key
    if key in events:
        verdict = Verdict.THREAT
    elif shard.suppressed.get(key):
        verdict = Verdict.SUPPRESSED
    else:
        verdict = Verdict.SAFE if detection.objects else Verdict.NOTHING
    return {
        **known,
        "verdict": verdict.value,
        "events": list(events.get(key, [])),
        "suppressed_by": list(shard.suppressed.get(key, [])),
        "rules_sha256": shard.rules_sha256,
    }


def _events_by_picture(threats: Iterable[Threat]) -> dict[str, list[str]]:
    ids: dict[str, set[str]] = defaultdict(set)
    for threat in threats:
        ids[threat.shown.picture.standard_key].add(threat.event.id)
    return {key: sorted(of_picture) for key, of_picture in ids.items()}
