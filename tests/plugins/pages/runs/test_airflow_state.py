"""Airflow's state, read from a database with Airflow's own tables."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.pool import StaticPool

from plugins.pages.runs.airflow_state import AirflowDatabase, AirflowTask, NotAnsweringError
from tests.bucket import NOON

RUN = {"dag_id": "nightjar_live", "run_id": "manual__2026-11-20T00:00:00+00:00/<b>%"}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    from airflow.models import DagRun, TaskInstance, import_all_models
    from airflow.models.xcom import XComModel

    import_all_models()  # type: ignore[no-untyped-call]  # Airflow has not typed it; without it, tables lack those they refer to
    engine = create_engine("sqlite://", poolclass=StaticPool)
    tables: list[Any] = [each.__table__ for each in (DagRun, TaskInstance, XComModel)]
    for table in tables:
        table.create(engine)
    with engine.begin() as connection:
        for number in range(3):
            values: dict[str, Any] = {
                **RUN,
                "run_id": RUN["run_id"] if number == 1 else f"r{number}",
                "run_after": NOON + timedelta(hours=number),
                "data_interval_start": NOON,
                "conf": {"batch_id": "b1"} if number == 1 else None,
                "state": "running",
                "start_date": NOON,
                "log_template_id": 1,
                "run_type": "manual",
                "span_status": "x",
            }
            connection.execute(DagRun.__table__.insert().values(**values))
        for index in (1, 0):
            values = {
                **RUN,
                "id": UUID(int=index),
                "task_id": "shard.detect",
                "map_index": index,
                "state": None if index else "success",
                "try_number": index,
                "start_date": NOON,
                "rendered_map_index": "alice-porch",
                "pool": "p",
                "span_status": "x",
            }
            connection.execute(TaskInstance.__table__.insert().values(**values))
        value = json.dumps(["runs/nightjar_live/b1/shards/alice-porch/"])
        xcom = {
            **RUN,
            "dag_run_id": 2,
            "task_id": "plan_shards",
            "map_index": -1,
            "key": "return_value",
            "value": value,
        }
        connection.execute(XComModel.__table__.insert().values(**xcom, timestamp=NOON))
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine: Engine) -> AirflowDatabase:
    return AirflowDatabase(lambda: engine.connect())


def test_a_run(database: AirflowDatabase) -> None:
    run = database.run(**RUN)
    assert run is not None
    assert (run.run_id, run.state, run.batch_id, run.day) == (RUN["run_id"], "running", "b1", date(2026, 11, 20))
    assert (run.started_at, run.ended_at) == (NOON, None)
    assert database.run("nightjar_live", "none") is None


@pytest.mark.parametrize(
    ("dags", "most", "before", "expected"),
    [
        (["nightjar_live"], 9, None, ["r2", RUN["run_id"], "r0"]),
        (["nightjar_live", "nightjar_watch"], 1, None, ["r2"]),
        (["nightjar_live"], 9, NOON + timedelta(hours=1), ["r0"]),
        (["nightjar_watch"], 9, None, []),
        ([], 9, None, []),
    ],
)
def test_the_newest_runs(
    database: AirflowDatabase, dags: list[str], most: int, before: datetime | None, expected: list[str]
) -> None:
    assert [run.run_id for run in database.newest(dags, most, before)] == expected


def test_tasks_and_plan(database: AirflowDatabase) -> None:
    assert database.tasks(**RUN) == [
        AirflowTask("shard.detect", 0, "success", 0, NOON, None, "alice-porch"),
        AirflowTask("shard.detect", 1, "", 1, NOON, None, "alice-porch"),
    ]
    assert database.shards(**RUN) == ["alice-porch"]
    assert database.shards("nightjar_live", "r0") == []
    assert NOON.tzinfo is UTC


def test_a_database_that_does_not_answer() -> None:
    empty = create_engine("sqlite://")

    @contextmanager
    def session() -> Iterator[Any]:
        with empty.connect() as connection:
            yield connection

    opened: AbstractContextManager[Any] = session()
    database = AirflowDatabase(lambda: opened)
    with pytest.raises(NotAnsweringError):
        database.run("nightjar_live", "r")
    empty.dispose()
