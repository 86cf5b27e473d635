"""The events that a message told of, in the versions that it was made from."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from nightjar.domain.detectors import detector_id
from nightjar.domain.events import Event, EventRef
from nightjar.domain.notices import NoticeKind
from nightjar.domain.troubles import OPERATOR
from nightjar.errors import InputError
from nightjar.queries.lineage.finding import line_about
from nightjar.queries.lineage.makers import of_prefix, read, shard_of, written
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.subjects import By, EventOf, ObjectOf, Subject
from nightjar.stores.event_keys import event_key, ref_of_key
from nightjar.stores.events import Events
from nightjar.stores.ledger import Ledger, LedgerLine
from nightjar.stores.runs import LIVE, run_prefix
from nightjar.stores.troubles import Troubles

_DAY = timedelta(days=1)


def event_as_told(reading: Reading, line: LedgerLine, notes: list[str]) -> EventOf | None:
    """The event of an alert as the task had it that sent it; None for a notice, or where no version of it is kept."""
    alert = line.alert
    try:
        ref = ref_of_key(alert.event_key)
    except InputError:
        return None
    sender = of_prefix(alert.holder)
    prefix = sender.run or run_prefix(LIVE, alert.run)
    shard = sender.shard or shard_of(reading, prefix, alert.camera, "assess", alert.event_key)
    by = By(prefix, "assess", shard)
    # From 0.3 on the sender's manifest names the version that it read; before, its run wrote it, or else it is the
    # newest one of that time.
    told = read(reading, By(prefix, "notify", sender.shard), alert.event_key)
    told = told or written(reading, by, alert.event_key)
    version = told.version_id if told else _version_at(reading, alert.event_key, _sent(line))
    event = reading.document(alert.event_key, Event, version) if version else None
    if event is None:
        if told:
            notes.append(f"the event was told as version {version}, which is erased: below it is as it is now")
        now = now_of(reading, Events(reading.store).get(alert.camera, ref))
        notes += [] if now else ["no version of its event is kept"]
        return now
    wrote = written(reading, by, alert.event_key)
    if wrote and wrote.version_id == version:
        return EventOf(event, by, version, wrote.sha256)
    then = now_of(reading, event)
    return EventOf(event, then.by if then and then.version == version else By(), version, told.sha256 if told else "")


def _version_at(reading: Reading, key: str, moment: datetime) -> str:
    """The newest version of an object at a moment; empty where there is none."""
    return next((each.version_id for each in reading.versions(key) if each.modified_at <= moment), "")


def now_of(reading: Reading, event: Event | None) -> EventOf | None:
    """An event with the run that wrote it so: the one that saw its last picture, if its manifest says so."""
    if event is None:
        return None
    key = event_key(event.camera, event.ref)
    last = event.last.picture
    detector = detector_id(event.last.detector.sha256, event.last.detector.settings)
    saw = line_about(reading, detector, event.camera, last.taken_at, last.standard_key)
    current = reading.found(key)
    if saw and saw.by.run:
        by = By(saw.by.run, "assess", saw.by.shard)
        ref = written(reading, by, key)
        if ref and reading.document(key, Event, ref.version_id) == event:
            return EventOf(event, by, ref.version_id, ref.sha256)
    return EventOf(event, By(), current.version)


def others_told(reading: Reading, line: LedgerLine, notes: list[str]) -> Iterator[EventOf]:
    """The other events that the message told, which is filed under this one."""
    alert = line.alert
    try:
        day = ref_of_key(alert.event_key).day
    except InputError:
        return
    ledger = Ledger(reading.store)
    for identity in dict.fromkeys(each for delivery in alert.each_delivery for each in delivery.together):
        keys = (event_key(alert.camera, EventRef(id=identity, day=day + n * _DAY)) for n in (0, -1, 1))
        other = next((found for key in keys if (found := ledger.of_event_at(key))), None)
        event = event_as_told(reading, other, notes) if other else None
        if event:
            yield event


def behind_notice(reading: Reading, line: LedgerLine) -> Iterator[Subject]:
    """The source of a notice: the trouble that it tells of. Of other notices nothing was recorded."""
    alert = line.alert
    about = alert.camera.name if alert.device else OPERATOR
    if alert.kind in (NoticeKind.EQUIPMENT, NoticeKind.EQUIPMENT_OVER, NoticeKind.OPERATOR, NoticeKind.OPERATOR_OVER):
        kind = alert.event_id.removeprefix(f"{about}-").rpartition("-")[0]
        if kind:
            yield ObjectOf(Troubles(reading.store).key(about, kind), title=f"trouble {kind} of {about}")


def _sent(line: LedgerLine) -> datetime:
    return line.alert.finished_at or line.alert.claimed_at
