"""Sees the requests that Apprise's services make, which tell Apprise's caller nothing but whether they worked.

A service calls `requests.post` and the like; each makes a session of its own. So the one place that sees them all is
`requests.Session.send`, which is wrapped once, as OpenTelemetry does it. Outside of `watched` it does what it did.
"""

import functools
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

_NO_CONNECTION = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeoutError|CERTIFICATE_VERIFY_FAILED|Tunnel connection failed"
)
_LONGEST_ANSWER = 4000  # characters that are kept


@dataclass(frozen=True)
class Exchange:
    """A request and its answer. `status` is None without an answer: `error` is then the kind of error.

    `unsent`: surely nothing went out. The texts are as the service sent them, secrets included.
    """

    at: datetime
    method: str
    url: str
    request_bytes: int
    status: int | None = None
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    error: str = ""
    unsent: bool = False

    @property
    def worked(self) -> bool:
        """Whether the service took it, as far as the status says."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class _Watch:
    clock: Any
    seen: list[Exchange]


_watch: ContextVar[_Watch | None] = ContextVar("nightjar_exchanges", default=None)


@contextmanager
def watched(clock: Any) -> Iterator[list[Exchange]]:
    """All exchanges made in this context, in order; the list grows as they end. `clock` times them."""
    seen: list[Exchange] = []
    token = _watch.set(_Watch(clock, seen))
    try:
        yield seen
    finally:
        _watch.reset(token)


def _not_sent(error: BaseException) -> bool:
    """Whether there was no connection, so that nothing was sent.

    By the names in the error, which wraps others: a proxy's or TLS's error may also come after the request.
    """
    return bool(_NO_CONNECTION.search(repr(error)))


def _watching(send: Any) -> Any:
    @functools.wraps(send)
    def wrapper(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        watch = _watch.get()
        if watch is None:
            response: requests.Response = send(session, request, **options)
            return response
        if options.get("verify") is True:
            # The machine's certificates rather than those of a package, as for the mail API.
            options["verify"] = ssl.get_default_verify_paths().cafile or True
        body = request.body.encode() if isinstance(request.body, str) else request.body
        sent = {
            "at": watch.clock(),
            "method": request.method or "",
            "url": request.url or "",
            "request_bytes": len(body) if isinstance(body, bytes) else 0,
        }
        try:
            response = send(session, request, **options)
        except (requests.RequestException, OSError) as error:
            # Never its text, which holds the address.
            watch.seen.append(Exchange(**sent, error=type(error).__name__, unsent=_not_sent(error)))
            raise
        text = response.content[:_LONGEST_ANSWER].decode("utf-8", "replace") if not options.get("stream") else ""
        watch.seen.append(
            Exchange(**sent, status=response.status_code, text=text, headers=dict(response.headers.items()))
        )
        return response

    return wrapper


# Apprise calls requests itself and takes no session of ours, and hooks of requests see no call that failed.
requests.Session.send = _watching(requests.Session.send)  # type: ignore[method-assign]  # the only place that sees all calls
