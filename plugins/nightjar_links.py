"""Serves the links in messages below `/nightjar/`, on Airflow's API server."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from plugins.web.on_demand import OnDemand


def _app() -> Any:
    from plugins.links.app import app_from_environment

    return app_from_environment()


class NightjarLinks(AirflowPlugin):
    """Mute a camera, or say that an event was no threat, by a link that is its own login."""

    name = "nightjar_links"
    # As the base class declares it, an attribute of its own for each plugin.
    fastapi_apps = [{"app": OnDemand(_app), "url_prefix": "/nightjar", "name": "Nightjar's links"}]  # noqa: RUF012
