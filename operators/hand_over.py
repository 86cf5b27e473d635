"""HandOverOperator: one run of another DAG, waited for, and run again until it has begun."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.triggers.external_task import DagStateTrigger
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from operators.bucket import bucket
from operators.failures import final_for_people

UNDER_WAY = ("queued", "running")


class HandOverOperator(TriggerDagRunOperator):
    """Trigger the run `trigger_run_id`, and wait for its end without holding a worker. There is one run under an id.

    One that is under way already is waited for, not reset from under its tasks; one that has ended is run again. A run
    that failed is this task's failure. If it failed before there was an object at `begun_key`, nobody has taken up what
    is handed over, so this task is tried again, however long it takes; otherwise what failed is for a person to clear.
    """

    template_fields: Sequence[str] = ("trigger_run_id", "conf", "begun_key")

    def __init__(self, *, begun_key: str, **kwargs: Any) -> None:
        defaults: dict[str, Any] = {
            "wait_for_completion": True,
            "deferrable": True,
            "reset_dag_run": True,
            "retries": 100_000,
            "retry_delay": timedelta(seconds=30),
        }
        super().__init__(logical_date=None, **(defaults | kwargs))
        self.begun_key = begun_key

    def execute(self, context: Context) -> None:
        """Trigger the run, wait for it or run it again; defers until it has ended."""
        run = str(self.trigger_run_id)
        if context["ti"].get_dr_count(dag_id=self.trigger_dag_id, run_ids=[run], states=list(UNDER_WAY)):
            self.log.info("%s %s is under way: waiting for it", self.trigger_dag_id, run)
            self.defer(
                trigger=DagStateTrigger(
                    dag_id=self.trigger_dag_id,
                    states=cast("Any", [*self.allowed_states, *self.failed_states]),
                    run_ids=[run],
                    poll_interval=self.poke_interval,
                ),
                method_name="execute_complete",
            )
        super().execute(context)

    @final_for_people
    def execute_complete(self, context: Context, event: tuple[str, dict[str, Any]]) -> None:
        """End as the run did."""
        try:
            super().execute_complete(context, event)
        except AirflowException as error:
            if bucket().head(self.begun_key) is None:
                self.log.warning("the run failed before it began: it will be run again")
                raise
            raise AirflowFailException(str(error)) from error
