"""A bucket with events as they are stored and as the warehouse has them, for tests of what shows them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import AlertState, Delivery
from nightjar.domain.detections import DetectedObject, Mark
from nightjar.domain.events import Event, Threat, ThreatPicture, summary_of
from nightjar.domain.minutes import ThreatMinute
from nightjar.domain.names import Camera
from nightjar.runtime.manifests import write_record
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectStore
from nightjar.stores.contents import Content
from nightjar.stores.event_keys import event_key, minute_key
from nightjar.stores.ledger import Ledger
from nightjar.stores.records import Provenance, Records
from nightjar.stores.tables import ALERTS, DETECTIONS, EVENTS, DetectionRow, Unalerted
from nightjar.stores.warehouse import Warehouse, WarehouseSettings
from nightjar_record.outcomes import NotAlerted, alert_rows, event_row
from tests.bucket import PORCH, picture_of
from tests.scenes import DETECTOR

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=1)
Box = tuple[float, float, float, float]
BOX: Box = (0.25, 0.25, 0.5, 0.75)
RUN = "nightjar_live/20261120T120000Z-0123456789ab"
GOLDEN = Path(__file__).resolve().parents[4] / "golden"
_SMALL = WarehouseSettings(warehouse_disk_mib=16, warehouse_memory_mib=64, warehouse_threads=1)
_PARTS = count()


@contextmanager
def a_warehouse(store: ObjectStore) -> Iterator[Warehouse]:
    with TemporaryDirectory() as folder, Warehouse(store, Path(folder), _SMALL) as warehouse:
        yield warehouse


def shown_at(
    moment: datetime, label: str = "person", probability: float = 0.9, camera: Camera = PORCH, sha256: str = "a" * 64
) -> ThreatPicture:
    return ThreatPicture(
        picture=picture_of(camera, moment, sha256),
        detector=DETECTOR,
        objects=(DetectedObject(label=label, probability=probability, box=BOX),),
    )


def event_of(
    number: int,
    begun: datetime = NOON,
    *,
    label: str = "person",
    camera: Camera = PORCH,
    seconds: Sequence[float] = (0,),
    **values: Any,
) -> Event:
    """Event number so and so, with a picture at each of `seconds` after it began; nothing is stored."""
    pictures = [shown_at(begun + timedelta(seconds=each), label, camera=camera) for each in seconds]
    fields = {
        "id": f"{number:016x}",
        "day": begun.date(),
        "user": camera.user,
        "device": camera.device,
        "site": None,
        "rule_id": 200,
        "rule_name": "intruder",
        "label": label,
        "made": 1,
        "rules_sha256": "0" * 64,
        **summary_of(pictures),
        **values,
    }
    return Event.model_validate(fields)


def alert_of(event: Event, state: str = AlertState.SENT, severity: str = "warning", **values: Any) -> Alert:
    """The alert about an event, in one delivery by e-mail."""
    at = event.ended_at + timedelta(seconds=8)
    delivery = Delivery(
        channel="email", recipient="alice@example.com", state=state, subject="Person at Porch", claimed_at=at
    )
    fields = {
        "event_id": event.id,
        "event_key": event_key(event.camera, event.ref),
        "user": event.user,
        "device": event.device,
        "rule_id": event.rule_id,
        "started_at": event.started_at,
        "state": state,
        "channel": "email",
        "recipient": "alice@example.com",
        "subject": "Person at Porch",
        "possibly_repeated": False,
        "run": RUN.partition("/")[2],
        "holder": f"runs/{RUN}/notify/{event.camera.name}/",
        "claimed_at": at,
        "severity": severity,
        "deliveries": (delivery,),
        **values,
    }
    return Alert.model_validate(fields)


def record(
    store: ObjectStore, events: Iterable[Event | tuple[Event, str]], alerts: Iterable[tuple[date, Alert]] = ()
) -> None:
    """Write the rows of a run: events, each with the reason why nobody was told if there is one; alerts by day."""
    rows: dict[tuple[Any, date], list[Any]] = defaultdict(list)
    for each in events:
        event, reason = each if isinstance(each, tuple) else (each, "")
        why = NotAlerted(Unalerted(reason), 3600.0 if reason == "too-late" else None) if reason else None
        row = event_row(event, event_key(event.camera, event.ref), RUN, lambda user: "Europe/Berlin", why)
        rows[EVENTS, event.day].append(row)
    for day, alert in alerts:
        rows[ALERTS, day] += alert_rows(alert, f"alerts/{alert.event_id}.json", RUN)
    for (table, day), content in rows.items():
        run = f"{RUN}-{next(_PARTS):06d}"
        Records(store).write(day, run, Content.of(table, content), Provenance(run=RUN))


def detection_row(number: int, box: Box = BOX, **values: Any) -> DetectionRow:
    """A cat at the porch, in a picture of its own."""
    fields = {
        "id": f"d{number}",
        "run": RUN,
        "picture": f"p{number}",
        "user": "alice",
        "device": "porch",
        "camera": "alice-porch",
        "taken_at": NOON,
        "label": "cat",
        "probability": 0.8,
        "threat": True,
        **dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True)),
        "detector": "d1",
        "model": "fake",
        "model_sha256": "0" * 64,
        "settings": "s",
        "standard_key": f"standard/2026/11/20/12/alice-porch/{number:010d}.jpg",
        **values,
    }
    return DetectionRow(**fields)


def record_detections(store: ObjectStore, *rows: DetectionRow) -> None:
    """Write the rows of a run, by day."""
    for day in {row.taken_at.date() for row in rows}:
        content = Content.of(DETECTIONS, [row for row in rows if row.taken_at.date() == day])
        Records(store).write(day, RUN, content, Provenance(run=RUN))


def keep(store: ObjectStore, *events: Event) -> None:
    """Store events as assess does, with a threat for each second that has a picture of theirs."""
    for event in events:
        write_record(store, event_key(event.camera, event.ref), event)


def keep_threats(store: ObjectStore, event: Event, seconds: Iterable[float], mark: Mark | None = None) -> None:
    """The threats of an event, a minute an object; with a `mark`, but for the first the detector looked at none."""
    minutes: dict[datetime, list[Threat]] = defaultdict(list)
    for each in seconds:
        moment = event.started_at + timedelta(seconds=each)
        shown = shown_at(moment, event.label or "person", camera=event.camera)
        if each:
            shown = shown.model_copy(update={"mark": mark})
        threat = Threat(rule_id=event.rule_id, label=event.label, area=event.area, event=event.ref, shown=shown)
        minutes[moment.replace(second=0, microsecond=0)].append(threat)
    for minute, threats in minutes.items():
        content = ThreatMinute(user=event.user, device=event.device, minute=minute, threats=tuple(threats))
        write_record(store, minute_key(event.camera, minute), content)


def tell(store: ObjectStore, event: Event, alert: Alert) -> None:
    """Put an alert into the ledger."""
    ledger = Ledger(store)
    assert ledger.claim(event, alert, None)


def golden(release: str) -> MemoryStore:
    """The bucket as a release left it."""
    store, folder = MemoryStore(), GOLDEN / release
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            store.put(file.relative_to(folder).as_posix(), file.read_bytes())
    return store
