"""The local runtime over a real bucket and small stages that are real programs."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nightjar.runtime.settings import StoreSettings
from tests.operators.stage_programs import build_images


class TaskInstance(SimpleNamespace):
    """As much of a task instance as an operator looks at; remembers what is pushed."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def get_dr_count(self, dag_id: str, run_ids: list[str] | None, states: list[str]) -> int:
        """As Airflow answers; `runs` has the state of every run of every DAG."""
        return sum(
            dag == dag_id and (run_ids is None or run in run_ids) and state in states
            for (dag, run), state in self.runs.items()
        )

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        return self.pushed.get(key)


class TaskStates(dict[str, Any]):
    """A task's memory over its retries, as Airflow's task state store keeps it."""

    def set(self, key: str, value: Any) -> None:
        """Remember `value`."""
        self[key] = value


def make_context(states: TaskStates | None = None, **more: Any) -> Any:
    """The context of one attempt of a task; `states` is what earlier attempts left."""
    values = {"dag_id": "dag", "task_id": "task", "map_index": -1, "try_number": 1, "pushed": {}, "runs": {}}
    ti = TaskInstance(**({"max_tries": 5, "task": SimpleNamespace(retries=5)} | values | more))
    return {
        "ti": ti,
        "run_id": "manual__{{ 2026 }}",
        "dag": None,
        "task_instance": ti,
        "task_state_store": TaskStates() if states is None else states,
    }


@pytest.fixture
def context() -> Any:
    """The context of a first attempt."""
    return make_context()


@pytest.fixture
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of a deployment in a cluster, enough to make pods."""
    monkeypatch.setenv("NIGHTJAR_BUCKET", "nightjar")
    monkeypatch.setenv("NIGHTJAR_RUNTIME", "kubernetes")


@pytest.fixture
def images(tmp_path: Path, s3_settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The local runtime: a store with an image of every stage, over a real bucket."""
    store = tmp_path / "images"
    monkeypatch.setenv("NIGHTJAR_RUNTIME", "local")
    monkeypatch.setenv("NIGHTJAR_IMAGE_STORE", str(store))
    monkeypatch.setenv("AIRFLOW_VAR_NIGHTJAR_IMAGES", json.dumps(build_images(store)))
    return store
