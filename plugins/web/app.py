"""The app of all pages: found, put behind one gate, with one look. Made when the API server is first asked."""

import logging
from collections.abc import Callable

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from nightjar.domain.names import shown
from nightjar.errors import InputError, NightjarError
from plugins.web.access import Acting, Login, entering, only_asking
from plugins.web.audit import AuditLog
from plugins.web.clips import clip_router
from plugins.web.errors import BadRequest, MethodRefused, NotFound, PageError, Unavailable
from plugins.web.gate import Gate
from plugins.web.headers import Headers
from plugins.web.limits import Limits
from plugins.web.origin import SAFE_METHODS
from plugins.web.pages import PageFolder, discover, in_navigation
from plugins.web.pictures import picture_router
from plugins.web.rendering import make_environment, render_error
from plugins.web.static_files import static_files, static_router
from plugins.web.world import World, WorldOnce, world_of_environment

log = logging.getLogger(__name__)

_BUCKET = "The bucket does not answer as it should. Nothing is lost; please try again in a minute."
_ONE = "Something that this page needs cannot be read in the bucket. The API server's log says which object."


def make_app(
    world: Callable[[], World],
    login: Login,
    audit_log: AuditLog,
    pages: tuple[PageFolder, ...] | None = None,
    base_url: str | None = None,
) -> FastAPI:
    """The app with `pages`, by default all that are found.

    `base_url` is the address under which people reach Airflow, where that is set. Raises ValueError for a route that
    changes something and does not ask whether the person may.
    """
    found = discover() if pages is None else pages
    files = static_files(found)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.world, app.state.login, app.state.audit, app.state.limits = world, login, audit_log, Limits()
    app.state.templates = make_environment(found, {path: file.digest for path, file in files.items()})
    for each in found:
        _check(each.page.router, each.page.name)
        app.include_router(each.page.router, prefix=f"/{each.page.name}", dependencies=[Depends(entering(each.page))])
    app.include_router(picture_router())
    app.include_router(clip_router())
    app.include_router(static_router(files))
    app.add_api_route("/", _first(found), methods=["GET"])
    _add_errors(app)
    app.add_middleware(Gate, pages=found, base_url=base_url)
    app.add_middleware(Headers)
    return app


def app_of_airflow() -> FastAPI:
    """The app behind Airflow's login, over the bucket that the environment of this process names."""
    from plugins.web.airflow_login import AirflowAudit, AirflowLogin, base_url

    return make_app(WorldOnce(world_of_environment), AirflowLogin(), AirflowAudit(), base_url=base_url() or None)


def _first(pages: tuple[PageFolder, ...]) -> Callable[[Request], RedirectResponse]:
    def first(request: Request) -> RedirectResponse:
        """The first page of the navigation."""
        names = [page.name for page in in_navigation(pages)]
        if not names:
            raise NotFound("There is no page yet.")
        return RedirectResponse(f"{request.scope.get('root_path', '')}/{names[0]}/", 307)

    return first


def _check(router: APIRouter, page: str) -> None:
    """Raise ValueError for a route of `page` that takes more than GET, and says neither whom it lets act nor that it
    changes nothing.
    """
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise ValueError(f"expected plain routes on the page {page}, got {route!r}")
        calls = [each.call for each in route.dependant.dependencies]
        asks = any(isinstance(call, Acting) or call is only_asking for call in calls)
        if not route.methods <= SAFE_METHODS and not asks:
            raise ValueError(f"expected acting(…) or only_asking at {route.path!r} of the page {page}, got neither")


def _add_errors(app: FastAPI) -> None:
    """A page for whatever ends a request early."""

    def page_error(request: Request, error: Exception) -> HTMLResponse:
        assert isinstance(error, PageError)
        return render_error(request, error)

    def http(request: Request, error: Exception) -> HTMLResponse:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            return render_error(request, MethodRefused(f"{request.method} is not for this page.", error.headers))
        if error.status_code == 404:
            return render_error(request, NotFound("There is no such page."))
        return render_error(request, BadRequest("The request cannot be read."))

    def invalid(request: Request, error: Exception) -> HTMLResponse:
        assert isinstance(error, RequestValidationError)
        return render_error(request, BadRequest(f"Expected otherwise: {_problems(error)}."))

    def stores(request: Request, error: Exception) -> HTMLResponse:
        log.error("a page could not be made: %s %s: %s", request.method, shown(request.url.path), error)
        return render_error(request, Unavailable(_ONE if isinstance(error, InputError) else _BUCKET))

    app.add_exception_handler(PageError, page_error)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(NightjarError, stores)


def _problems(error: RequestValidationError) -> str:
    """`width: Input should be a valid integer, got 'x'`, of each parameter that is wrong."""
    told = []
    for each in error.errors():
        place = ".".join(str(part) for part in each["loc"][1:]) or str(each["loc"][0])
        got = "" if each["type"] == "missing" else f", got {shown(str(each.get('input')))}"
        told.append(f"{shown(place)}: {each['msg']}{got}")
    return "; ".join(told[:5])
