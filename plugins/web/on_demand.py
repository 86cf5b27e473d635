"""An app that is made at its first request: every process of Airflow loads plugins, and only one serves them.

Plugin files import this, so that it imports nothing but the standard library.
"""

from collections.abc import Awaitable, Callable
from threading import Lock
from typing import Any


class OnDemand:
    """Stands for the app that `make` gives.

    Making it takes a second or two, in a thread: meanwhile the API server answers others, such as the heartbeats of
    tasks.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._lock = make, Lock()
        self._app: Any = None

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """As ASGI has it."""
        if self._app is None:
            from anyio.to_thread import run_sync

            await run_sync(self._make_once)
        await self._app(scope, receive, send)

    def _make_once(self) -> None:
        with self._lock:
            if self._app is None:
                self._app = self._make()
