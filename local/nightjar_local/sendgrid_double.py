"""SendGrid's v3 API on loopback: answers as told, and keeps every request that it was sent.

    with SendGridDouble() as api:
        api.answers += [rate_limited(reset=1732104060), Reply(202)]

Like the real API it keeps connections open, and refuses a request without a key (401), without what an e-mail needs
(400), or beyond the account's `credits` (401 as well) before anything else.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nightjar_local.served import Served


@dataclass(frozen=True)
class Reply:
    """An answer, given after `seconds`. With `before`, that is called first, when the message counts as taken.

    `hang_up` closes the connection without an answer.
    """

    status: int = 202
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    hang_up: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    authorization: str
    body: dict[str, Any]

    @property
    def subject(self) -> str:
        return str(self.body["subject"])


class SendGridDouble(Served):
    """The server. `answers` are given in order, then `default` for ever. `received` holds every request, and
    `exchanges` each with its answer.

    `credits` is how many messages the account may still send; None: any number.

    `most_at_once` is the largest number of requests that were answered at the same time, `connections` how many
    connections were opened.
    """

    def __init__(self) -> None:
        self.answers: list[Reply] = []
        self.default = Reply(202, headers={"X-Message-Id": "double-1"})
        self.credits: int | None = None
        self.received: list[Received] = []
        self.exchanges: list[tuple[Received, Reply]] = []
        self.most_at_once = 0
        self.connections = 0
        self._at_once = 0
        self._lock = threading.Lock()
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections stay open
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = double._take(Received(self.path, self.headers.get("Authorization", ""), body))
                try:
                    self._answer(reply)
                finally:
                    double._done()

            def _answer(self, reply: Reply) -> None:
                if reply.before:
                    reply.before()
                time.sleep(reply.seconds)
                if reply.hang_up:
                    self.close_connection = True
                    return
                data = reply.body.encode()
                self.send_response(reply.status)
                for name, value in {**reply.headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing: the test looks at `received`."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def process_request(self, request: Any, client_address: Any) -> None:
                double.connections += 1
                super().process_request(request, client_address)

            def handle_error(self, request: object, client_address: object) -> None:
                """Nothing: clients are killed on purpose."""

        super().__init__(Server(("127.0.0.1", 0), Handler))

    @property
    def url(self) -> str:
        """The value for SENDGRID_API_URL."""
        return f"http://127.0.0.1:{self.port}"

    def _take(self, request: Received) -> Reply:
        with self._lock:
            self.received.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            refusal = _refusal(request)
            reply = refusal or self._next()
            self.exchanges.append((request, reply))
            return reply

    def _next(self) -> Reply:
        if self.credits == 0:
            return quota_used_up()
        reply = self.answers.pop(0) if self.answers else self.default
        if reply.status == 202 and self.credits is not None:
            self.credits -= 1
        return reply

    def _done(self) -> None:
        with self._lock:
            self._at_once -= 1


def quota_used_up(status: int = 401, message: str = "Maximum credits exceeded") -> Reply:
    """The API's answer when the account has sent all that its plan allows: the status is that of a wrong key."""
    return _errors(status, message)


def rate_limited(reset: int) -> Reply:
    """The API's answer to too many requests; it takes the next at `reset`, Unix time. It has no Retry-After."""
    reply = _errors(429, "too many requests")
    limits = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    return replace(reply, headers={**reply.headers, **limits})


def _refusal(request: Received) -> Reply | None:
    """The API's answer to a request that it does not understand; None for a good request."""
    if not request.authorization.startswith("Bearer SG."):
        return _errors(401, "The provided authorization grant is invalid, expired, or revoked")
    body = request.body
    recipients = [to.get("email") for each in body.get("personalizations", []) for to in each.get("to", [])]
    types = [content.get("type") for content in body.get("content", []) if content.get("value")]
    needed = {
        "personalizations": bool(recipients) and all(recipients),
        "from": bool(body.get("from", {}).get("email")),
        "subject": bool(body.get("subject")),
        "content": bool(types) and types == sorted(types, key=lambda kind: kind != "text/plain"),  # plain text first
    }
    missing = [name for name, good in needed.items() if not good]
    return _errors(400, f"Bad Request: {', '.join(missing)}") if missing else None


def _errors(status: int, message: str) -> Reply:
    body = json.dumps({"errors": [{"message": message, "field": None, "help": None}]})
    return Reply(status, body, {"Content-Type": "application/json"})
