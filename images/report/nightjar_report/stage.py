"""The report stage: makes the page and plots of every day that has news, from the warehouse."""

import logging
from collections.abc import Sequence
from datetime import date
from typing import Any

from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.errors import InputError
from nightjar.runtime.progress import Progress
from nightjar.runtime.settings import load
from nightjar.runtime.stage import StageContext, StageResult, stop_if_asked
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectStore
from nightjar.settings.report import ReportSettings
from nightjar.stores.columns import Table
from nightjar.stores.record_erasure import erase_requested
from nightjar.stores.records import Records, latest
from nightjar.stores.reports import Reports
from nightjar.stores.tables import ALERTS, EVENTS, PICTURES
from nightjar_report import page, plots
from nightjar_report.summary import PICTURE_COLUMNS, Summary, summarise
from nightjar_report.thumbnails import thumbnails

log = logging.getLogger(__name__)

# The detections are a hundred times as many, and `pictures` has all that the page says about them.
_REPORTED: tuple[Table[Any], ...] = (PICTURES, EVENTS, ALERTS)
# Of a table and day, so many parts are read each time; beyond that they are put into one.
_MOST_PARTS = 64


def work(context: StageContext) -> StageResult:
    """Erase what was asked for, report every day that has news, then remove the news that were there before.

    A page made again from the same rows is the same, byte by byte. A day that cannot be reported keeps its news and
    does not hold back the others; raises InputError that names these days once the others are done.
    """
    settings = load(ReportSettings)
    inputs = (context.release()[1],) if context.release_key else ()
    erased = erase_requested(context.store)
    records = Records(context.store)
    news = records.news()
    progress = Progress("days reported", len(news))
    written: list[ObjectRef] = []
    reports: list[str] = []
    problems: list[str] = []
    for day, versions in news.items():
        stop_if_asked()
        try:
            refs = report_day(context.store, day, settings.report_thumbnails)
        except InputError as error:
            log.error("no report of %s: %s", day, error)
            problems.append(f"no report of {day}: {error}")
            continue
        written += refs
        reports.append(refs[0].key)
        records.forget(versions)
        progress.add()
    if problems:
        raise InputError("; ".join(problems))
    return StageResult(
        counts=Counts(
            received=len(news),
            outcomes={"reported": len(reports)} if reports else {},
            details={"erased": erased} if erased else {},
        ),
        inputs=inputs,
        objects=written,
        result={"reports": [*reports]},
    )


def report_day(store: ObjectStore, day: date, most_thumbnails: int) -> list[ObjectRef]:
    """Make the page of a day, with pictures of at most so many events, and its plots; the page comes first."""
    records = Records(store)
    for table in _REPORTED:
        _merge(records, table, day)
    summary = summary_of(records, day)
    shown: Sequence[Any] = [*summary.unalerted, *summary.unfinished, *summary.alerts][:most_thumbnails]
    pictures = thumbnails(store, [each.event for each in shown])
    return Reports(store).publish(day, page.render(summary, pictures), plots.draw(summary))


def summary_of(records: Records, day: date) -> Summary:
    """The numbers of a day as the warehouse has them."""
    pictures = records.read(PICTURES, day, PICTURE_COLUMNS)
    events = records.read(EVENTS, day, EVENTS.columns)
    alerts = records.read(ALERTS, day, ALERTS.columns)
    provenances = latest([*pictures.provenances, *events.provenances, *alerts.provenances])
    return summarise(day, pictures.content, events.content.rows(), alerts.content.rows(), provenances)


def _merge(records: Records, table: Table[Any], day: date) -> None:
    """Put the parts of a day together when they are many. The page does not depend on it: what fails is left alone."""
    try:
        records.merge(table, day, _MOST_PARTS)
    except (ObjectChangedError, ObjectExistsError):
        log.info("history has rewritten %s of %s meanwhile", table.name, day)
    except InputError as error:
        log.warning("the parts of %s of %s stay as they are: %s", table.name, day, error)
