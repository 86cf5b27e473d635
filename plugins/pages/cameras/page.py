"""The cameras: a list of cards, a page for each camera with its areas to draw, and muting."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from nightjar.domain.names import Camera, shown
from nightjar.domain.near import near_names
from nightjar.errors import InputError
from nightjar.queries.camera_counts import CameraCounts, counts_of, seen_lately
from nightjar.queries.camera_facts import CameraFacts, facts_of
from nightjar.queries.camera_feet import feet_of
from nightjar.queries.camera_list import MOST, CameraFilter, camera_page
from nightjar.queries.drawn_areas import drawn, shapes_from
from nightjar.queries.mutes import alert_again, mute_until
from nightjar.queries.rules_now import RulesNow, rules_now
from nightjar.stores.runs import LIVE
from plugins.pages.cameras.asked import MUTE_HOURS, asked_from, camera_from, query_of, until_from
from plugins.pages.cameras.views import CameraView
from plugins.web.access import PersonDep, acting
from plugins.web.audit import audit
from plugins.web.errors import BadRequest, NotFound, Unavailable
from plugins.web.limits import limited
from plugins.web.pages import Page
from plugins.web.rendering import render
from plugins.web.world import World, WorldDep

_STATES = (
    ("", "any"),
    (CameraFilter.OK, "ok"),
    (CameraFilter.TROUBLED, "in trouble"),
    (CameraFilter.SILENT, "silent"),
    (CameraFilter.MUTED, "muted"),
    (CameraFilter.UNKNOWN, "unknown to the rules"),
)
router = APIRouter()
PAGE = Page(name="cameras", title="Cameras", order=30, dag_id=LIVE, router=router)

Text = Annotated[str, Query()]
Field = Annotated[str, Form()]


@router.get("/")
def show_list(
    request: Request, world: WorldDep, user: Text = "", camera: Text = "", state: Text = "", page: Text = "1"
) -> HTMLResponse:
    """A page of the cameras that match."""
    asked, now = asked_from(user, camera, state, page), world.clock()
    problems: list[str] = []
    try:
        seen = seen_lately(world.warehouse, asked.user, MOST, now)
    except InputError as error:
        seen = []
        problems.append(str(error))
    found = camera_page(world.store, asked, seen, now)
    views = [CameraView(facts, now) for facts in _facts(world, found.cameras, found.rules, now, problems)]
    return render(
        request,
        "cameras/list.html.j2",
        now=now,
        asked=asked,
        states=_STATES,
        found=found,
        views=views,
        problems=[*problems, *found.problems],
        query_of=query_of,
    )


@router.get("/{name}")
def show_camera(request: Request, world: WorldDep, name: str) -> HTMLResponse:
    """One camera."""
    camera, now = camera_from(name), world.clock()
    rules = rules_now(world.store, [camera])
    problems: list[str] = []
    [facts] = _facts(world, [camera], rules, now, problems)
    if facts.rules is None and facts.health is None and not facts.counts.week.pictures and not facts.troubles:
        raise NotFound(_not_known(camera, rules))
    view = CameraView(facts, now)
    result = drawn(camera, view.shapes, facts.rules)
    return render(
        request,
        "cameras/camera.html.j2",
        now=now,
        view=view,
        facts=facts,
        rules=rules,
        problems=problems,
        drawn=result,
        hours=MUTE_HOURS,
    )


@router.get("/{name}/areas", dependencies=[Depends(limited("areas", at_once=8, per_minute=600))])
def check_areas(world: WorldDep, name: str, shape: Annotated[Sequence[str], Query()] = ()) -> JSONResponse:
    """The shapes of an address as YAML, and what the rules would say of them. Changes nothing."""
    camera = camera_from(name)
    rules = rules_now(world.store, [camera]).of(camera)
    try:
        result = drawn(camera, shapes_from(shape, rules), rules)
    except InputError as error:
        raise BadRequest(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    said = {"problems": result.problems, "warnings": result.warnings}
    sentences = {key: [{"shape": number, "text": text} for number, text in each] for key, each in said.items()}
    written = {"yaml": result.yaml, "one_line": result.one_line}
    return JSONResponse({**written, **sentences}, headers={"Cache-Control": "no-store"})


@router.get("/{name}/feet", dependencies=[Depends(limited("feet", at_once=2, per_minute=60))])
def show_feet(world: WorldDep, name: str) -> JSONResponse:
    """Where objects stood in the camera's pictures of the last week."""
    try:
        feet = feet_of(world.warehouse, camera_from(name), world.clock())
    except InputError as error:
        raise Unavailable(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    return JSONResponse({"feet": [asdict(foot) for foot in feet]})


@router.post("/{name}/mute", dependencies=[Depends(acting(LIVE))])
def mute_camera(
    request: Request, world: WorldDep, person: PersonDep, name: str, hours: Field = "", until: Field = ""
) -> RedirectResponse:
    """Mute a camera for some hours, or until a moment on its user's clock."""
    camera, now = camera_from(name), world.clock()
    rules = rules_now(world.store, [camera])
    settings = rules.of(camera)
    if settings is None:
        raise NotFound(_not_known(camera, rules))
    moment = until_from(hours, until, settings.timezone, now)
    try:
        ended = mute_until(world.store, camera, moment, f"ui:{person.name}", now)
    except ValueError as error:
        raise BadRequest(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    audit(request, person, "nightjar.mute", dag_id=LIVE, camera=camera.name, until=ended.isoformat())
    return _back_to(request, camera)


@router.post("/{name}/unmute", dependencies=[Depends(acting(LIVE))])
def unmute_camera(request: Request, world: WorldDep, person: PersonDep, name: str) -> RedirectResponse:
    """Alert again, unless the rules mute the camera."""
    camera = camera_from(name)
    ended = alert_again(world.store, camera, f"ui:{person.name}", world.clock())
    if ended:
        audit(request, person, "nightjar.unmute", dag_id=LIVE, camera=camera.name)
    return _back_to(request, camera)


def _back_to(request: Request, camera: Camera) -> RedirectResponse:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cameras/{camera.name}#alerts", status_code=303)


def _facts(
    world: World, cameras: Sequence[Camera], rules: RulesNow, now: datetime, problems: list[str]
) -> list[CameraFacts]:
    """Facts about cameras; without counts where the warehouse cannot give them, which is told in `problems`."""
    try:
        counts, left_out = counts_of(world.warehouse, cameras, now)
        problems.extend(left_out)
    except InputError as error:
        problems.append(str(error))
        counts = {camera: CameraCounts() for camera in cameras}
    return facts_of(world.store, cameras, rules, counts, now)


def _not_known(camera: Camera, rules: RulesNow) -> str:
    known = rules.rules.cameras if rules.rules and rules.is_whole else []
    near = near_names(camera.name, {each.name: (each.name, each.device) for each in known})
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"Expected a camera of the rules, or one that sent something this week, got {shown(camera.name)}.{hint}"
