"""The report stage: from what the run and the stores hold to records, plots and reports."""

import logging
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from nightjar.domain.layout import day_path
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.runtime.line_stores import DETECTIONS, VALIDATIONS, Lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.settings import load
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.runtime.store import ObjectStore
from nightjar_report import compaction, inputs
from nightjar_report import day as days
from nightjar_report.inputs import READERS, Run
from nightjar_report.outcomes import alert_row, event_row
from nightjar_report.pictures import Findings
from nightjar_report.publish import publish
from nightjar_report.records import Partitions
from nightjar_report.settings import ReportSettings
from nightjar_report.tables import PICTURES, TABLES, PictureOutcome
from nightjar_report.warehouse import WHOLE_DAY, Warehouse, news

log = logging.getLogger(__name__)


def work(context: StageContext) -> StageResult:
    """Record what the run brought and report every day it touches; with a day, rewrite that day and compact it."""
    settings = load(ReportSettings)
    store = context.store
    run = inputs.read_run(context)
    warehouse = Warehouse(store)
    partitions = Partitions()
    if context.day is None:
        _batch(store, run, partitions)
        written = [ref for day in partitions.days for ref in _add(warehouse, run, partitions, day)]
    else:
        _whole_day(store, warehouse, run, context.day, partitions)
        written = _replace(store, warehouse, run, partitions, context.day)
        others = [day for day in partitions.days if day != context.day]
        written += [ref for day in others for ref in _add(warehouse, run, partitions, day)]
    reported = sorted({*partitions.days, *([context.day] if context.day else [])})
    reports = [publish(store, warehouse, day, settings.report_thumbnails) for day in reported]
    if context.day is not None:
        written += _compact(store, run, context.day)
    return StageResult(
        counts=partitions.counts,
        inputs=run.inputs,
        objects=[*written, *(ref for report in reports for ref in report)],
        result={"reports": [report[0].key for report in reports]},
        warnings=_disagreement(run, partitions.counts) if context.day is None else (),
    )


def _batch(store: ObjectStore, run: Run, partitions: Partitions) -> None:
    """The rows of a live run: what its manifests vouch for."""
    events = inputs.batch_events(store, run)
    partitions.add_pictures(
        Findings(
            run=run.name,
            validator=run.validator,
            batch=run.batch,
            validations=inputs.batch_validations(store, run),
            detections=inputs.batch_detections(store, run),
            events=events,
            suppressed=inputs.suppressed(store, run),
        )
    )
    alerts = inputs.alerts_about(store, events)
    partitions.add_outcomes(
        [event_row(event, run.name, run.timezone) for event in inputs.as_stored(store, events)],
        [alert_row(alert, key, run.name) for key, alert in alerts],
    )


def _whole_day(store: ObjectStore, warehouse: Warehouse, run: Run, day: date, partitions: Partitions) -> None:
    """The rows of a day, from the stores; duplicates stand nowhere but in the records, and are carried over."""
    events = days.events_from(store, day)
    earlier = days.events_from(store, day - timedelta(days=1))
    suppressed = inputs.suppressed(store, run)
    progress = Progress("cameras recorded")
    refused: list[str] = []
    for found in days.camera_findings(store, run, day, [*earlier, *events], suppressed):
        partitions.add_pictures(found, since=day)
        refused += (r.quarantine_key for v in found.validations.values() for r in v.refusals)
        progress.add()
    progress.finish()
    collected = days.refused_by_collect(store, day, refused)
    partitions.add_pictures(Findings(run=run.name, validator=run.validator, batch=collected))
    kept = warehouse.read(day)[PICTURES.name]
    partitions.carry(PICTURES, day, days.collected_duplicates(kept))
    partitions.add_outcomes(
        [event_row(event, run.name, run.timezone) for event in events],
        [alert_row(alert, key, run.name) for key, alert in days.alerts_from(store, day)],
    )


def _add(warehouse: Warehouse, run: Run, partitions: Partitions, day: date) -> Iterator[ObjectRef]:
    """Write the run's parts of a day, without the rows that other parts hold already."""
    others = warehouse.read(day, without=run.part)
    for table in TABLES:
        content = news(table, partitions.table(table, day), others[table.name])
        if ref := warehouse.write(table, day, run.part, content, run.provenance):
            yield ref


def _replace(store: ObjectStore, warehouse: Warehouse, run: Run, partitions: Partitions, day: date) -> list[ObjectRef]:
    """Write `day` whole, then remove the parts it supersedes."""
    written = []
    for table in TABLES:
        superseded = [p for p in warehouse.parts(table, day) if not p.key.endswith(f"/{WHOLE_DAY}")]
        if ref := warehouse.write(table, day, WHOLE_DAY, partitions.table(table, day), run.provenance):
            written.append(ref)
        removed = compaction.remove(store, superseded)
        log.info("%s of %s rewritten, %d parts superseded", table.name, day, removed)
    return written


def _compact(store: ObjectStore, run: Run, day: date) -> list[ObjectRef]:
    """Make one file of each camera's files of the day, in the stores of this validator and this detector."""
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


def _disagreement(run: Run, counts: Counts) -> list[str]:
    """A warning when the records say something else than the account of the run, such as when a shard was redone."""
    said, found = _by_outcome(run.reconciled.counts), _by_outcome(counts)
    return [] if said == found else [f"expected records of {said}, as the account of the run says, got {found}"]


def _by_outcome(counts: Counts) -> dict[str, int]:
    return {outcome.value: counts.total(outcome) for outcome in PictureOutcome}
