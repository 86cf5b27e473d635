"""A whole UTC day from the stores, camera by camera, for history: whatever runs filled them, and whenever."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from itertools import chain
from typing import TypeVar

from nightjar.domain.alerts import Alert
from nightjar.domain.batch import BatchLine, Outcome, ReceivedVersion
from nightjar.domain.events import Event
from nightjar.domain.layout import QUARANTINE, day_path, detections_prefix, validations_prefix
from nightjar.domain.model import Stored
from nightjar.domain.names import Camera
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.reasons import Reason
from nightjar.runtime.line_stores import DETECTIONS, VALIDATIONS, read_newest
from nightjar.runtime.manifests import read_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar_report.inputs import READERS, Run, by_camera, by_footage, failures, few_at_a_time, read_if_there
from nightjar_report.pictures import Findings

R = TypeVar("R", bound=Stored)


def camera_findings(
    store: ObjectStore, run: Run, day: date, events: Sequence[Event], suppressed: dict[str, list[str]]
) -> Iterator[Findings]:
    """What the stores say of each camera's footage of `day`, also of what its videos saw after midnight.

    Camera by camera, so that memory is bounded. `events` are those that the footage may belong to, `suppressed` says by
    standard key why rules held back.
    """
    batch = by_camera(run.filed_lines, lambda line: line.footage.camera.name)
    failed = failures(store, run)
    event_of = by_camera(events, lambda event: event.camera.name)

    def read(camera: str) -> Findings:
        lines, whose = batch[camera], Camera.parse(camera)
        kept = read_newest(store, VALIDATIONS, validations_prefix(run.validator, day, whose)).lines
        validations = by_footage((line.footage for line in lines), kept)
        days = {day} | {p.taken_at.date() for v in validations.values() for p in v.pictures}
        places = [detections_prefix(run.detector, one, whose) for one in sorted(days)]
        return Findings(
            run=run.name,
            validator=run.validator,
            batch=lines,
            validations=validations,
            detections=[d for place in places for d in read_newest(store, DETECTIONS, place).lines],
            events=event_of[camera],
            suppressed=suppressed,
            failures=failed,
        )

    return few_at_a_time(read, sorted(batch))


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


def _as_line(entry: QuarantineEntry) -> BatchLine:
    received = ReceivedVersion(
        key=entry.source_key, version_id=entry.source_version, size=entry.size, received_at=entry.received_at
    )
    return BatchLine(source=received, outcome=Outcome.QUARANTINED, reason=entry.reason)


def _records(store: ObjectStore, prefix: str, kind: type[R]) -> list[tuple[str, R]]:
    keys = sorted(info.key for info in store.list_objects(prefix) if info.key.endswith(".json"))
    read = in_parallel(partial(read_if_there, store, kind), keys, READERS)
    return [(key, record) for key, record in zip(keys, read, strict=True) if record]
