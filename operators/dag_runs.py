"""How many runs of a DAG are in which state, asked from a task and from the triggerer."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from asgiref.sync import sync_to_async

UNDER_WAY = ("queued", "running")


def count_runs(context: Context, dag_id: str, states: Sequence[str], run_id: str | None = None) -> int:
    """How many runs of `dag_id` (or whether the run `run_id`) are in one of `states`, asked by a task."""
    ti: Any = context["ti"]
    return int(ti.get_dr_count(dag_id=dag_id, run_ids=[run_id] if run_id else None, states=list(states)))


async def count_from_triggerer(dag_id: str, states: Sequence[str], run_id: str | None = None) -> int:
    """The same, asked by a trigger: as upstream's DagStateTrigger does."""
    run_ids = [run_id] if run_id else None
    return int(await sync_to_async(RuntimeTaskInstance.get_dr_count)(dag_id, run_ids=run_ids, states=list(states)))
