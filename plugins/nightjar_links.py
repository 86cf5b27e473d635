"""Serves the links in messages below `/nightjar/`, on Airflow's API server."""

from collections.abc import Awaitable, Callable
from typing import Any

from airflow.plugins_manager import AirflowPlugin


class _OnDemand:
    """The app, made at its first request: every process of Airflow loads plugins, and only one serves them."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """As ASGI has it."""
        if self._app is None:
            from plugins.links.app import app_from_environment

            self._app = app_from_environment()
        await self._app(scope, receive, send)


class NightjarLinks(AirflowPlugin):
    """Mute a camera, or say that an event was no threat, by a link that is its own login."""

    name = "nightjar_links"
    # As the base class declares it, an attribute of its own for each plugin.
    fastapi_apps = [{"app": _OnDemand(), "url_prefix": "/nightjar", "name": "Nightjar's links"}]  # noqa: RUF012
