"""What a deployment sets for the DAGs, read from the environment when they are parsed: no Variable, no I/O."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from nightjar.domain.model import Input
from nightjar.runtime.settings import Settings, StoreSettings, load

DnsName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Cpu = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+(Mi|Gi)$")]


class Resources(Input):
    """What a pod of a stage asks for. Memory is a limit too; CPU is not limited: a throttled pod helps nobody."""

    cpu: Cpu
    memory: Memory


class DeploymentSettings(Settings):
    """Where and how stages run; every field is `NIGHTJAR_<FIELD>`."""

    runtime: Literal["kubernetes", "local"] = Field(
        "kubernetes", description="`kubernetes` (pods) or `local` (processes)"
    )
    image_store: Path | None = Field(None, description="of the local runtime: images are `<stage>/<tag>/` below it")
    deferrable: bool = Field(False, description="wait for pods in the triggerer: more pods at once than worker slots")

    namespace: DnsName = Field("nightjar", description="of the pods")
    stage_service_account: DnsName = Field("nightjar-stage", description="of the pods")
    image_pull_secret: DnsName | None = Field(None, description="for a registry that wants a login")
    # Optional in the cluster: S3 may be reached by the service account's role, a mail key may be missing.
    s3_secret: DnsName = Field("nightjar-s3", description="the secret with `AWS_*`, if it is not a role")
    sendgrid_secret: DnsName = Field("nightjar-sendgrid", description="the secret with `SENDGRID_*`, for notify only")
    stage_config_map: DnsName = Field("nightjar-stage-settings", description="the config map with the stages' settings")

    stage_resources: dict[str, Resources] = Field(
        default_factory=dict,
        description='JSON by stage, `{"detect": {"cpu": "2", "memory": "2Gi"}}`; replaces the default',
    )
    stage_seconds: int = Field(
        3600, ge=60, le=86_400, description="a stage, and so a shard, may take no longer; then it fails for good"
    )
    max_parallel_validate: int | None = Field(None, ge=1, description="pods of validate at once, over a DAG's runs")
    max_parallel_detect: int | None = Field(None, ge=1, description="pods of detect at once, over a DAG's runs")

    # Airflow maps over at most 1024 values (core.max_map_length).
    max_shards: int = Field(100, ge=1, le=1024, description="shards, and so pods of a stage, in one run")
    shard_work: int = Field(2000, ge=1, description="pictures, estimated, from which a camera is split")

    @model_validator(mode="after")
    def _local_needs_store(self) -> "DeploymentSettings":
        if self.runtime == "local" and self.image_store is None:
            raise ValueError("NIGHTJAR_RUNTIME=local needs NIGHTJAR_IMAGE_STORE, the folder `make images` fills")
        return self

    def max_parallel(self, stage: str) -> int | None:
        """How many tasks of a sharded stage may run at once over a DAG's runs; None: no bound of its own."""
        bounds = {"validate": self.max_parallel_validate, "detect": self.max_parallel_detect}
        return bounds.get(stage)


def deployment() -> DeploymentSettings:
    """The settings from the environment; raises UsageError that names every variable that is wrong."""
    return load(DeploymentSettings)


def bucket_name() -> str:
    """The name of the bucket; raises UsageError when the environment names none."""
    return load(StoreSettings).bucket
