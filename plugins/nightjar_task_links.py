"""Buttons on Airflow's page of each of Nightjar's tasks: to what it worked on, and to the page that fits what it does.

They are made by the API server when the page is shown. A link of an operator itself would be pushed as an XCom when its
task ends: a request to the API server for each button of each task, and no button while a task waits or runs.

Addresses have no slash before them: Airflow's UI resolves them against the path at which it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink

_SHARD_TASKS = frozenset({"shard.validate", "shard.detect", "shard.assess", "shard.notify"})
_OF_LIVE = frozenset({"freeze_release", "rules_in_force", "plan_shards", "reconcile", "record", "close_run"})
# The tasks of each DAG that have buttons at all.
TASKS = {
    "nightjar_watch": frozenset({"wait_for_footage", "collect", "hand_over", "cool_off"}),
    "nightjar_live": _OF_LIVE | _SHARD_TASKS,
    "nightjar_history": _OF_LIVE | _SHARD_TASKS | {"select", "try_candidate"},
    "nightjar_report": frozenset({"freeze_release", "report"}),
    "nightjar_candidate": frozenset({"freeze_candidate", "gather", "shard.detect", "compare", "close_candidate"}),
    "nightjar_patrol": frozenset({"look_for_watch", "remove_old_pods", "freeze_release", "survey", "tell"}),
}


@dataclass(frozen=True)
class Task:
    """A task instance, as its key names it; `map_index` is -1 for one that is not mapped."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int


def task_page(task: Task) -> str:
    """The tab of the task instance with its footage and pictures, or with what else it worked on."""
    mapped = f"/mapped/{task.map_index}" if task.map_index >= 0 else ""
    return f"{_run(task)}/tasks/{quote(task.task_id, safe='')}{mapped}/plugin/nightjar-task"


def run_page(task: Task) -> str:
    """The tab of the run with its counts, shards and events."""
    return f"{_run(task)}/plugin/nightjar-run"


def page(name: str) -> Callable[[Task], str]:
    """The page called `name` in the navigation. Airflow has the path of what it shows in its own address."""

    def address(task: Task) -> str:
        del task
        path = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        return f"plugin/nightjar{path}/nightjar-ui/{name}/"

    return address


class TaskLink(BaseOperatorLink):
    """A button of the tasks called `tasks`, in whichever of Nightjar's DAGs; on any other there is none."""

    def __init__(self, name: str, address: Callable[[Task], str], tasks: frozenset[str]) -> None:
        super().__init__()
        self._name, self._address, self.tasks = name, address, tasks

    @property
    def name(self) -> str:
        """The words on the button."""
        return self._name

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The address; empty, which the UI shows as no button, for a task that it does not fit."""
        del operator
        task = Task(ti_key.dag_id, ti_key.run_id, ti_key.task_id, ti_key.map_index)
        fits = task.task_id in self.tasks and task.task_id in TASKS.get(task.dag_id, ())
        return self._address(task) if fits else ""


_EVERY = frozenset().union(*TASKS.values())
LINKS = [
    TaskLink("Footage and pictures", task_page, _SHARD_TASKS),
    TaskLink("What it did", task_page, _EVERY - _SHARD_TASKS),
    TaskLink("The whole run", run_page, _EVERY - {"wait_for_footage", "cool_off"}),
    TaskLink("Review", page("review"), frozenset({"shard.assess", "shard.notify", "tell"})),
    TaskLink("Quarantine", page("quarantine"), frozenset({"collect", "shard.validate", "reconcile"})),
    TaskLink("Cameras", page("cameras"), frozenset({"survey", "tell"})),
    TaskLink("Rules", page("rules"), frozenset({"freeze_release", "rules_in_force"})),
    TaskLink("Reports", page("reports"), frozenset({"record", "report"})),
]


class NightjarTaskLinks(AirflowPlugin):
    """The buttons. Airflow asks each of them for every task; they answer for Nightjar's alone."""

    name = "nightjar_task_links"
    # As the base class declares it, an attribute of its own for each plugin.
    global_operator_extra_links = LINKS


def _run(task: Task) -> str:
    return f"dags/{quote(task.dag_id, safe='')}/runs/{quote(task.run_id, safe='')}"
