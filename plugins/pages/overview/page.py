"""The overview: a period in figures, each of which leads to what it counts, and how the deployment is now."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from nightjar.errors import InputError, NightjarError, UsageError
from nightjar.queries.deployment import deployment_state
from nightjar.queries.overview import overview
from nightjar.queries.period import MOST_DAYS, period_of
from nightjar.queries.refused_rows import NO_CAMERA
from plugins.pages.overview.views import OverviewView, StateView
from plugins.web.access import may_read
from plugins.web.errors import BadRequest
from plugins.web.pages import Page
from plugins.web.rendering import is_fragment, render
from plugins.web.world import WorldDep

router = APIRouter()
PAGE = Page(name="overview", title="Overview", order=10, dag_id="nightjar_live", router=router)

_MOST_RULES = 4 << 20  # bytes of a rules file that is read for this page, some 40,000 users: about two seconds

Text = Annotated[str, Query()]


@router.get("/")
def show_period(
    request: Request, world: WorldDep, first: Annotated[str, Query(alias="from")] = "", to: Text = ""
) -> HTMLResponse:
    """The figures of the days `from` to `to`, by default today's in UTC."""
    now = world.clock()
    try:
        seen = overview(world.warehouse, period_of(first, to, now.date()))
    except (UsageError, InputError) as error:
        raise BadRequest(_sentence(error)) from None
    return render(
        request,
        "overview/overview.html.j2",
        now=now,
        view=OverviewView(seen, now),
        seen=seen,
        most_days=MOST_DAYS,
        no_camera=NO_CAMERA,
    )


@router.get("/now")
def show_state(request: Request, world: WorldDep) -> HTMLResponse:
    """How the deployment is now: what is red, cameras, what is deployed, and runs of the DAGs that the person may read.

    A part of the page above.
    """
    now = world.clock()
    state = deployment_state(world.store, "", now, lambda dag_id: may_read(request, dag_id), _MOST_RULES)
    template = "overview/now.html.j2" if is_fragment(request) else "overview/now_page.html.j2"
    return render(request, template, now=now, view=StateView(state), state=state)


def _sentence(error: NightjarError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
