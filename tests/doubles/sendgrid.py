"""SendGrid's v3 API on loopback: answers as told, and keeps what it was sent.

with SendGridDouble() as api:
    api.answers += [Reply(429, headers={"Retry-After": "1"}), Reply(202)]
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """An answer. With `before`, that is called first, when the message counts as taken; `hang_up` sends no answer."""

    status: int = 202
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    hang_up: bool = False


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    authorization: str
    body: dict[str, Any]

    @property
    def subject(self) -> str:
        return str(self.body["subject"])


class SendGridDouble:
    """The server. `answers` are given in order, then `default` for ever. `received` holds every request."""

    def __init__(self) -> None:
        self.answers: list[Reply] = []
        self.default = Reply(202, headers={"X-Message-Id": "double-1"})
        self.received: list[Received] = []
        self._lock = threading.Lock()
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = double._take(Received(self.path, self.headers.get("Authorization", ""), body))
                if reply.before:
                    reply.before()
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
            def handle_error(self, request: object, client_address: object) -> None:
                """Nothing: clients are killed on purpose."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """What SENDGRID_API_URL is to be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _take(self, request: Received) -> Reply:
        with self._lock:
            self.received.append(request)
            return self.answers.pop(0) if self.answers else self.default

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
