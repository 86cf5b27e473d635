"""Records of a year of a thousand cameras, written fast: every day is one day again, with its own ids and times.

Each day is one `day.parquet` a table, as history leaves it; today is many parts, as live runs leave it.
"""

import io
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.columns import Kind, Table
from nightjar.stores.contents import Content
from nightjar.stores.record_keys import WHOLE_DAY, partition_prefix
from nightjar.stores.records import Provenance, Records
from nightjar.stores.tables import ALERTS, DETECTIONS, EVENTS, PICTURES, AlertRow, DetectionRow, EventRow, PictureRow

CAMERAS, DAYS, PICTURES_A_DAY, EVENTS_A_DAY = 1000, 365, 27_400, 300
PARTS_TODAY = 200
_PICTURES_OF_AN_EVENT = 4
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)  # of the day that all days repeat
_OWN = {"id", "trigger", "events", "event", "absorbed"}  # columns that name a row: each day has its own
_REASONS = ("void", "truncated", "corrupt", "too-small", "unknown-camera", "implausible-time")
_THREADS = 4

Day = Mapping[Table[Any], Content[Any]]


def fill(store: ObjectStore, today: date, say: Callable[[str], None]) -> None:
    """Write the year that ends with `today`: ten million pictures."""
    pattern = _pattern()
    records = Records(store)
    # Pages join no detections, so these may be the same on each day: making them anew would take half of the time.
    detections = _bytes(pattern[DETECTIONS])

    def write(number: int) -> None:
        day = today - timedelta(days=number)
        for table, data in [(table, _bytes(_moved(pattern[table], day))) for table in (PICTURES, EVENTS, ALERTS)]:
            store.put(f"{partition_prefix(table.name, day)}{WHOLE_DAY}", data)
        store.put(f"{partition_prefix(DETECTIONS.name, day)}{WHOLE_DAY}", detections)
        if number % 50 == 0:
            say(f"pages: {number} days are written")

    by_time = {table: _moved(content, today).arrow.sort_by(table.order[1]) for table, content in pattern.items()}

    def write_part(number: int) -> None:
        for table, rows in by_time.items():
            size = -(-len(rows) // PARTS_TODAY)
            part = Content(table, rows.slice(number * size, size))
            records.write(today, f"nightjar_live/{number:06}", part, Provenance(run=f"nightjar_live/{number:06}"))

    for work, numbers in ((write, range(1, DAYS)), (write_part, range(PARTS_TODAY))):
        for _ in in_parallel(work, numbers, _THREADS):
            pass


def live_run(store: ObjectStore, day: date) -> None:
    """Write the rows of one more live run."""
    content = Content(PICTURES, _moved(_pattern()[PICTURES], day).arrow.slice(0, 100))
    Records(store).write(day, "nightjar_live/one-more", content, Provenance(run="nightjar_live/one-more"))


def _pattern() -> Day:
    """The rows of one day: 3 of 100 pictures show a threat, 5 are refused; five of six events are alerted."""
    chance = random.Random(10)
    moments = defaultdict(list)
    for _ in range(PICTURES_A_DAY):
        moments[chance.randrange(CAMERAS)].append(chance.randrange(86_400_000))
    with_event = set(chance.sample(sorted(moments), EVENTS_A_DAY))
    pictures, detections, events, alerts = [], [], [], []
    for camera, of_camera in sorted(moments.items()):
        names = {"user": f"u{camera // 4:03}", "device": f"d{camera % 4}", "camera": f"u{camera // 4:03}-d{camera % 4}"}
        times = [_BEGIN + timedelta(milliseconds=ms) for ms in sorted(of_camera)]
        event = _hex(chance, 16) if camera in with_event else None
        for number, moment in enumerate(times):
            is_threat = event is not None and number < _PICTURES_OF_AN_EVENT
            picture = _picture(chance, names, moment, event if is_threat else None)
            pictures.append(picture)
            detections += [_detection(chance, names, picture) for _ in range(picture.objects or 0)]
        if event is not None:
            events.append(_event(chance, names, event, times[:_PICTURES_OF_AN_EVENT]))
            if len(events) % 6:
                alerts.append(_alert(chance, names, events[-1]))
    tables: dict[Table[Any], list[Any]] = {PICTURES: pictures, DETECTIONS: detections, EVENTS: events, ALERTS: alerts}
    return {table: Content.of(table, rows) for table, rows in tables.items()}


def _picture(chance: random.Random, names: Mapping[str, str], moment: datetime, event: str | None) -> PictureRow:
    lot = 1.0 if event else chance.random()
    outcome = "quarantined" if lot < 0.05 else "duplicate" if lot < 0.07 else "failed" if lot < 0.08 else "detected"
    seen = outcome == "detected"
    objects = max(int(bool(event)), chance.choice([0, 0, 1, 1, 2, 3])) if seen else None
    key = f"2026/01/01/{moment:%H}/{names['camera']}/{int(moment.timestamp() * 1000)}.jpg"
    given: dict[str, Any] = {**dict.fromkeys(PICTURES.columns), **names}
    given |= {
        "id": _hex(chance, 32),
        "run": "nightjar_history/2026-01-01",
        "trigger": _hex(chance, 32),
        "outcome": outcome,
        "reason": chance.choice(_REASONS) if outcome in ("quarantined", "failed") else None,
        "taken_at": moment,
        "video": False,
        "footage_key": f"footage/{key}",
        "footage_version": _hex(chance, 32),
        "footage_sha256": _hex(chance, 64),
        "suppressed_by": [],
        "events": [event] if event else [],
    }
    if seen:
        given |= {"standard_key": f"standard/{key}", "standard_sha256": _hex(chance, 64), "width": 1280, "height": 720}
        given |= {"validator": "v" * 16, "detector": "detect:1.0.0", "model": "ssdlite", "model_sha256": "0" * 64}
        given |= {"settings": "s" * 16, "objects": objects}
        given["verdict"] = "threat" if event else "safe" if objects else "nothing"
    return PictureRow(**given)


def _detection(chance: random.Random, names: Mapping[str, str], picture: PictureRow) -> DetectionRow:
    sides = {side: round(chance.random(), 4) for side in ("x_min", "y_min", "x_max", "y_max")}
    given: dict[str, Any] = {"id": _hex(chance, 32), "run": picture.run, "picture": picture.id, **names, **sides}
    given |= {"taken_at": picture.taken_at, "label": chance.choice(["person", "cat", "car"])}
    given |= {"probability": round(chance.random(), 4), "threat": bool(picture.events), "detector": "detect:1.0.0"}
    given |= {"model": "ssdlite", "model_sha256": "0" * 64, "settings": "s" * 16, "standard_key": picture.standard_key}
    return DetectionRow(**given)


def _event(chance: random.Random, names: Mapping[str, str], name: str, times: list[datetime]) -> EventRow:
    given: dict[str, Any] = {"id": name, "run": "nightjar_history/2026-01-01", **names, "site": f"site {names['user']}"}
    given |= {"timezone": "Europe/Berlin", "rule_id": 200, "rule_name": "intruder", "started_at": times[0]}
    given |= {"ended_at": times[-1], "pictures": len(times), "labels": ["person"], "label": "person", "area": ""}
    given |= {"probability": round(chance.random(), 4), "best_box": [0.1, 0.2, 0.4, 0.9], "rules_sha256": "0" * 64}
    given |= {"best_standard_key": f"standard/2026/01/01/12/{names['camera']}/1767268800.jpg", "revision": 1}
    given |= {"event_key": f"events/2026/01/01/{names['camera']}/{name}.json", "state": "current", "absorbed": []}
    return EventRow(**given)


def _alert(chance: random.Random, names: Mapping[str, str], event: EventRow) -> AlertRow:
    begun = event.started_at + timedelta(seconds=chance.uniform(4, 30))
    given: dict[str, Any] = {"id": event.id, "run": event.run, "event": event.id, **names, "rule_id": 200}
    given |= {"started_at": event.started_at, "state": "sent", "channel": "mail", "recipient": "a@example.com"}
    given |= {
        "subject": "A person",
        "possibly_repeated": False,
        "alert_run": event.run,
        "claimed_at": begun,
        "calls": 1,
    }
    given |= {"finished_at": begun + timedelta(seconds=0.4), "status": 200, "severity": "warning", "message_id": "m"}
    return AlertRow(**given, outbox_key=None, ledger_key=f"ledger/{event.id}.json")


def _moved(content: Content[Any], day: date) -> Content[Any]:
    """The same rows on `day`: times move there, and what names a row ends with the day."""
    arrow, later = content.arrow, pa.scalar(datetime.combine(day, datetime.min.time(), UTC) - _BEGIN, pa.duration("ms"))
    for place, (name, column) in enumerate(content.table.columns.items()):
        moved: Any = None
        if column.kind is Kind.MOMENT:
            moved = pc.add(arrow[name], later)
        elif name in _OWN and column.kind is Kind.TEXT:
            moved = _ending(arrow[name], day)
        elif name in _OWN:
            lists: Any = arrow[name].combine_chunks()
            moved = pa.ListArray.from_arrays(lists.offsets, _ending(lists.values, day))
        if moved is not None:
            arrow = arrow.set_column(place, arrow.schema.field(name), moved)
    return Content(content.table, arrow)


def _ending(texts: Any, day: date) -> Any:
    joined: Any = pc.binary_join_element_wise
    return joined(texts, f"{day:%Y%m%d}", "")


def _bytes(content: Content[Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(content.arrow, buffer, compression="zstd")
    return buffer.getvalue()


def _hex(chance: random.Random, length: int) -> str:
    return f"{chance.getrandbits(4 * length):0{length}x}"
