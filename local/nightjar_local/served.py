"""A server that answers from a thread of its own in a `with` block: the base of the doubles and of the S3 proxy."""

import threading
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Self

_POLL = 0.02  # seconds until it notices that it is to end


class Served:
    """Base of an object that is there for requests on loopback from `__enter__` to `__exit__`."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(_POLL,), daemon=True)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
