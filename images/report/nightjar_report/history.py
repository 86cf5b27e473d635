"""History: a whole day recorded anew from the stores, in place of the parts of the runs that touched it."""

import logging
from collections.abc import Collection
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightjar.domain.layout import day_path
from nightjar.domain.manifest import ObjectRef
from nightjar.runtime.line_stores import DETECTIONS, VALIDATIONS, Lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar_report import compaction, inputs, tables
from nightjar_report import day as days
from nightjar_report.inputs import READERS, Run
from nightjar_report.outcomes import alert_row, event_row
from nightjar_report.pictures import Findings
from nightjar_report.records import Partitions
from nightjar_report.tables import EVENTS, PICTURES, TABLES
from nightjar_report.warehouse import WHOLE_DAY, Warehouse, around

log = logging.getLogger(__name__)


def record_day(
    store: ObjectStore, warehouse: Warehouse, run: Run, day: date, partitions: Partitions
) -> list[ObjectRef]:
    """Add the rows of `day` to `partitions`, write them whole, then remove the parts that this supersedes.

    A live run may be at work on the same day. A stage before its report has filled the stores by the time its part is
    there, so parts are listed first, then the stores are read; a part that comes later stays.
    """
    superseded = {table.name: warehouse.parts(table, day) for table in TABLES}
    taken_back = _read_stores(store, run, day, partitions)
    _carry_over(warehouse, day, partitions, taken_back)
    written = []
    for table in TABLES:
        if ref := warehouse.write(table, day, WHOLE_DAY, partitions.table(table, day), run.provenance):
            written.append(ref)
        removed = compaction.remove(store, _parts_of_runs(superseded[table.name]))
        log.info("%s of %s rewritten, %d parts superseded", table.name, day, removed)
    return written


def compact_day(store: ObjectStore, run: Run, day: date) -> list[ObjectRef]:
    """Make one file of each camera's files of `day`, in the stores of this validator and this detector."""
    detections = store.list_folders(f"detections/{run.detector}/{day_path(day)}/")
    validations = store.list_folders(f"validations/{run.validator}/{day_path(day)}/")
    progress = Progress("folders compacted", len(detections) + len(validations))

    def one(folder: str) -> ObjectRef | None:
        lines: Lines[Any] = DETECTIONS if folder.startswith("detections/") else VALIDATIONS
        compacted = compaction.compact(store, lines, folder)
        progress.add()
        return compacted

    refs = list(in_parallel(one, [*detections, *validations], READERS))
    progress.finish()
    return [ref for ref in refs if ref]


def _read_stores(store: ObjectStore, run: Run, day: date, partitions: Partitions) -> list[str]:
    """Add what the stores hold; returns the ids of events that were alerted and are no longer there."""
    events = [event for near in around(day) for event in days.events_from(store, near)]
    alerts = days.alerts_from(store, day)
    progress = Progress("cameras recorded")
    refused: list[str] = []
    for found in days.camera_findings(store, run, day, events, inputs.suppressed(store, run)):
        partitions.add_pictures(found)
        refused += (r.quarantine_key for v in found.validations.values() for r in v.refusals)
        progress.add()
    progress.finish()
    collected = days.refused_by_collect(store, day, refused)
    partitions.add_pictures(Findings(run=run.name, validator=run.validator, batch=collected))
    partitions.add_outcomes(
        [event_row(event, run.name, run.timezone) for event in events if event.started_at.date() == day],
        [alert_row(alert, key, run.name) for key, alert in alerts],
    )
    return sorted({alert.event_id for _, alert in alerts} - {event.id for event in events})


def _carry_over(warehouse: Warehouse, day: date, partitions: Partitions, taken_back: Collection[str]) -> None:
    """Keep what earlier records say of footage that this run did not look at, and of events that were `taken_back`.

    Such footage is what collect knew for duplicates, which no store holds, what was filed after this run began, and
    videos that began the day before: of those history of that day records all, also what they saw after midnight.
    """
    earlier = warehouse.read(day, (PICTURES, EVENTS))
    known = partitions.table(PICTURES, day)["trigger"].combine_chunks()
    pictures, events = earlier[PICTURES.name], earlier[EVENTS.name]
    kept = pictures.filter(pc.invert(pc.is_in(pictures["trigger"], known)))
    partitions.carry(EVENTS, day, events.filter(pc.is_in(events["id"], pa.array(taken_back, pa.string()))))
    if len(kept):
        objects = warehouse.read(day)[tables.DETECTIONS.name]
        seen = objects.filter(pc.is_in(objects["picture"], kept["id"].combine_chunks()))
        partitions.carry(PICTURES, day, kept)
        partitions.carry(tables.DETECTIONS, day, seen)


def _parts_of_runs(parts: list[ObjectInfo]) -> list[ObjectInfo]:
    return [part for part in parts if not part.key.endswith(f"/{WHOLE_DAY}")]
