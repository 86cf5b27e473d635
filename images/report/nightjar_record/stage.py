"""The record stage: from the outputs of a run to rows in the warehouse, and to news for the pages of its days."""

from datetime import date

from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.runtime.store import ObjectStore
from nightjar.stores.events import Events
from nightjar.stores.records import Records
from nightjar.stores.tables import ALERTS, EVENTS, TABLES, PictureOutcome
from nightjar_record.alerting import alerts_about, touched_events
from nightjar_record.day import compact_day, record_day
from nightjar_record.healing import drop_superseded, lift_healed
from nightjar_record.inputs import RunOutputs, earlier_days, event_lines, read_run, shard_outputs, written_by_assess
from nightjar_record.outcomes import alert_rows, event_row
from nightjar_record.partitions import Partitions, counts_of


def work(context: StageContext) -> StageResult:
    """Record the rows of the run; with a day, all rows of that day, in place of the parts of runs, and compact it.

    A live run reads nothing but its own outputs, its events and their alerts: its cost does not grow with the day. (One
    that brings the whole of a part, or a retry, also reads what was refused on that day.)
    """
    store = context.store
    run = read_run(context)
    rows = _rows_of_shards(store, run)
    if context.day is None:
        _add_outcomes(store, run, rows)
        days = sorted({*rows.days, *earlier_days(context)})
        counts = counts_of(rows.content(table, day) for table in TABLES for day in days)
        drop_superseded(store, rows)
        written = [ref for day in days for ref in _add_part(store, run, rows, day)]
        warnings = _disagreement(run, counts)
    else:
        written, counts, days = record_day(store, run, context.day, rows)
        written += compact_day(store, run, context.day)
        warnings = []
    lift_healed(store, run, rows, days if context.day else rows.days)
    records = Records(store)
    for day in days:  # last: whoever reads the news then finds the rows
        records.announce(day, run.name)
    return StageResult(
        counts=counts,
        inputs=run.inputs,
        objects=written,
        result={"days": [day.isoformat() for day in days]},
        warnings=warnings,
    )


def _rows_of_shards(store: ObjectStore, run: RunOutputs) -> Partitions:
    rows = Partitions()
    progress = Progress("shards recorded", len(run.shards))
    for outputs in shard_outputs(store, run):
        rows.add_shard(outputs)
        progress.add()
    return rows


def _add_outcomes(store: ObjectStore, run: RunOutputs, rows: Partitions) -> None:
    """Add the events that the run touched, and the alerts about its own."""
    lines = {event.id: (event, not_alerted) for event, not_alerted in event_lines(store, run)}
    events = touched_events(store, [event for event, _ in lines.values()], written_by_assess(run))
    for event in events:
        _, not_alerted = lines.get(event.id, (event, None))
        key = Events(store).key(event)
        row = event_row(event, key, run.name, run.timezone, not_alerted, run.version_of(key))
        rows.add(EVENTS, event.day, [row])
    for day, line in alerts_about(store, [event for event in events if event.is_current or event.id in lines]):
        rows.add(ALERTS, day, alert_rows(line.alert, line.key, run.name, line.ref.version_id))


def _add_part(store: ObjectStore, run: RunOutputs, rows: Partitions, day: date) -> list[ObjectRef]:
    """Write the run's part of each table of a day."""
    records = Records(store)
    refs = (records.write(day, run.name, rows.content(table, day), run.provenance) for table in TABLES)
    return [ref for ref in refs if ref]


def _disagreement(run: RunOutputs, counts: Counts) -> list[str]:
    """A warning when the rows say something else than the account of the run, such as when a shard was redone."""
    account, recorded = _by_outcome(run.reconciled.counts), _by_outcome(counts)
    if account == recorded:
        return []
    return [f"expected rows of {account}, as the account of the run says, got {recorded}"]


def _by_outcome(counts: Counts) -> dict[str, int]:
    return {outcome.value: counts.total(outcome) for outcome in PictureOutcome}
