"""Nightjar's pages in Airflow's UI: their app below `/nightjar-ui/`, and where Airflow's navigation shows them."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from plugins.web.on_demand import OnDemand

_STATIC = "nightjar-ui/static/web"
_ICONS = {"icon": f"{_STATIC}/icon.svg", "icon_dark_mode": f"{_STATIC}/icon-dark.svg"}
_RUN = "dag_id={DAG_ID}&run_id={RUN_ID}"


def _app() -> Any:
    from plugins.web.app import app_of_airflow

    return app_of_airflow()


# One entry in Airflow's navigation: the pages have their own, which a page joins by being there. An href without a
# slash before it is below the path at which Airflow is. Each route has to be unique.
_VIEWS = [
    {
        "name": "Nightjar",
        "href": "nightjar-ui/",
        "destination": "nav",
        "nav_top_level": True,
        "url_route": "nightjar",
        **_ICONS,
    },
    {
        "name": "Nightjar",
        "href": f"nightjar-ui/runs/run?{_RUN}",
        "destination": "dag_run",
        "url_route": "nightjar-run",
        **_ICONS,
    },
    {
        "name": "Nightjar",
        "href": f"nightjar-ui/runs/task?{_RUN}&task_id={{TASK_ID}}&map_index={{MAP_INDEX}}",
        "destination": "task_instance",
        "url_route": "nightjar-task",
        **_ICONS,
    },
]


class NightjarPages(AirflowPlugin):
    """Footage, alerts, cameras and rules where operators already look."""

    name = "nightjar_ui"
    # As the base class declares them, attributes of their own for each plugin.
    fastapi_apps = [{"app": OnDemand(_app), "url_prefix": "/nightjar-ui", "name": "Nightjar's pages"}]  # noqa: RUF012
    external_views = _VIEWS
