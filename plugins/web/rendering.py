"""Templates: everything escaped, nothing missing, all addresses below the path at which the app is mounted."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from nightjar.domain.names import shown
from nightjar.runtime.links import utc_now
from plugins.web import addresses, formats
from plugins.web.access import person_of
from plugins.web.errors import BadRequest, PageError
from plugins.web.pages import PageFolder, in_navigation

_WEB = Path(__file__).parent / "templates"


def make_environment(pages: Sequence[PageFolder], static_versions: Mapping[str, str]) -> Environment:
    """The templates of all `pages` as `<name>/…`, the shared ones as `web/…`.

    `static_versions` has a digest for each static file, which its address carries.
    """
    folders = {each.page.name: each.folder / "templates" for each in pages}
    environment = Environment(
        loader=PrefixLoader({name: FileSystemLoader(folder) for name, folder in {"web": _WEB, **folders}.items()}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= formats.FILTERS
    environment.globals |= {
        "navigation": in_navigation(pages),
        "airflow_run": addresses.airflow_run,
        "airflow_task": addresses.airflow_task,
        "airflow_home": addresses.airflow_home,
        "picture_address": addresses.picture,
        "clip_address": addresses.clip,
        "lineage_address": addresses.lineage,
        "static": addresses.static(static_versions),
    }
    return environment


def render(
    request: Request, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """The template as an answer. It has `values`, and request, base, page, person, now."""
    environment: Environment = request.app.state.templates
    state = request.state
    common = {
        "request": request,
        "base": request.scope.get("root_path", ""),
        "page": getattr(state, "page", None),
        "person": person_of(request) if hasattr(state, "nightjar_user") else None,
        "now": utc_now(),
    }
    text = environment.get_template(template).render({**common, **values})
    return HTMLResponse(text, status_code=status, headers=dict(headers or {}))


def render_error(request: Request, error: PageError) -> HTMLResponse:
    """The page that tells of `error`: a fragment for htmx, a plain one for who is not logged in."""
    values: dict[str, Any] = {"title": error.title, "sentence": error.sentence, "bad": error.status >= 500}
    if not hasattr(request.state, "nightjar_user"):
        asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        back = asked if request.method == "GET" else f"{request.scope.get('root_path', '')}/"
        return render(
            request,
            "web/login.html.j2",
            error.status,
            error.headers,
            login=request.app.state.login.address(back),
            **values,
        )
    template = "web/error_fragment.html.j2" if is_fragment(request) else "web/error.html.j2"
    return render(request, template, error.status, error.headers, **values)


def is_fragment(request: Request) -> bool:
    """Whether htmx asks, for a part of a page; not when it asks for a whole one, to go back in history."""
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"


def refuse(expected: str, came: str) -> NoReturn:
    """Answer 400 with both; `came` is untrusted, and is shown quoted and cut. Raises BadRequest."""
    raise BadRequest(f"Expected {expected}, got {shown(came)}.")
