"""A DAG for tests of the deployment: a task that works for ten minutes, or not at all once there is a certain file."""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

with DAG(
    "probe",
    schedule=None,
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=False,
    params={"file": Param(type="string")},
):
    BashOperator(
        task_id="work",
        bash_command="test -e {{ params.file }} || exec sleep 600",
        retries=3,
        retry_delay=timedelta(seconds=1),
    )
