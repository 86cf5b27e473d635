"""HandOverOperator: hands a batch over to a run of another DAG, and sees to it that this run takes it up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, NoReturn

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from nightjar.stores.claims import Claims
from nightjar.stores.runs import Runs, started_key
from operators.bucket import bucket
from operators.dag_runs import UNDER_WAY, count_from_triggerer, count_runs
from operators.footage import bucket_hook
from operators.settings import bucket_name


class BegunTrigger(BaseTrigger):
    """Fires when there is an object at `key`, or when the run `run_id` of `dag_id` ended or was deleted without it."""

    def __init__(self, *, bucket_name: str, key: str, dag_id: str, run_id: str, poke_interval: float) -> None:
        super().__init__()
        self.bucket_name = bucket_name
        self.key = key
        self.dag_id = dag_id
        self.run_id = run_id
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """As Airflow keeps it while it waits."""
        names = ("bucket_name", "key", "dag_id", "run_id", "poke_interval")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def has_ended(self) -> bool:
        """Whether the run, which was there before, has ended or was deleted."""
        return not await count_from_triggerer(self.dag_id, UNDER_WAY, self.run_id)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask every `poke_interval` seconds."""
        hook = bucket_hook()
        async with await hook.get_async_conn() as client:
            while True:
                ended = await self.has_ended()  # asked first: what a run writes is there before it ends
                if await hook.get_head_object_async(client, self.key, self.bucket_name):
                    yield TriggerEvent({"begun": True})
                    return
                if ended:
                    yield TriggerEvent({"begun": False})
                    return
                await asyncio.sleep(self.poke_interval)


class HandOverOperator(TriggerDagRunOperator):
    """Trigger the run `trigger_run_id`, and end once it has begun: once it has written started.json in its folder.

    Its end is nobody's business here: a run that fails or hangs is seen in the UI, and holds back no other. One that
    failed before it began has not taken up what is handed over; then this task is tried again, however long it takes.
    There is one run under an id: a run that has begun before is not started again, one that is under way is waited for.
    Last, the claims on `batch_id`, which is handed over then, are closed: the watch takes them for work that waits.
    """

    template_fields: Sequence[str] = ("trigger_run_id", "conf", "run_prefix", "batch_id")

    def __init__(self, *, run_prefix: str, batch_id: str = "", **kwargs: Any) -> None:
        defaults: dict[str, Any] = {
            # Upstream waits for one of these states, which is "for the run to be there": BegunTrigger does the waiting,
            # and notices a run that was deleted while it was queued.
            "allowed_states": ["queued", "running", "success"],
            "failed_states": ["failed"],
            "wait_for_completion": True,
            "deferrable": True,
            "reset_dag_run": True,
            "retries": 100_000,
            "retry_delay": timedelta(seconds=30),
        }
        super().__init__(logical_date=None, **(defaults | kwargs))
        self.run_prefix = run_prefix
        self.batch_id = batch_id

    def execute(self, context: Context) -> None:
        """Trigger the run unless it has begun or is under way; defers until it has begun."""
        if Runs(bucket()).at(self.run_prefix).has_begun():
            self.log.info("%s %s has begun already", self.trigger_dag_id, self.trigger_run_id)
            self._close_claims()
            return
        if count_runs(context, self.trigger_dag_id, UNDER_WAY, str(self.trigger_run_id)):
            self.log.info("%s %s is under way: waiting until it begins", self.trigger_dag_id, self.trigger_run_id)
            self._wait_until_begun()
        super().execute(context)

    def execute_complete(self, context: Context, event: tuple[str, dict[str, Any]]) -> None:
        """The run is queued or further: wait until it begins."""
        self._wait_until_begun()

    def begun(self, context: Context, event: dict[str, Any]) -> None:
        """End, or be tried again if the run failed before it began."""
        if not event["begun"]:
            raise AirflowException(
                f"run {self.trigger_run_id} of {self.trigger_dag_id} ended before it wrote "
                f"{started_key(self.run_prefix)}: it will be run again"
            )
        self._close_claims()

    def _close_claims(self) -> None:
        if self.batch_id:
            Claims(bucket()).close(self.batch_id)

    def _wait_until_begun(self) -> NoReturn:
        self.defer(
            trigger=BegunTrigger(
                bucket_name=bucket_name(),
                key=started_key(self.run_prefix),
                dag_id=self.trigger_dag_id,
                run_id=str(self.trigger_run_id),
                poke_interval=self.poke_interval,
            ),
            method_name="begun",
        )
