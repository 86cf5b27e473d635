"""The layer that each request passes before any route: login, origin, size of the body. What fails gets a page.

It stands before the routes, so that a route that forgot to ask is closed all the same.
"""

import logging
from contextlib import nullcontext

from anyio import CapacityLimiter
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nightjar.domain.names import shown
from nightjar.stores.runs import LIVE
from plugins.web.access import person_of
from plugins.web.audit import audit
from plugins.web.errors import Forbidden, PageError, TooLarge
from plugins.web.origin import SAFE_METHODS, is_foreign
from plugins.web.pages import PageFolder
from plugins.web.rendering import render_error

log = logging.getLogger(__name__)

_MOST_DIGITS = 18  # of a length
_SMALL = 4096  # bytes of a body that goes to no page
# Pages that are made at once. Each takes one of the 40 threads that Airflow's own routes run in, heartbeats of tasks
# among them: a bucket that hangs must not take them all.
_AT_ONCE = 16
_ANY_DAG = LIVE  # whose permission stands for what belongs to no page


class Gate:
    """Wraps the routes of the app."""

    def __init__(self, app: ASGIApp, pages: tuple[PageFolder, ...], base_url: str | None) -> None:
        self._app = app
        self._largest = {each.page.name: each.page.largest_body for each in pages}
        self._dags = {each.page.name: each.page.dag_id for each in pages}
        self._base_url = base_url
        self._pages_at_once = CapacityLimiter(_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        begun = False

        async def note(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._enter(request)
            if request.method not in SAFE_METHODS and "content-length" not in request.headers:
                receive = await _whole(receive, self._bound(request))
            async with self._room(request):
                await self._app(scope, receive, note)
        except PageError as error:
            if begun:
                raise
            await render_error(request, error)(scope, receive, send)
        except Exception:  # a bug in a page: its details are for the log
            log.exception("a page failed: %s %s", request.method, shown(request.url.path))
            if begun:
                raise
            failed = PageError("The page could not be made. The API server's log says why.")
            await render_error(request, failed)(scope, receive, send)

    async def _enter(self, request: Request) -> None:
        request.state.nightjar_user = await request.app.state.login.user(request)
        if is_foreign(request.method, request.headers, self._base_url):
            await run_in_threadpool(self._note_foreign, request)
            raise Forbidden("This was asked for by a page of another site. Nothing was changed.")
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > _MOST_DIGITS or int(length) > self._bound(request):
            raise TooLarge(f"Expected at most {self._bound(request):,} bytes.")

    def _room(self, request: Request) -> CapacityLimiter | nullcontext[None]:
        """A place among the pages that are being made; pictures and clips have bounds of their own."""
        return self._pages_at_once if _page_name(request) in self._dags else nullcontext()

    def _note_foreign(self, request: Request) -> None:
        dag_id = self._dags.get(_page_name(request), _ANY_DAG)
        origin = request.headers.get("origin", "")
        audit(request, person_of(request), "nightjar.refused", dag_id=dag_id, address=_act(request), origin=origin)

    def _bound(self, request: Request) -> int:
        return self._largest.get(_page_name(request), _SMALL)


def _act(request: Request) -> str:
    return f"{request.method} {request.url.path}"


def _page_name(request: Request) -> str:
    path = str(request.scope["path"]).removeprefix(request.scope.get("root_path", ""))
    return path.lstrip("/").partition("/")[0]


async def _whole(receive: Receive, most: int) -> Receive:
    """A `receive` that gives the body in one piece, read up to `most` bytes; raises TooLarge where there are more.

    For a body whose length nobody said. Those with a length are cut at it by the server.
    """
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise TooLarge(f"Expected at most {most:,} bytes.")
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replay() -> Message:
        return next(messages, None) or await receive()

    return replay
