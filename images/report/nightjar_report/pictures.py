"""From what the stores say of a batch to rows: every received picture gets exactly one outcome."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from nightjar.domain.batch import BatchLine, Footage, Outcome
from nightjar.domain.detections import DetectedObject, Detection, Picture
from nightjar.domain.events import Event
from nightjar.domain.layout import digest, quarantine_prefix
from nightjar.domain.model import ms_from_utc
from nightjar.domain.names import FootageName, NameRefused, parse_footage_name
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import Refusal, Validation
from nightjar_report.tables import PICTURES, DetectionRow, PictureOutcome, PictureRow, Verdict

NOT_VALIDATED = "validate"  # as the account of the run says it: failed:validate
NOT_DETECTED = "detect"
_ID = 32  # hex digits of a row's id
_OPTIONAL = [name for name, column in PICTURES.columns.items() if column.optional]

# Footage (key, version id), which names an original for ever.
FootageId = tuple[str, str]
Dated = tuple[date, PictureRow]


@dataclass(frozen=True)
class Findings:
    """What the stores hold about a batch.

    `suppressed` maps a standard key to why no threat was seen in it, `failures` to why it could not be looked at.
    """

    run: str
    validator: str
    batch: Sequence[BatchLine] = ()
    validations: Mapping[FootageId, Validation] = field(default_factory=dict)
    detections: Sequence[Detection] = ()
    events: Sequence[Event] = ()
    suppressed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)


def row_id(*parts: object) -> str:
    """A stable id from what identifies a row."""
    return digest("\n".join(map(str, parts)), _ID)


def whole_ms(moment: datetime) -> datetime:
    """`moment` in UTC cut to milliseconds, the precision of the warehouse."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def picture_rows(found: Findings) -> Iterator[Dated]:
    """Every picture received with the batch, with the UTC day it belongs to."""
    seen = {(d.picture.standard_key, d.picture.standard_sha256): d for d in found.detections}
    threats = _events_by_picture(found.events)
    for line in found.batch:
        if line.outcome is not Outcome.FILED:
            yield _unfiled(line, found.run)
            continue
        validation = found.validations.get((line.footage.key, line.footage.version_id))
        if validation is None:
            yield _not_validated(line.footage, found)
        else:
            yield from _validated(line.footage, validation, found, seen, threats)


def detection_rows(found: Findings, pictures: Iterable[PictureRow]) -> Iterator[DetectionRow]:
    """Every object seen in `pictures`."""
    ids = {(p.standard_key, p.standard_sha256): p.id for p in pictures if p.outcome == PictureOutcome.DETECTED}
    unsafe = {(p.picture.standard_key, o) for event in found.events for p in event.pictures for o in p.objects}
    for detection in found.detections:
        picture = detection.picture
        identity = ids.get((picture.standard_key, picture.standard_sha256))
        if identity is None:
            continue
        for number, one in enumerate(detection.objects):
            threat = (picture.standard_key, one) in unsafe
            yield _object(identity, number, one, detection, found.run, threat)


def _object(
    identity: str, number: int, one: DetectedObject, detection: Detection, run: str, threat: bool
) -> DetectionRow:
    picture, detector = detection.picture, detection.detector
    x_min, y_min, x_max, y_max = one.box
    return DetectionRow(
        id=row_id(identity, detector.sha256, detector.settings, number),
        run=run,
        picture=identity,
        user=picture.user,
        device=picture.device,
        camera=picture.camera.name,
        taken_at=whole_ms(picture.taken_at),
        label=one.label,
        probability=one.probability,
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
    )


def _row(run: str, identity: str, trigger: str, outcome: PictureOutcome, **known: Any) -> PictureRow:
    """A row of which only `known` is known."""
    missing: dict[str, Any] = dict.fromkeys(_OPTIONAL)
    lists: dict[str, Any] = {"suppressed_by": [], "events": []}
    return PictureRow(id=identity, run=run, trigger=trigger, outcome=outcome.value, **{**missing, **lists, **known})


def _whose(name: FootageName) -> dict[str, Any]:
    camera = name.camera
    return {"user": camera.user, "device": camera.device, "camera": camera.name, "video": name.is_video}


