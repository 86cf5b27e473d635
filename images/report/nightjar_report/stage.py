"""The report stage: from what the run and the stores hold to records, plots and reports."""

from collections.abc import Iterator
from datetime import date

import pyarrow.compute as pc

from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.runtime.settings import load
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.runtime.store import ObjectStore
from nightjar.settings.report import ReportSettings
from nightjar_report import inputs
from nightjar_report.history import compact_day, record_day
from nightjar_report.inputs import Run
from nightjar_report.outcomes import alert_row, event_row
from nightjar_report.publish import publish
from nightjar_report.records import Partitions
from nightjar_report.tables import DETECTIONS, PICTURES, TABLES, PictureOutcome
from nightjar_report.warehouse import REPORTED, Warehouse, news


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
        written = record_day(store, warehouse, run, context.day, partitions)
        others = [day for day in partitions.days if day != context.day]
        written += [ref for day in others for ref in _add(warehouse, run, partitions, day)]
    reported = sorted({*partitions.days, *([context.day] if context.day else [])})
    reports = [publish(store, warehouse, day, settings.report_thumbnails) for day in reported]
    if context.day is not None:
        written += compact_day(store, run, context.day)
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
    for found in inputs.batch_findings(store, run, events, inputs.suppressed(store, run)):
        partitions.add_pictures(found)
    alerts = inputs.alerts_about(store, events)
    partitions.add_outcomes(
        [event_row(event, run.name, run.timezone) for event in inputs.as_stored(store, events)],
        [alert_row(alert, key, run.name) for key, alert in alerts],
    )


def _add(warehouse: Warehouse, run: Run, partitions: Partitions, day: date) -> Iterator[ObjectRef]:
    """Write the run's parts of a day, without the rows that other parts hold already."""
    others = warehouse.read(day, REPORTED, without=run.part)
    new = {table.name: news(partitions.table(table, day), others[table.name]) for table in REPORTED}
    objects = partitions.table(DETECTIONS, day)
    new[DETECTIONS.name] = objects.filter(pc.is_in(objects["picture"], new[PICTURES.name]["id"].combine_chunks()))
    for table in TABLES:
        if ref := warehouse.write(table, day, run.part, new[table.name], run.provenance):
            yield ref


def _disagreement(run: Run, counts: Counts) -> list[str]:
    """A warning when the records say something else than the account of the run, such as when a shard was redone."""
    said, found = _by_outcome(run.reconciled.counts), _by_outcome(counts)
    return [] if said == found else [f"expected records of {said}, as the account of the run says, got {found}"]


def _by_outcome(counts: Counts) -> dict[str, int]:
    return {outcome.value: counts.total(outcome) for outcome in PictureOutcome}
