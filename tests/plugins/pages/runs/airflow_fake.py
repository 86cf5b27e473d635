"""Airflow's state as a test has it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from nightjar.domain.stages import SHARD_STAGES
from nightjar.stores.runs import LIVE
from plugins.pages.runs.airflow_state import AirflowRun, AirflowTask, NotAnsweringError
from tests.bucket import NOON


class FakeAirflow:
    """Knows these runs, the tasks of each and its plan; answers nothing if `is_down`."""

    def __init__(
        self,
        runs: Sequence[AirflowRun] = (),
        tasks: Sequence[AirflowTask] = (),
        planned: Sequence[str] = (),
        *,
        is_down: bool = False,
    ) -> None:
        self.known, self.of_runs, self.planned, self.is_down = runs, tasks, planned, is_down

    def run(self, dag_id: str, run_id: str) -> AirflowRun | None:
        self._answer()
        return next((each for each in self.known if (each.dag_id, each.run_id) == (dag_id, run_id)), None)

    def newest(self, dag_ids: Collection[str], most: int, before: datetime | None) -> list[AirflowRun]:
        self._answer()
        asked = [run for run in self.known if run.dag_id in dag_ids and (not before or (run.due_at or NOON) < before)]
        return sorted(asked, key=lambda run: run.due_at or NOON, reverse=True)[:most]

    def tasks(self, dag_id: str, run_id: str) -> list[AirflowTask]:
        self._answer()
        return list(self.of_runs)

    def shards(self, dag_id: str, run_id: str) -> list[str]:
        self._answer()
        return list(self.planned)

    def _answer(self) -> None:
        if self.is_down:
            raise NotAnsweringError("OperationalError")


def live_run(run_id: str, state: str = "success", dag_id: str = LIVE) -> AirflowRun:
    """A run that began at noon and took a minute."""
    return AirflowRun(
        dag_id, run_id, state, NOON, NOON, NOON, None if state == "running" else NOON + timedelta(minutes=1)
    )


def shard_tasks(index: int, *states: str, seconds: float = 1.0, label: str = "") -> list[AirflowTask]:
    """The tasks of a shard in these states, from validate on, each of so many seconds."""
    end = NOON + timedelta(seconds=seconds)
    return [
        AirflowTask(f"shard.{stage}", index, state, 1, NOON, end, label)
        for stage, state in zip(SHARD_STAGES, states, strict=False)
    ]
