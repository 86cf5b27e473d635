"""CoolOffOperator: holds a failed run open for a while, so that a DAG that runs continuously does not spin."""

from datetime import timedelta
from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException


class CoolOffOperator(BaseOperator):
    """Runs when a task above it failed, and always fails itself: at once, and again, for good, after `seconds`.

    Waiting for a retry holds the run open without holding a worker.
    """

    def __init__(self, *, seconds: float, **kwargs: Any) -> None:
        super().__init__(
            trigger_rule="one_failed",
            retries=1,
            retry_delay=timedelta(seconds=seconds),
            **kwargs,
        )

    def execute(self, context: Context) -> NoReturn:
        """Fail; the message points to the cause."""
        raise AirflowException("a task above failed: its log says why; this one only delays the next run")
