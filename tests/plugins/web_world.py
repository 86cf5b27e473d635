"""The pages without Airflow: a login that a test chooses, any store, an audit log in memory."""

import atexit
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette
from starlette.datastructures import State

from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectStore
from plugins.web.addresses import MOUNT
from plugins.web.app import make_app
from plugins.web.audit import AuditLine, MemoryAudit
from plugins.web.errors import NotLoggedIn
from plugins.web.limits import Limits
from plugins.web.pages import PageFolder
from plugins.web.world import READS, WRITES, World

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
BASE_URL = "https://airflow.example.com"
OURS = {"sec-fetch-site": "same-origin"}  # as a browser sends it from a page of ours


@dataclass(frozen=True)
class Somebody:
    """Who is logged in: may read runs of all DAGs, or of `reads` alone, and change those of `acts_on` (None: all)."""

    name: str = "olga"
    reads: frozenset[str] | None = None
    acts_on: frozenset[str] | None = None


OPERATOR = Somebody()
VIEWER = Somebody("victor", acts_on=frozenset())


class FakeLogin:
    """Everybody is `person`; nobody is logged in if that is None."""

    def __init__(self, person: Somebody | None) -> None:
        self.person = person

    async def user(self, request: Request) -> Any:
        del request
        if self.person is None:
            raise NotLoggedIn("This page is for people who are logged in to Airflow.")
        return self.person

    def name(self, user: Any) -> str:
        return cast(Somebody, user).name

    def may_read(self, user: Any, dag_id: str) -> bool:
        return user.reads is None or dag_id in user.reads

    def may_act(self, user: Any, dag_id: str) -> bool:
        return user.acts_on is None or dag_id in user.acts_on

    def address(self, back: str) -> str:
        return f"/auth/login?next={back}"


class Confined:
    """The store, of which the pages may read and write those folders alone that are documented."""

    _WRITING = frozenset({"put", "copy", "delete"})

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name == "is_versioned":
            return method

        def confined(key: str, *more: Any, **options: Any) -> Any:
            allowed = WRITES if name in self._WRITING else READS
            target = more[1] if name == "copy" else key
            if not any(target.startswith(f"{folder}/") for folder in allowed):
                raise AssertionError(f"expected {name} in the folders {', '.join(allowed)}, got {target!r}")
            return method(key, *more, **options)

        return confined


class NoWarehouse:
    """Answers nothing: a page that asks it in a test has to be given one."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"expected a test that gives make_client a warehouse, got a call of {name}")


def make_pages(
    store: ObjectStore | None = None,
    *,
    person: Somebody | None = OPERATOR,
    warehouse: Any = None,
    clock: Callable[[], datetime] = lambda: NOW,
    pages: tuple[PageFolder, ...] | None = None,
    base_url: str | None = None,
) -> FastAPI:
    """The app with all its pages, or with `pages`.

    Its routes are those of one app, made once for each process and choice of pages: they keep nothing.
    """
    world = World(cast(Any, Confined(store or MemoryStore())), warehouse or cast(Any, NoWarehouse()), clock)
    original = _app(pages, base_url)
    app = copy(original)
    app.state = State({"templates": original.state.templates})
    app.state.world, app.state.login = lambda: world, FakeLogin(person)
    app.state.audit, app.state.limits = MemoryAudit(), Limits()
    return app


# With the pages that each is made of, so that no other object comes to have the number of one of theirs.
_APPS: dict[tuple[Any, ...], tuple[FastAPI, tuple[PageFolder, ...] | None]] = {}


def _app(pages: tuple[PageFolder, ...] | None, base_url: str | None) -> FastAPI:
    def nobody() -> World:
        raise AssertionError("expected nobody to ask this app, of which others are copies")

    key = (base_url, pages if pages is None else tuple(id(each) for each in pages))
    if key not in _APPS:
        _APPS[key] = make_app(nobody, FakeLogin(None), MemoryAudit(), pages, base_url), pages
    return _APPS[key][0]


def mounted(app: FastAPI, below: str = "") -> Starlette:
    """The app where Airflow mounts it; Airflow itself may be below a path."""
    airflow = Starlette()
    airflow.mount(MOUNT, app)
    if not below:
        return airflow
    outer = Starlette()
    outer.mount(below, airflow)
    return outer


@cache
def _portal() -> BlockingPortal:
    """One event loop for all requests of the process, and its threads: a loop for each takes as long as a request."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(start_blocking_portal())


class PagesClient:
    """Asks the pages as a browser does, where Airflow mounts them. What is not closed in time is an error, as usual."""

    def __init__(self, app: FastAPI, below: str = "") -> None:
        self.app = app
        self._outer = mounted(app, below)

    def request(self, method: str, address: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        """The answer to `address`, such as `/nightjar-ui/review/`; `more` is what httpx takes (params, data…)."""

        async def ask() -> Response:
            async with AsyncClient(transport=ASGITransport(self._outer), base_url=BASE_URL) as client:
                return await client.request(method, address, headers={**OURS, **(headers or {})}, **more)

        return _portal().call(ask)

    def get(self, address: str, **more: Any) -> Response:
        """As `request`."""
        return self.request("GET", address, **more)

    def post(self, address: str, **more: Any) -> Response:
        """As `request`."""
        return self.request("POST", address, **more)

    @property
    def audit_lines(self) -> list[AuditLine]:
        """Who did what, so far."""
        audit: MemoryAudit = self.app.state.audit
        return list(audit.lines)


def make_client(
    store: ObjectStore | None = None,
    *,
    person: Somebody | None = OPERATOR,
    warehouse: Any = None,
    clock: Callable[[], datetime] = lambda: NOW,
    pages: tuple[PageFolder, ...] | None = None,
    base_url: str | None = None,
    below: str = "",
) -> PagesClient:
    """Asks the pages as the browser of `person` does: `client.get("/nightjar-ui/review/")`."""
    app = make_pages(store, person=person, warehouse=warehouse, clock=clock, pages=pages, base_url=base_url)
    return PagesClient(app, below)
