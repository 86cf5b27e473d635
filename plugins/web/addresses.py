"""Addresses that templates name: of pictures, clips, lineages and static files here, of runs and tasks in Airflow."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import pass_context
from jinja2.runtime import Context

from nightjar.runtime.links import PAGES

MOUNT = PAGES  # below Airflow's own root, which may have a path itself


@pass_context
def airflow_home(context: Context) -> str:
    """Airflow's first page."""
    return f"{_airflow(context)}/"


@pass_context
def airflow_run(context: Context, dag_id: str, run_id: str) -> str:
    """A run's page in Airflow."""
    return f"{_airflow(context)}/dags/{_part(dag_id)}/runs/{_part(run_id)}"


@pass_context
def airflow_task(context: Context, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    """The page of a task instance in Airflow, with its log; `map_index` is -1 for a task that is not mapped."""
    task = f"{_airflow(context)}/dags/{_part(dag_id)}/runs/{_part(run_id)}/tasks/{_part(task_id)}"
    return task if map_index < 0 else f"{task}/mapped/{map_index}"


@pass_context
def picture(context: Context, key: str, width: int) -> str:
    """The standard picture at `key`, no wider than `width` pixels: one of those that pictures.py serves."""
    return f"{context['base']}/pictures/{quote(key)}?w={width}"


@pass_context
def clip(context: Context, key: str) -> str:
    """The video at the footage key `key`."""
    return f"{context['base']}/clips/{quote(key)}"


@pass_context
def lineage(context: Context, name: str, up: bool = False) -> str:
    """The lineage of the thing called `name`: down to the originals, or with `up` all that it took part in."""
    return f"{context['base']}/lineage/?of={quote(name, safe='')}{'&up=1' if up else ''}"


def static(versions: Mapping[str, str]) -> Callable[..., str]:
    """The function that names a static file, `web/page.js`, with its digest; KeyError for one that is not there."""

    @pass_context
    def address(context: Context, path: str) -> str:
        return f"{context['base']}/static/{path}?v={versions[path]}"

    return address


def _airflow(context: Context) -> str:
    base: Any = context["base"]
    return str(base).removesuffix(MOUNT)


def _part(text: str) -> str:
    return quote(text, safe="")
