"""FootageSensor: waits for footage or an open claim, and for room among the runs that work on footage."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NoReturn

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper
from airflow.sdk import Context
from airflow.triggers.base import BaseTrigger, TriggerEvent

from nightjar.runtime.settings import StoreSettings, load
from nightjar.stores.operator_signs import OperatorSigns
from operators.bucket import bucket
from operators.dag_runs import UNDER_WAY, count_from_triggerer, count_runs
from operators.settings import bucket_name

SIGN_SECONDS = 60.0  # from one sign that the watch looks to the next


class BucketHook(S3Hook):
    """Goes by `NIGHTJAR_S3_ENDPOINT`, as the stages do, and the standard AWS names; not by an Airflow connection."""

    @cached_property
    def conn_config(self) -> AwsConnectionWrapper:
        """The endpoint, for S3 alone; read when a client is made, never when a DAG is parsed."""
        config = super().conn_config
        if endpoint := load(StoreSettings).s3_endpoint:
            config.service_config = {"s3": {"endpoint_url": endpoint}}
        return config


def bucket_hook() -> BucketHook:
    """The hook that asks the bucket's server."""
    return BucketHook(aws_conn_id=None, config=_botocore_config())


def _botocore_config() -> dict[str, Any] | None:
    """A server that is not AWS seldom answers under `<bucket>.<host>`."""
    return {"s3": {"addressing_style": "path"}} if load(StoreSettings).s3_endpoint else None


class FootageTrigger(BaseTrigger):
    """Fires when an object matches one of `patterns` and fewer than `most_runs` runs of `dag_id` are under way.

    Each minute it leaves a sign in the bucket that it looks, for whoever tells the operator when it does not.
    """

    def __init__(
        self, *, bucket_name: str, patterns: Sequence[str], dag_id: str, most_runs: int, poke_interval: float
    ) -> None:
        super().__init__()
        self.bucket_name = bucket_name
        self.patterns = list(patterns)
        self.dag_id = dag_id
        self.most_runs = most_runs
        self.poke_interval = poke_interval
        self._signs: OperatorSigns | None = None
        self._next_sign = 0.0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """As Airflow keeps it while it waits."""
        names = ("bucket_name", "patterns", "dag_id", "most_runs", "poke_interval")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def runs_under_way(self) -> int:
        """How many runs are queued or running."""
        return await count_from_triggerer(self.dag_id, UNDER_WAY)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask every `poke_interval` seconds. An error is the event, so that the sensor's retries wait it out."""
        try:
            hook = bucket_hook()
            async with await hook.get_async_conn() as client:
                while not await self._something_waits(hook, client):
                    await self._leave_a_sign()
                    await asyncio.sleep(self.poke_interval)
            # Footage that waits is not listed again and again: it may be much.
            await self._leave_a_sign()
            if await self.runs_under_way() >= self.most_runs:
                self.log.info("footage waits: %d runs of %s are under way", self.most_runs, self.dag_id)
                while await self.runs_under_way() >= self.most_runs:
                    await self._leave_a_sign()
                    await asyncio.sleep(self.poke_interval)
            yield TriggerEvent({"status": "success"})
        except Exception as error:
            yield TriggerEvent({"status": "error", "message": str(error)})

    async def _leave_a_sign(self) -> None:
        """Once a minute. That it cannot be left stops no footage: then the operator hears that the watch is silent."""
        if time.monotonic() < self._next_sign:
            return
        self._next_sign = time.monotonic() + SIGN_SECONDS
        try:
            await asyncio.to_thread(self._beat)
        except Exception as error:
            self.log.warning("the sign that the watch looks could not be left: %s", error)

    def _beat(self) -> None:
        self._signs = self._signs or OperatorSigns(bucket())
        self._signs.beat(datetime.now(UTC))

    async def _something_waits(self, hook: BucketHook, client: Any) -> bool:
        for pattern in self.patterns:
            if await hook.check_key_async(client, self.bucket_name, pattern, wildcard_match=True):
                return True
        return False


class FootageSensor(S3KeySensor):
    """Waits, without holding a worker, until something is below `prefix` and DAG `dag_id` has room for another run.

    A claim below `claims` counts as well: what a dead run left behind, or an operator retries. The DAG has room while
    fewer than `most_runs` of its runs are queued or running. What lands meanwhile makes the next batch larger.
    """

    aws_hook_class = BucketHook

    def __init__(self, *, prefix: str, claims: str, dag_id: str, most_runs: int, **kwargs: Any) -> None:
        super().__init__(
            bucket_name=bucket_name(),
            bucket_key=f"{prefix}?*",  # not `*`: that would match the key of the folder itself
            wildcard_match=True,
            aws_conn_id=None,
            botocore_config=_botocore_config(),
            deferrable=True,
            **kwargs,
        )
        self.claims_pattern = f"{claims}?*"
        self.dag_with_room = dag_id
        self.most_runs = most_runs

    def poke(self, context: Context) -> bool:
        """Whether there are footage or a claim, and room now."""
        waits = super().poke(context) or self._check_key(self.claims_pattern, context)
        return bool(waits) and count_runs(context, self.dag_with_room, UNDER_WAY) < self.most_runs

    def _defer(self) -> NoReturn:
        self.defer(
            timeout=timedelta(seconds=self.timeout),
            trigger=FootageTrigger(
                bucket_name=str(self.bucket_name),
                patterns=[str(self.bucket_key), self.claims_pattern],
                dag_id=self.dag_with_room,
                most_runs=self.most_runs,
                poke_interval=self.poke_interval,
            ),
            method_name="execute_complete",
        )
