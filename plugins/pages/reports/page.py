"""The day's reports: which days have one, and each as it was made, in a frame in which nothing runs."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from itertools import islice

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from nightjar.errors import InputError
from nightjar.stores.reports import Reports
from plugins.web.errors import NotFound
from plugins.web.headers import POLICY
from plugins.web.pages import Page
from plugins.web.rendering import refuse, render
from plugins.web.world import World, WorldDep

router = APIRouter()
PAGE = Page(name="reports", title="Reports", order=60, dag_id="nightjar_report", router=router)

_ON_A_PAGE = 31  # days
_MOST_PAGES = 10_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_HTML = b"<!doctype html"
# A report is one file with its style and pictures in it. No script of it runs, whoever wrote it.
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-same-origin"
)
_FRAMING_POLICY = f"{POLICY}; frame-src 'self'"


@router.get("/")
def reports(request: Request, world: WorldDep, page: str = "1", day: str = "") -> Response:
    """The days that have a report, the newest first; with `day`, on to the report of that day."""
    if day:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/reports/{_day(day)}", 303)
    if not (page.isascii() and page.isdigit() and len(page) <= 5 and 1 <= int(page) <= _MOST_PAGES):
        refuse(f"a page as a whole number from 1 to {_MOST_PAGES:,}", page)
    number = int(page)
    first = (number - 1) * _ON_A_PAGE
    days = list(islice(Reports(world.store).days(), first, first + _ON_A_PAGE + 1))
    return render(
        request,
        "reports/list.html.j2",
        days=days[:_ON_A_PAGE],
        number=number,
        has_more=len(days) > _ON_A_PAGE,
        today=world.clock().date(),
    )


@router.get("/{day}")
def report(request: Request, world: WorldDep, day: str) -> HTMLResponse:
    """The report of a day, between the day before and the day after."""
    asked = _day(day)
    problem, status = "", 200
    try:
        if _page(world, asked) is None:
            problem, status = "There is no report of this day.", 404
    except InputError as error:
        problem = f"The report of this day cannot be shown: {error}."
    before, after = _neighbours(Reports(world.store).days(), asked)
    return render(
        request,
        "reports/report.html.j2",
        status,
        headers={"Content-Security-Policy": _FRAMING_POLICY},
        day=asked,
        problem=problem,
        before=before,
        after=after,
        today=world.clock().date(),
    )


@router.get("/{day}/document")
def document(world: WorldDep, day: str) -> Response:
    """The report itself, as it was made."""
    asked = _day(day)
    try:
        page = _page(world, asked)
    except InputError as error:
        raise NotFound(f"The report of {asked} cannot be shown: {error}.") from None
    if page is None:
        raise NotFound(f"There is no report of {asked}.")
    return Response(page, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _REPORT_POLICY})


def _page(world: World, day: date) -> bytes | None:
    """The report of a day; None without one. Raises InputError for an object that is none."""
    reports = Reports(world.store)
    page = reports.read(day)
    if page is not None and page[: len(_HTML)].lower() != _HTML:
        raise InputError(f"expected an HTML page at {reports.page_key(day)!r}, got {len(page):,} other bytes")
    return page


def _neighbours(days: Iterator[date], day: date) -> tuple[date | None, date | None]:
    """The day with a report before `day`, and the one after it; `days` are the newest first."""
    after = None
    for each in days:
        if each < day:
            return each, after
        if each > day:
            after = each
    return None, after


def _day(text: str) -> date:
    if _DAY.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    return refuse("a UTC day such as 2026-11-20", text)
