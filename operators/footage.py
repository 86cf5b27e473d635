"""FootageSensor: Airflow's S3KeySensor on the S3 server that all the rest of Nightjar goes by."""

from datetime import timedelta
from functools import cached_property
from typing import Any, NoReturn

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.amazon.aws.triggers.s3 import S3KeyTrigger
from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper

from nightjar.runtime.settings import StoreSettings, load
from operators.settings import bucket_name


class BucketHook(S3Hook):
    """Goes by `NIGHTJAR_S3_ENDPOINT`, as the stages do, and the standard AWS names; not by an Airflow connection."""

    @cached_property
    def conn_config(self) -> AwsConnectionWrapper:
        """The endpoint, for S3 alone; read when a client is made, never when a DAG is parsed."""
        config = super().conn_config
        if endpoint := load(StoreSettings).s3_endpoint:
            config.service_config = {"s3": {"endpoint_url": endpoint}}
        return config


class FootageTrigger(S3KeyTrigger):
    """Waits in the triggerer."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """As upstream, under this class's own name."""
        return f"{__name__}.{type(self).__name__}", super().serialize()[1]

    @cached_property
    def hook(self) -> BucketHook:
        """The hook that asks."""
        return BucketHook(aws_conn_id=None, config=self.botocore_config)


class FootageSensor(S3KeySensor):
    """Waits, without holding a worker, until something is below `prefix` in the bucket."""

    aws_hook_class = BucketHook

    def __init__(self, *, prefix: str, **kwargs: Any) -> None:
        super().__init__(
            bucket_name=bucket_name(),
            bucket_key=f"{prefix}?*",  # not `*`: that would match the key of the folder itself
            wildcard_match=True,
            aws_conn_id=None,
            # A server that is not AWS seldom answers under `<bucket>.<host>`.
            botocore_config={"s3": {"addressing_style": "path"}} if load(StoreSettings).s3_endpoint else None,
            deferrable=True,
            **kwargs,
        )

    def _defer(self) -> NoReturn:
        self.defer(
            timeout=timedelta(seconds=self.timeout),
            trigger=FootageTrigger(
                bucket_name=str(self.bucket_name),
                bucket_key=self.bucket_key,
                wildcard_match=True,
                aws_conn_id=None,
                botocore_config=self.botocore_config,
                poke_interval=self.poke_interval,
            ),
            method_name="execute_complete",
        )
