"""What a deployment sets for the DAGs, read from the environment when they are parsed: no Variable, no I/O."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from nightjar.domain.model import Record
from nightjar.runtime.settings import Settings, StoreSettings, load

DnsName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Cpu = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+(Mi|Gi)$")]


class Resources(Record):
    """What a pod of a stage asks for. Memory is a limit too; CPU is not limited: a throttled pod helps nobody."""

    cpu: Cpu
    memory: Memory


class DeploymentSettings(Settings):
    """Where and how stages run; every field is `NIGHTJAR_<FIELD>`."""

    runtime: Literal["kubernetes", "local"] = "kubernetes"
    image_store: Path | None = None  # of the local runtime: `<stage>/<tag>/` below it
    deferrable: bool = False  # wait for pods in the triggerer: for more pods at once than worker slots

    namespace: DnsName = "nightjar"
    stage_service_account: DnsName = "nightjar-stage"
    image_pull_secret: DnsName | None = None
    # Optional in the cluster: S3 may be reached by the service account's role, a mail key may be missing.
    s3_secret: DnsName = "nightjar-s3"  # noqa: S105 - the name of one
    sendgrid_secret: DnsName = "nightjar-sendgrid"  # noqa: S105 - the name of one
    stage_config_map: DnsName = "nightjar-stage-settings"  # NIGHTJAR_* settings of the stages' own

    stage_resources: dict[str, Resources] = Field(default_factory=dict)  # JSON, replaces the defaults by stage
    stage_seconds: Annotated[int, Field(ge=60, le=86_400)] = 3600  # a stage, and so a shard, may take no longer
    max_parallel_validate: Annotated[int, Field(ge=1)] | None = None  # pods at once over all runs
    max_parallel_detect: Annotated[int, Field(ge=1)] | None = None

    # Airflow maps over at most 1024 values (core.max_map_length).
    max_shards: Annotated[int, Field(ge=1, le=1024)] = 100
    shard_work: Annotated[int, Field(ge=1)] = 2000  # pictures, estimated, before a camera is split

    @model_validator(mode="after")
    def _local_needs_store(self) -> "DeploymentSettings":
        if self.runtime == "local" and self.image_store is None:
            raise ValueError("NIGHTJAR_RUNTIME=local needs NIGHTJAR_IMAGE_STORE, the folder `make images` fills")
        return self

    def max_parallel(self, stage: str) -> int | None:
        """How many tasks of a sharded stage may run at once over all runs; None: no bound of its own."""
        bounds = {"validate": self.max_parallel_validate, "detect": self.max_parallel_detect}
        return bounds.get(stage)


def deployment() -> DeploymentSettings:
    """The settings from the environment; raises UsageError that names every variable that is wrong."""
    return load(DeploymentSettings)


def bucket_name() -> str:
    """The name of the bucket; raises UsageError when the environment names none."""
    return load(StoreSettings).bucket
