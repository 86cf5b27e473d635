"""The rows that a report was drawn from, and what they are about."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from nightjar.domain.layout import last_segment
from nightjar.domain.lineage.nodes import Kind
from nightjar.domain.manifest import ObjectRef
from nightjar.queries.lineage.made import things_made
from nightjar.queries.lineage.makers import all_read, prefix_of_run, written
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.subjects import By, ReportOf, Rest, RowsOf, Subject
from nightjar.runtime.store import ObjectUnreadableError
from nightjar.stores.key_kinds import kind_of
from nightjar.stores.record_keys import WHOLE_DAY, day_of_part, oldest_first, partition_prefix, table_of
from nightjar.stores.run_index import runs_between
from nightjar.stores.runs import HISTORY, REPORT, run_prefix

_TABLES = ("pictures", "events", "alerts")
# The tables behind a plot, for those that are not drawn from the pictures alone.
PLOTS = {"funnel.png": _TABLES}
# The stage of a run that made the things which the rows of a table are about.
_MADE_BY = {"pictures": "validate", "detections": "detect", "events": "assess", "alerts": "notify"}
_LONGEST = timedelta(hours=2)  # from the time in a run's name until its report is there
_MOST_RUNS = 24


def reported_by(reading: Reading, subject: ReportOf) -> By:
    """The run that made a page or plot; without a run where none of that time has it in its manifest.

    A later run that made the same again has it too: it is the first one.
    """
    version, at = _written_at(reading, subject)
    if at is None:
        return By(stage="report")
    names = reading.once(("reports", at), lambda: runs_between(reading.store, REPORT, at - _LONGEST, at))
    for name in reversed(names[:_MOST_RUNS]):
        by = By(run_prefix(REPORT, name), "report")
        ref = written(reading, by, subject.key)
        if ref and ref.version_id == version:
            return by
    return By(stage="report")


def _written_at(reading: Reading, subject: ReportOf) -> tuple[str, datetime | None]:
    """The version of a page or plot, the newest one by default, and when it was written."""
    try:
        info = reading.head(subject.key, subject.version or None)
    except ObjectUnreadableError:
        info = None
    return (info.version_id, info.modified_at) if info else (subject.version, None)


def rows_behind(reading: Reading, subject: ReportOf, rest: Rest) -> Iterator[RowsOf]:
    """The parts of the warehouse that a page or plot was drawn from, as far as they are there."""
    by = reported_by(reading, subject)
    at = _written_at(reading, subject)[1]
    tables = _TABLES if kind_of(subject.key) is Kind.REPORT else PLOTS.get(last_segment(subject.key), ("pictures",))
    later = 0
    if named := [ref for ref in all_read(reading, by) if kind_of(ref.key) is Kind.ROWS]:
        yield from (rows for ref in named if (rows := _rows_at(reading, subject.day, ref)) and rows.table in tables)
        return
    for table in tables:
        prefix = partition_prefix(table, subject.day)
        parts = oldest_first(reading.store.list_objects(prefix))
        heads = reading.each(lambda info: reading.head(info.key), parts)  # a listing names no version
        for info in (head for head in heads if head):
            if at is not None and info.modified_at > at:
                later += 1
                continue
            yield RowsOf(table, subject.day, info.key, info.version_id, recorded_by(reading, info.key, info.version_id))
    if later:
        rest.notes.append(f"{later} parts of the day's records were written after it was made, and are left out")


def _rows_at(reading: Reading, day: date, ref: ObjectRef) -> RowsOf | None:
    """The part of the records of `day` that a report read; None for one of another day, which it made as well."""
    try:
        if day_of_part(ref.key) != day:
            return None
    except (ValueError, IndexError):
        return None
    by = recorded_by(reading, ref.key, ref.version_id)
    return RowsOf(table_of(ref.key), day, ref.key, ref.version_id, by)


def recorded_by(reading: Reading, key: str, version: str) -> By:
    """The run that recorded a part in that version; without a run where a report put several parts together."""
    name = last_segment(key).removesuffix(".parquet")
    is_whole = last_segment(key) == WHOLE_DAY
    by = By(run_prefix(HISTORY, day_of_part(key).isoformat()) if is_whole else prefix_of_run(name), "record")
    ref = written(reading, by, key)
    return by if ref and ref.version_id == version else By(stage="record")


def things_in(reading: Reading, subject: RowsOf) -> Iterator[Subject]:
    """The things that the rows of a part are about, as the run made them that recorded it."""
    stage = _MADE_BY.get(subject.table)
    if subject.by.run and stage:
        yield from things_made(reading, subject.by.run, stage)
