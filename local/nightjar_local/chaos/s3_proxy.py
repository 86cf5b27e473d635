"""A proxy in front of an S3 server on loopback that spoils calls when told to.

It passes on the request as it is, with its Host header, which the signature covers.
"""

import http.client
import socket
import struct
import threading
import time
import urllib.parse
from collections import Counter, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from nightjar.runtime.store import ARCHIVED, INCOMPLETE
from nightjar_local.chaos.plan import S3Spoil
from nightjar_local.served import Served

DELAY_SECONDS = 3.0
TIMEOUT = 60.0
STATUS = {S3Spoil.ERROR_500: (500, "InternalError"), S3Spoil.ERROR_503: (503, "SlowDown")}
NOT_PASSED_ON = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class S3Proxy(Served):
    """The proxy. `spoilt` counts the calls that were."""

    def __init__(self, target_port: int) -> None:
        self.spoilt: Counter[S3Spoil] = Counter()
        self.calls = 0
        self._next: deque[S3Spoil] = deque()
        self._unreadable: dict[str, tuple[int, str]] = {}
        self._lock = threading.Lock()

        class Handler(_Handler):
            proxy = self
            port = target_port

        super().__init__(_Server(("127.0.0.1", 0), Handler))

    @property
    def url(self) -> str:
        """The endpoint to use instead of the server's."""
        return f"http://127.0.0.1:{self.port}"

    def spoil(self, how: S3Spoil, calls: int) -> None:
        """Spoil the next `calls` calls; what was to be spoilt before and has not come is forgotten."""
        with self._lock:
            self._next = deque([how] * calls)

    def make_unreadable(self, key: str, code: str = ARCHIVED, status: int = 403) -> None:
        """Answer every read of the object at `key`, also a copy, with this error; INCOMPLETE: with half of its body."""
        self._unreadable[key] = (status, code)

    def refusal(self, method: str, path: str, copied: str) -> tuple[int, str] | None:
        """The error for a call to `path`, which copies from the path `copied`, if there is one."""
        if method == "PUT":
            return self._unreadable.get(_key(copied))
        refusal = self._unreadable.get(_key(path)) if method in {"GET", "HEAD"} else None
        return None if refusal and method == "HEAD" and refusal[1] in (ARCHIVED, INCOMPLETE) else refusal

    def take(self) -> S3Spoil | None:
        """How to spoil the call that has just come; None: not at all."""
        with self._lock:
            self.calls += 1
            how = self._next.popleft() if self._next else None
            if how:
                self.spoilt[how] += 1
            return how

    def passed_on(self, method: str, path: str, sent: int, received: int) -> None:
        """A call was answered: so many bytes of bodies went to and fro. For whoever wants to know."""


def _key(path: str) -> str:
    """The key in `/<bucket>/<key>?<query>`; empty for a call to the bucket."""
    return urllib.parse.unquote(path.partition("?")[0]).lstrip("/").partition("/")[2]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients are killed on purpose."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, with one to the server behind it."""

    proxy: S3Proxy
    port: int
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._behind = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)

    def finish(self) -> None:
        self._behind.close()
        super().finish()

    def serve(self) -> None:
        """Pass one request on and its answer back, unless it is to be spoilt."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        how = self.proxy.take()
        refusal = self.proxy.refusal(self.command, self.path, self.headers.get("x-amz-copy-source", ""))
        if refusal and refusal[1] == INCOMPLETE:
            how = S3Spoil.CUT if self.command == "GET" else S3Spoil.ERROR_500
        elif refusal:
            self._refuse(*refusal)
            return
        if how is S3Spoil.DELAY:
            time.sleep(DELAY_SECONDS)
        if how is S3Spoil.RESET:
            self._reset()
            return
        if how in STATUS:
            self._refuse(*STATUS[how])
            return
        try:
            answer, content = self._ask(body)
        except (OSError, http.client.HTTPException):  # the server is down, or went down
            self._reset()
            return
        if how is S3Spoil.LOST_ANSWER or (how is S3Spoil.CUT and len(content) < 2):
            self._reset()
            return
        self.proxy.passed_on(self.command, self.path, len(body), len(content))
        self._pass_back(answer, content)
        if how is S3Spoil.CUT:
            self.wfile.write(content[: len(content) // 2])
            self._reset()
        else:
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve  # noqa: N815 - the names that the base class calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the account at the end counts."""

    def _ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        self._behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                self._behind.putheader(name, value)
        self._behind.endheaders(body or None)
        answer = self._behind.getresponse()
        return answer, answer.read()

    def _pass_back(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        if length is not None and answer.status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", length)
        self.end_headers()

    def _refuse(self, status: int, code: str) -> None:
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>chaos</Message></Error>'.encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self._behind.close()
