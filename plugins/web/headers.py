"""The headers that every answer has, whatever made it, as the outermost layer of the app."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing inline, nothing from elsewhere. Airflow shows the pages in a frame of its own.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
_POLICY_HEADER = "Content-Security-Policy"
HEADERS = {
    _POLICY_HEADER: POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}
_NOT_STORED = "private, no-cache"


class Headers:
    """Adds HEADERS to each answer, and keeps shared caches from all of them. An answer's own policy stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        await self._app(scope, receive, _adding(send) if scope["type"] == "http" else send)


def _adding(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            own_policy = headers.get(_POLICY_HEADER)
            for name, value in HEADERS.items():
                headers[name] = value
            if own_policy is not None:
                headers[_POLICY_HEADER] = own_policy
            headers.add_vary_header("HX-Request")  # going back must not show a part of a page as the page
            if not headers.get("cache-control", "").startswith("private"):
                headers["Cache-Control"] = _NOT_STORED
        await send(message)

    return add
