"""A whole UTC day from the stores, camera by camera, for history: whatever runs filled them, and whenever."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import chain
from typing import TypeVar

from nightjar.domain.alerts import Alert
from nightjar.domain.batch import BatchLine, Footage, Outcome, ReceivedVersion
from nightjar.domain.detections import Detection
from nightjar.domain.events import Event
from nightjar.domain.layout import QUARANTINE, day_path, detections_prefix, validations_prefix
from nightjar.domain.model import Record
from nightjar.domain.names import Camera
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import Validation
from nightjar.runtime.line_stores import DETECTIONS, VALIDATIONS, read_newest
from nightjar.runtime.manifests import read_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar_report.inputs import READERS, Run, by_camera, by_footage, few_at_a_time, read_if_there
from nightjar_report.pictures import Findings

R = TypeVar("R", bound=Record)


def camera_findings(
    store: ObjectStore, run: Run, day: date, events: Sequence[Event], suppressed: dict[str, list[str]]
) -> Iterator[Findings]:
    """What the stores say of each camera's footage of `day`, and of videos of the day before that reach into it.

    Camera by camera, so that memory is bounded. `events` are those of the day and of the day before, `suppressed` says
    by standard key why rules held back.
    """
    filed = by_camera((line.footage for line in run.filed_lines), lambda footage: footage.camera.name)
    event_of = by_camera(events, lambda event: event.camera.name)
    cameras = sorted({*filed, *_cameras(store, run.validator, day - timedelta(days=1))})

    def read(camera: str) -> Findings:
        return _findings(store, run, day, Camera.parse(camera), filed[camera], event_of[camera], suppressed)

    return few_at_a_time(read, cameras)


def events_from(store: ObjectStore, day: date) -> list[Event]:
    """The events that began on `day`, of all cameras."""
    return [event for _, event in _records(store, f"events/{day_path(day)}/", Event)]


def alerts_from(store: ObjectStore, day: date) -> list[tuple[str, Alert]]:
    """The ledger's lines about events that began on `day`, each with its key."""
    return _records(store, f"alerts/{day_path(day)}/", Alert)


def refused_by_collect(store: ObjectStore, day: date, known: Iterable[str]) -> list[BatchLine]:
    """What collect put in quarantine for `day`; `known` are keys in quarantine that validations account for."""
    folders = {key.rpartition("/")[0] for key in known}
    prefixes = [f"{QUARANTINE}{reason}/{day_path(day)}/" for reason in Reason]
    listed = chain.from_iterable(in_parallel(lambda p: list(store.list_objects(p)), prefixes, READERS))
    keys = [i.key for i in listed if i.key.endswith("/reason.json") and i.key.rpartition("/")[0] not in folders]
    entries = in_parallel(lambda key: read_record(store, key, QuarantineEntry)[0], sorted(keys), READERS)
    return [_as_line(entry) for entry in entries if entry.stage == "collect"]


def _findings(
    store: ObjectStore,
    run: Run,
    day: date,
    camera: Camera,
    footage: list[Footage],
    events: Sequence[Event],
    suppressed: dict[str, list[str]],
) -> Findings:
    before = day - timedelta(days=1)
    lines = read_newest(store, VALIDATIONS, validations_prefix(run.validator, day, camera)).lines
    earlier = read_newest(store, VALIDATIONS, validations_prefix(run.validator, before, camera)).lines
    spilled = [_footage(v) for v in earlier if _reaches(v, day)]
    filed = [*footage, *spilled]
    validations = by_footage(filed, [*earlier, *lines])
    days = {day} | {p.taken_at.date() for v in validations.values() for p in v.pictures}
    prefixes = [detections_prefix(run.detector, one, camera) for one in sorted(days)]
    detections: list[Detection] = [d for p in prefixes for d in read_newest(store, DETECTIONS, p).lines]
    return Findings(
        run=run.name,
        validator=run.validator,
        batch=[_filed(one) for one in filed],
        validations=validations,
        detections=detections,
        events=events,
        suppressed=suppressed,
    )


def _reaches(validation: Validation, day: date) -> bool:
    moments = [*(p.taken_at for p in validation.pictures), *(r.taken_at for r in validation.refusals)]
    return validation.video and any(moment is not None and moment.date() == day for moment in moments)


def _footage(validation: Validation) -> Footage:
    return Footage(
        key=validation.footage_key,
        version_id=validation.footage_version,
        size=0,
        sha256=validation.footage_sha256,
    )


def _filed(footage: Footage) -> BatchLine:
    received = ReceivedVersion(
        key=footage.key, version_id=footage.version_id, size=footage.size, received_at=footage.name.taken_at
    )
    return BatchLine(
        source=received,
        outcome=Outcome.FILED,
        footage_key=footage.key,
        footage_version=footage.version_id,
        sha256=footage.sha256,
    )


def _as_line(entry: QuarantineEntry) -> BatchLine:
    received = ReceivedVersion(
        key=entry.source_key, version_id=entry.source_version, size=entry.size, received_at=entry.received_at
    )
    return BatchLine(source=received, outcome=Outcome.QUARANTINED, reason=entry.reason)


def _cameras(store: ObjectStore, validator: str, day: date) -> list[str]:
    folders = store.list_folders(f"validations/{validator}/{day_path(day)}/")
    return [folder.rstrip("/").rpartition("/")[2] for folder in folders]


def _records(store: ObjectStore, prefix: str, kind: type[R]) -> list[tuple[str, R]]:
    keys = sorted(info.key for info in store.list_objects(prefix) if info.key.endswith(".json"))
    read = in_parallel(partial(read_if_there, store, kind), keys, READERS)
    return [(key, record) for key, record in zip(keys, read, strict=True) if record]
