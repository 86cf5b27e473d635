"""The rows that a report was drawn from, and what they are about."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from nightjar.domain.layout import last_segment
from nightjar.domain.lineage.nodes import Kind
from nightjar.queries.lineage.made import things_made
from nightjar.queries.lineage.makers import prefix_of_run, written
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.subjects import By, ReportOf, Rest, RowsOf, Subject
from nightjar.runtime.store import ObjectUnreadableError
from nightjar.stores.key_kinds import kind_of
from nightjar.stores.record_keys import is_whole_day, oldest_first, partition_prefix
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
    at = _written_at(reading, subject)[1]
    tables = _TABLES if kind_of(subject.key) is Kind.REPORT else PLOTS.get(last_segment(subject.key), ("pictures",))
    later = 0
    for table in tables:
        prefix = partition_prefix(table, subject.day)
        parts = oldest_first(reading.store.list_objects(prefix))
        heads = reading.each(lambda info: reading.head(info.key), parts)  # a listing names no version
        for info in (head for head in heads if head):
            if at is not None and info.modified_at > at:
                later += 1
                continue
            name = last_segment(info.key).removesuffix(".parquet")
            by = By(
                run_prefix(HISTORY, subject.day.isoformat()) if is_whole_day(info) else prefix_of_run(name), "record"
            )
            ref = written(reading, by, info.key)
            is_its = ref is not None and ref.version_id == info.version_id
            yield RowsOf(table, subject.day, info.key, info.version_id, by if is_its else By(stage="record"))
    if later:
        rest.notes.append(f"{later} parts of the day's records were written after it was made, and are left out")


def things_in(reading: Reading, subject: RowsOf) -> Iterator[Subject]:
    """The things that the rows of a part are about, as the run made them that recorded it."""
    stage = _MADE_BY.get(subject.table)
    if subject.by.run and stage:
        yield from things_made(reading, subject.by.run, stage)
