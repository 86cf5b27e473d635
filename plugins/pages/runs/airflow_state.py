"""Airflow's own state of runs and tasks, read from its database through its models. Nothing else in this page knows it.

The models are imported when the database is first asked: only the API server does.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

from nightjar.domain.layout import last_segment

MOST_TASKS = 10_000  # task instances that are read of a run
_PLAN = "plan_shards"  # returns the prefixes of the shards, in the order of their map indexes


class NotAnsweringError(Exception):
    """Airflow's database does not answer."""


@dataclass(frozen=True)
class AirflowRun:
    """A DAG run. `due_at` is when it could begin, `day` the UTC day on which its data interval starts.

    `batch_id` is the parameter of a live run.
    """

    dag_id: str
    run_id: str
    state: str
    due_at: datetime | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    day: date | None = None
    batch_id: str = ""


@dataclass(frozen=True)
class AirflowTask:
    """A task instance; `map_index` is -1 for a task that is not mapped, `state` is empty before it is scheduled.

    `label` is what Airflow shows in place of the map index: the shard.
    """

    task_id: str
    map_index: int = -1
    state: str = ""
    try_number: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    label: str = ""

    def seconds(self, now: datetime) -> float | None:
        """How long it took, or has taken by `now`; None before it began."""
        if self.started_at is None:
            return None
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())


class AirflowState(Protocol):
    """Each method raises NotAnsweringError."""

    def run(self, dag_id: str, run_id: str) -> AirflowRun | None:
        """The run; None when Airflow has none such."""

    def newest(self, dag_ids: Collection[str], most: int, before: datetime | None) -> list[AirflowRun]:
        """The runs that were due last, newest first; only those due before the moment, if one is given."""

    def tasks(self, dag_id: str, run_id: str) -> list[AirflowTask]:
        """The task instances of a run, at most MOST_TASKS."""

    def shards(self, dag_id: str, run_id: str) -> list[str]:
        """The names of the shards by map index, as the plan has them; none before there is a plan."""


class AirflowDatabase:
    """The database of this Airflow. `session` opens a session with it; by default Airflow's own."""

    def __init__(self, session: Callable[[], AbstractContextManager[Any]] | None = None) -> None:
        self._open = session

    def run(self, dag_id: str, run_id: str) -> AirflowRun | None:
        """The run; None when Airflow has none such."""
        from airflow.models import DagRun

        with self._session() as session:
            row = session.execute(_runs(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).first()
        return _run(row) if row else None

    def newest(self, dag_ids: Collection[str], most: int, before: datetime | None) -> list[AirflowRun]:
        """The runs that were due last, newest first."""
        from airflow.models import DagRun

        query = _runs(DagRun).where(DagRun.dag_id.in_(sorted(dag_ids)))
        if before is not None:
            query = query.where(DagRun.run_after < before)
        with self._session() as session:
            rows = session.execute(query.order_by(DagRun.run_after.desc(), DagRun.id.desc()).limit(most)).all()
        return [_run(row) for row in rows]

    def tasks(self, dag_id: str, run_id: str) -> list[AirflowTask]:
        """The task instances of a run, at most MOST_TASKS."""
        from airflow.models import TaskInstance as Ti
        from sqlalchemy import select

        columns = (
            Ti.task_id,
            Ti.map_index,
            Ti.state,
            Ti.try_number,
            Ti.start_date,
            Ti.end_date,
            Ti._rendered_map_index,
        )
        query = select(*columns).where(Ti.dag_id == dag_id, Ti.run_id == run_id)
        with self._session() as session:
            rows = session.execute(query.order_by(Ti.task_id, Ti.map_index).limit(MOST_TASKS)).all()
        return [
            AirflowTask(task, index, state or "", tries or 0, _utc(start), _utc(end), label or "")
            for task, index, state, tries, start, end, label in rows
        ]

    def shards(self, dag_id: str, run_id: str) -> list[str]:
        """The names of the shards by map index; none before there is a plan."""
        from airflow.models.xcom import XComModel as Xcom
        from sqlalchemy import select

        query = select(Xcom.value).where(
            Xcom.dag_id == dag_id, Xcom.run_id == run_id, Xcom.task_id == _PLAN, Xcom.key == "return_value"
        )
        with self._session() as session:
            value = session.execute(query).scalar()
        return shards_in(value)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        from airflow.utils.session import create_session
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with (self._open or (lambda: create_session(scoped=False)))() as session:
                yield session
        except SQLAlchemyError as error:
            raise NotAnsweringError(type(error).__name__) from error


def shards_in(value: object) -> list[str]:
    """The names in what plan_shards returned, as the database has it: a list, or its JSON; none in anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    if not isinstance(value, Sequence) or not all(isinstance(each, str) for each in value):
        return []
    return [last_segment(str(prefix)) for prefix in value]


def _runs(model: Any) -> Any:
    from sqlalchemy import select

    return select(
        model.dag_id,
        model.run_id,
        model._state,
        model.run_after,
        model.queued_at,
        model.start_date,
        model.end_date,
        model.data_interval_start,
        model.conf,
    )


def _run(row: Any) -> AirflowRun:
    dag_id, run_id, state, due, queued, start, end, interval, conf = row
    batch_id = conf.get("batch_id") if isinstance(conf, dict) else None
    return AirflowRun(
        dag_id=dag_id,
        run_id=run_id,
        state=str(state or ""),
        due_at=_utc(due),
        queued_at=_utc(queued),
        started_at=_utc(start),
        ended_at=_utc(end),
        day=interval.astimezone(UTC).date() if interval else None,
        batch_id=batch_id if isinstance(batch_id, str) else "",
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