def _unfiled(line: BatchLine, run: str) -> Dated:
    """A version that collect refused, or found to be there already."""
    source = line.source
    try:
        name = parse_footage_name(source.key.rsplit("/", 1)[-1])
    except NameRefused:
        name = None
    whose = _whose(name) if name else {"video": False}
    # As collect files it: by the name, unless that is what is wrong.
    wrong_name = line.reason in (Reason.BAD_NAME, Reason.IMPLAUSIBLE_TIME)
    taken_at = name.taken_at if name and not wrong_name else None
    day = (taken_at or source.received_at).astimezone(UTC).date()
    identity = row_id(source.key, source.version_id)
    refused = line.outcome is Outcome.QUARANTINED
    folder = quarantine_prefix(line.reason or "", day, source.key, source.version_id) if refused else None
    return day, _row(
        run,
        identity,
        identity,
        PictureOutcome.QUARANTINED if refused else PictureOutcome.DUPLICATE,
        reason=line.reason.value if line.reason else None,
        taken_at=taken_at,
        source_key=source.key,
        source_version=source.version_id,
        footage_key=line.footage_key,
        footage_version=line.footage_version,
        footage_sha256=line.sha256,
        quarantine_key=folder,
        **whose,
    )


def _origin(footage: Footage) -> dict[str, Any]:
    return {
        **_whose(footage.name),
        "footage_key": footage.key,
        "footage_version": footage.version_id,
        "footage_sha256": footage.sha256 or None,
    }


def _not_validated(footage: Footage, found: Findings) -> Dated:
    taken_at = footage.name.taken_at
    trigger = row_id(footage.key, footage.version_id)
    return taken_at.date(), _row(
        found.run,
        row_id(trigger, ms_from_utc(taken_at), 0),
        trigger,
        PictureOutcome.FAILED,
        reason=NOT_VALIDATED,
        taken_at=taken_at,
        validator=found.validator,
        **_origin(footage),
    )


def _validated(
    footage: Footage,
    validation: Validation,
    found: Findings,
    seen: Mapping[tuple[str, str], Detection],
    events: Mapping[str, list[str]],
) -> Iterator[Dated]:
    """The pictures, refusals and duplicates of one footage object.

    An id is made of footage, time and a running number, so that a picture that failed or was refused in one run and
    passes in a later one is the same row.
    """
    trigger = row_id(footage.key, footage.version_id)
    numbers: Counter[int | None] = Counter()
    known = {**_origin(footage), "validator": validation.validator, "video": validation.video}
    if validation.footage_sha256:
        known["footage_sha256"] = validation.footage_sha256

    def identity(taken_at: datetime | None) -> str:
        moment = ms_from_utc(taken_at) if taken_at else None
        numbers[moment] += 1
        return row_id(trigger, moment, numbers[moment] - 1)

    for picture in validation.pictures:
        detection = seen.get((picture.standard_key, picture.standard_sha256))
        if detection:
            outcome, what = PictureOutcome.DETECTED, _judged(picture, detection, events, found.suppressed)
        else:
            reason = found.failures.get(picture.standard_key, NOT_DETECTED)
            outcome, what = PictureOutcome.FAILED, {"reason": reason}
        row = _row(found.run, identity(picture.taken_at), trigger, outcome, **known, **_standard(picture), **what)
        yield whole_ms(picture.taken_at).date(), row
    for refusal in validation.refusals:
        yield _refused(refusal, footage, identity(refusal.taken_at), trigger, found.run, known)
    for number in range(validation.duplicates):
        duplicate = row_id(trigger, "duplicate", number)
        taken_at = footage.name.taken_at
        row = _row(found.run, duplicate, trigger, PictureOutcome.DUPLICATE, **known, taken_at=taken_at)
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
        reason=refusal.reason.value,
        taken_at=taken_at,
        quarantine_key=refusal.quarantine_key,
    )
    return (taken_at or footage.name.taken_at).date(), row


def _standard(picture: Picture) -> dict[str, Any]:
    return {
        "taken_at": whole_ms(picture.taken_at),
        "standard_key": picture.standard_key,
        "standard_sha256": picture.standard_sha256,
        "width": picture.width,
        "height": picture.height,
    }


def _judged(
    picture: Picture, detection: Detection, events: Mapping[str, list[str]], suppressed: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    key = picture.standard_key
    if key in events:
        verdict = Verdict.THREAT
    elif suppressed.get(key):
        verdict = Verdict.SUPPRESSED
    else:
        verdict = Verdict.SAFE if detection.objects else Verdict.NOTHING
    return {
        "detector": detection.detector.tag,
        "model": detection.detector.model,
        "model_sha256": detection.detector.sha256,
        "settings": detection.detector.settings,
        "objects": len(detection.objects),
        "verdict": verdict.value,
        "events": list(events.get(key, [])),
        "suppressed_by": list(suppressed.get(key, [])),
    }


def _events_by_picture(events: Iterable[Event]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for event in events:
        for one in event.pictures:
            found[one.picture.standard_key].add(event.id)
    return {key: sorted(ids) for key, ids in found.items()}
