"""Lineage: where an alert, a report or a picture comes from, as a graph; and what an original took part in."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from nightjar.domain.lineage.growing import Lineage
from nightjar.domain.lineage.tree import rows
from nightjar.errors import InputError
from nightjar.queries.lineage.answer import DAYS_FOR_IDS, DAYS_OF_RUNS, MOST_EACH, Question, lineage_of
from nightjar.runtime.lineage_svg import pictures_of
from plugins.pages.lineage.ways import Ways
from plugins.web.limits import limited
from plugins.web.pages import Page
from plugins.web.rendering import refuse, render
from plugins.web.world import World, WorldDep

router = APIRouter()
PAGE = Page(name="lineage", title="Lineage", order=65, dag_id="nightjar_live", router=router)

_MOST_NODES = 150  # a larger graph is for the command line
_MOST_EACH = 50
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_DAYS = 92

Text = Annotated[str, Query()]


@router.get("/", dependencies=[Depends(limited("lineage", at_once=3, per_minute=60))])
def show(
    request: Request,
    world: WorldDep,
    of: Text = "",
    up: Text = "",
    most: Text = "",
    first: Annotated[str, Query(alias="from")] = "",
    to: Text = "",
) -> HTMLResponse:
    """The lineage of the thing called `of`, down to the originals; with `up`, all that it took part in."""
    if up not in ("", "0", "1"):
        refuse("up to be 0 or 1", up)
    days = _days(first, to)
    answer, problem, status = None, "", 200
    if of.strip():
        question = Question(of, up == "1", _number(most), _MOST_NODES, *days)
        answer, problem = _answer(world, question)
        status = 404 if problem else 200
    ways = Ways(request.scope.get("root_path", ""))
    wide, narrow = pictures_of(answer, ways.box) if answer else (None, None)
    return render(
        request,
        "lineage/lineage.html.j2",
        status,
        of=of[:1000],
        up=up == "1",
        first=first,
        to=to,
        most=most,
        answer=answer,
        problem=problem,
        rows=rows(answer) if answer else [],
        wide=wide,
        narrow=narrow,
        ways=ways,
        days_for_ids=DAYS_FOR_IDS,
        days_of_runs=DAYS_OF_RUNS,
    )


def _answer(world: World, question: Question) -> tuple[Lineage | None, str]:
    try:
        return lineage_of(world.store, question, world.clock()), ""
    except InputError as error:
        text = str(error)
        return None, f"{text[:1].upper()}{text[1:]}."


def _number(text: str) -> int:
    if not text:
        return MOST_EACH
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= _MOST_EACH:
        return int(text)
    return refuse(f"most to be a whole number from 1 to {_MOST_EACH}", text)


def _days(first: str, last: str) -> tuple[datetime | None, datetime | None]:
    """The period as moments: from the beginning of the one day to the end of the other."""
    begin, end = _day(first), _day(last)
    if begin and end and not timedelta() <= end - begin <= timedelta(days=_MOST_DAYS):
        refuse(f"a period of at most {_MOST_DAYS} days, the first of which is not after the last", f"{first} to {last}")
    start = datetime.combine(begin, time(), UTC) if begin else None
    return start, datetime.combine(end, time.max, UTC) if end else None


def _day(text: str) -> date | None:
    if not text:
        return None
    if _DAY.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    return refuse("a UTC day such as 2026-11-20", text)
