"""A page with a bit of everything."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from nightjar.errors import InputError, NightjarError, TryAgainError, UsageError
from plugins.web.access import PersonDep, acting, only_asking
from plugins.web.audit import audit
from plugins.web.errors import NotFound
from plugins.web.limits import limited
from plugins.web.pages import Page
from plugins.web.rendering import is_fragment, refuse, render
from plugins.web.world import WorldDep

router = APIRouter()
PAGE = Page(name="sample", title="Samples", order=1, dag_id="nightjar_live", router=router, largest_body=1000)
ERRORS = {
    "again": TryAgainError("the key AKIASECRET is slow"),
    "usage": UsageError("the key AKIASECRET is wrong"),
    "input": InputError("the object at secret/ cannot be read"),
    "other": NightjarError("AKIASECRET"),
    "bug": ValueError("AKIASECRET"),
}


@router.get("/")
def first(request: Request, world: WorldDep, name: str = "alice-porch", width: int = 320) -> Response:
    template = "sample/part.html.j2" if is_fragment(request) else "sample/first.html.j2"
    boxes: list[dict[str, Any]] = [{"x_min": 0.1, "y_min": 0.2, "x_max": 0.4, "y_max": 0.9, "label": name}]
    return render(request, template, name=name, width=width, boxes=boxes, clock=world.clock())


@router.get("/fails/{how}")
def fails(how: str) -> Response:
    if how not in ERRORS:
        raise NotFound(f"Expected one of {', '.join(ERRORS)}.")
    raise ERRORS[how]


@router.get("/day/{day}")
def day(day: str) -> Response:
    refuse("a day as 2026-11-20", day)


@router.post("/mute", dependencies=[Depends(acting("nightjar_live"))])
def mute(request: Request, world: WorldDep, person: PersonDep, camera: Annotated[str, Form()]) -> Response:
    world.store.put(f"mutes/{camera}", b"")
    audit(request, person, "nightjar.mute", dag_id="nightjar_live", camera=camera, outcome="done")
    return render(request, "sample/first.html.j2", name=camera, width=320, boxes=[], clock=world.clock())


@router.post("/try", dependencies=[Depends(only_asking), Depends(limited("try", at_once=1, per_minute=2))])
def attempt(request: Request, world: WorldDep) -> Response:
    return render(request, "sample/first.html.j2", name="tried", width=320, boxes=[], clock=world.clock())
