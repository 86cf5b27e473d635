"""Quarantine: refused footage by reason, camera and day, a refusal by itself, and safe previews.

What strangers uploaded is never decoded or served here: a browser gets the preview that validate's sealed decoder made.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from nightjar.domain.reasons import Reason
from nightjar.errors import InputError
from nightjar.queries.refused import Refused
from nightjar.queries.refused_list import list_refused
from nightjar.queries.refused_rows import NO_CAMERA, RefusedOf, count_refused
from nightjar.runtime.store import ObjectUnreadableError
from nightjar.stores.quarantine import Quarantine, parse_folder
from plugins.pages.quarantine.cards import LONGEST, Card, Told
from plugins.pages.quarantine.filters import MOST_DAYS, cursor_in, query_of, wanted_refusals
from plugins.pages.quarantine.retry_page import router as retry_router
from plugins.web.errors import NotFound
from plugins.web.pages import Page
from plugins.web.rendering import is_fragment, refuse, render
from plugins.web.world import WorldDep

_ON_A_PAGE = 24
_SHORT = 14  # days
_LARGEST_PREVIEW = 512 << 10  # bytes: twice what validate lets through
_JPEG = b"\xff\xd8\xff"
_KEPT = "private, max-age=3600"
_GONE = "There is no such refusal: it holds no longer, as the footage passed a later look, or it was erased."

router = APIRouter()
router.include_router(retry_router)


@router.get("/")
def overview(request: Request, world: WorldDep) -> HTMLResponse:
    """Counts and the newest refusals; with `before`, for htmx, the next ones alone."""
    wanted = wanted_refusals(request.query_params, world.clock().date())
    before = cursor_in(request.query_params)
    listed = list_refused(world.store, world.warehouse, wanted, before, _ON_A_PAGE)
    values: dict[str, Any] = {
        "wanted": wanted,
        "cards": [Card(each) for each in listed.listed],
        "older": listed.older,
        "link": _links(request, wanted),
        "is_first": before is None,
    }
    if is_fragment(request):
        return render(request, "quarantine/cards.html.j2", **values)
    counts = count_refused(world.warehouse, wanted)
    reasons = dict.fromkeys([*(each.value for each in Reason), *counts.by_reason, *filter(None, [wanted.reason])])
    return render(
        request,
        "quarantine/overview.html.j2",
        counts=counts,
        highest=max(counts.by_day.values(), default=0),
        days=_days(wanted, counts.by_day),
        reasons=[("", "all"), *((each, each) for each in reasons)],
        meanings={each.value: each.meaning for each in Reason},
        most_days=MOST_DAYS,
        no_camera=NO_CAMERA,
        **values,
    )


@router.get("/preview/{folder:path}")
def preview(request: Request, folder: str, world: WorldDep) -> Response:
    """The preview of a refusal, as the sealed decoder made it; nothing else of its folder is served."""
    try:
        found = Quarantine(world.store).preview_of(_folder(folder))
    except ObjectUnreadableError:
        found = None
    if found is None or len(found[0]) > _LARGEST_PREVIEW or not found[0].startswith(_JPEG):
        raise NotFound("There is no preview of this refusal.")
    data, info = found
    headers = {"ETag": info.etag, "Cache-Control": _KEPT}
    if request.headers.get("if-none-match") == info.etag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/jpeg", headers=headers)


@router.get("/{folder:path}")
def detail(request: Request, folder: str, world: WorldDep) -> HTMLResponse:
    """All that there is to tell of one refusal."""
    place = _folder(folder)
    try:
        entry = Quarantine(world.store).at(place)
    except InputError as error:
        raise NotFound(f"The reason.json of this refusal cannot be read: {error}.") from None
    if entry is None:
        raise NotFound(_GONE)
    told = Told(Refused.of(place, entry), LONGEST)
    day = told.refused.at.date()
    wanted = RefusedOf(day, day, reason=str(entry.reason), camera=told.refused.camera)
    return render(request, "quarantine/detail.html.j2", told=told, place=place, day=day, link=_links(request, wanted))


def _days(wanted: RefusedOf, by_day: Mapping[date, int]) -> list[tuple[date, int]]:
    """The days in order with how much was refused; of a long period, only the days on which something was."""
    every = (wanted.first + timedelta(days=number) for number in range((wanted.last - wanted.first).days + 1))
    days = [(day, by_day.get(day, 0)) for day in every]
    return days if len(days) <= _SHORT else [(day, number) for day, number in days if number]


def _folder(text: str) -> str:
    """The folder of quarantine that an address names; raises BadRequest for any other key."""
    try:
        return parse_folder(text)
    except ValueError:
        refuse("a folder of quarantine, <reason>/YYYY/MM/DD/<32 hex digits>", text)


def _links(request: Request, wanted: RefusedOf) -> Callable[..., str]:
    """Addresses of the list with other filters."""
    home = f"{request.scope.get('root_path', '')}/quarantine/"

    def link(page: str = "", before: str = "", **changes: Any) -> str:
        return f"{home}{page}?{query_of(wanted, before, **changes)}"

    return link


PAGE = Page(name="quarantine", title="Quarantine", order=40, dag_id="nightjar_watch", router=router)
