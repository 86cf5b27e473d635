"""Settings of a deployment for the DAGs, read from the environment when they are parsed: no Variable, no I/O."""

import json
import math
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, JsonValue, model_validator

from nightjar.domain.model import Input
from nightjar.domain.operator_troubles import WATCH_SILENT_AFTER
from nightjar.domain.stages import STAGES, Stage
from nightjar.runtime.settings import Settings, StoreSettings, load

DnsName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
# As Kubernetes checks the labels of nodes; what it refuses would fail each pod when it is made.
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
LabelKey = Annotated[
    str, Field(pattern=rf"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?{_LABEL}$", max_length=317)
]  # `<name>` or `<DNS name>/<name>`
LabelValue = Annotated[str, Field(pattern=rf"^({_LABEL})?$")]
Cpu = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+(Mi|Gi)$")]
Disk = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}Gi$")]  # a pod asks for 1Gi
Pool = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,250}$")]


def _stage_name(name: str) -> str:
    if name not in STAGES:
        raise ValueError(f"expected a stage, one of {', '.join(STAGES)}, got {name!r}")
    return name


class Toleration(Input):
    """As in Kubernetes: a taint of nodes that the pod may run on all the same."""

    key: LabelKey
    operator: Literal["Exists", "Equal"] = "Equal"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None

    @model_validator(mode="after")
    def _exists_has_no_value(self) -> "Toleration":
        if self.operator == "Exists" and self.value:
            raise ValueError(f"expected no value with operator Exists, got {self.value!r}")
        return self


class PodTemplate(Input):
    """What a company adds to every pod of stages: a proxy, certificates, an affinity. As in Kubernetes."""

    spec: dict[str, JsonValue]

    @model_validator(mode="after")
    def _containers_are_mappings(self) -> "PodTemplate":
        containers = self.spec.get("containers", [])
        if not (isinstance(containers, list) and all(isinstance(each, dict) for each in containers)):
            raise ValueError(f"expected spec.containers to be a list of mappings, got {json.dumps(containers)[:80]}")
        return self

    @property
    def containers(self) -> list[dict[str, Any]]:
        """The containers, of which the first one is the stage's."""
        return cast(list[dict[str, Any]], self.spec.get("containers") or [])


class StagePods(Input):
    """The pods of one stage, where they differ from the default.

    Memory is a limit too; CPU is not limited, since a throttled pod helps nobody. `gpu` is a number of
    `nvidia.com/gpu`. `scratch` is the most that a pod may keep on its node's disk, in /tmp. `parallel` bounds the pods
    of the stage at once, over all runs of a DAG, and `pool`, a pool of Airflow, over all DAGs. With `runtime` worker
    the stage is a process beside its task, without a pod, as long as the worker's image store has the image of the
    release.
    """

    cpu: Cpu | None = None
    memory: Memory | None = None
    gpu: int = Field(0, ge=0, le=16)
    scratch: Disk = "8Gi"
    service_account: DnsName | None = None
    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    priority_class: DnsName | None = None
    parallel: int | None = Field(None, ge=1)
    pool: Pool | None = None
    runtime: Literal["pod", "worker"] = "pod"


class DeploymentSettings(Settings):
    """Where and how stages run; every field is `NIGHTJAR_<FIELD>`."""

    runtime: Literal["kubernetes", "local"] = Field(
        "kubernetes", description="`kubernetes` (pods) or `local` (processes)"
    )
    image_store: Path | None = Field(
        None,
        description="of the local runtime, and of stages with `runtime` worker: images are `<stage>/<tag>/` below it",
    )
    deferrable: bool = Field(False, description="wait for pods in the triggerer: more pods at once than worker slots")

    namespace: DnsName = Field("nightjar", description="of the pods")
    stage_service_account: DnsName = Field("nightjar-stage", description="of the pods, unless the stage has another")
    image_pull_secret: DnsName | None = Field(None, description="for a registry that wants a login")
    # A tag is never used again, so that a node's copy is as good as the registry's.
    image_pull_policy: Literal["IfNotPresent", "Never", "Always"] = Field(
        "IfNotPresent", description="of the pods; `Never` where images are loaded onto the nodes"
    )
    image_digests: Literal["ask", "off"] = Field(
        "ask",
        description="ask the registry which content a tag has: pods are started by it, and a tag that is used again is "
        "refused; `off`, and with the pull policy `Never`: by tag alone",
    )
    registry_config: Path | None = Field(
        None, description="a docker config file (`.dockerconfigjson`) with the registry's login, for these questions"
    )
    registry_seconds: float = Field(
        5, gt=0, le=60, description="for the registry's answers about all images of a release, together"
    )
    live_priority_class: DnsName | None = Field(None, description="of the pods of watch and live runs")
    history_priority_class: DnsName | None = Field(
        None, description="of the pods of history, reports and the patrol, which give way to alerts"
    )
    pod_labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, description='JSON, `{"team": "cameras"}`: labels of every pod'
    )
    pod_annotations: dict[LabelKey, str] = Field(
        default_factory=dict,
        description='JSON, `{"karpenter.sh/do-not-disrupt": "true"}`: annotations of every pod',
    )
    pod_template: PodTemplate | None = Field(
        None,
        description='JSON, `{"spec": {"affinity": …}}`: the part of a pod that every pod begins with; its first '
        "container is the stage's, lists are put together, and whatever Nightjar sets itself wins",
    )
    start_seconds: int = Field(
        600, ge=1, le=86_400, description="a pod may take so long to start, nodes and images included, in one try"
    )
    start_total_seconds: int = Field(
        1800, ge=1, le=86_400, description="and so long over all tries of a task; then it fails for good"
    )
    keep_failed_hours: float = Field(
        24, ge=0, le=8760, description="hours after which the patrol removes the pods of stages that failed"
    )
    openlineage_datasets: Literal["stores", "objects"] = Field(
        "stores",
        description="datasets of OpenLineage events, if a transport is configured: `stores` (a folder of the bucket "
        "each) or `objects` (each object, with its version)",
    )
    memory_growth: float = Field(
        1.5, ge=1, le=8, description="after an end out of memory, the next try gets so many times the memory"
    )
    memory_most: Memory = Field("8Gi", description="memory that a try gets so, at most")
    secret_files: bool = Field(
        True,
        description="the pods get secrets as files below `/etc/nightjar/secrets`; false: as environment variables, "
        "as the stages of release 0.2 read them",
    )
    # Optional in the cluster: S3 may be reached by the service account's role, a mail key or channels may be missing.
    s3_secret: DnsName = Field("nightjar-s3", description="the secret with `AWS_*`, if it is not a role")
    sendgrid_secret: DnsName = Field("nightjar-sendgrid", description="the secret with `SENDGRID_API_KEY`, for notify")
    channels_secret: DnsName = Field(
        "nightjar-channels", description="the secret with `CHANNELS_URLS` and `CHANNELS_LINK_KEY`, for notify and tell"
    )

    stages: dict[Annotated[str, AfterValidator(_stage_name)], StagePods] = Field(
        default_factory=dict,
        description='JSON by stage, `{"detect": {"cpu": "2", "gpu": 1}}`: `cpu`, `memory`, `gpu`, `scratch` (disk), '
        "`service_account`, `node_selector`, `tolerations`, `priority_class`, `parallel` (pods at once), `pool` (of "
        "Airflow), `runtime` (`pod`, or `worker`: a process beside its task, if its image is in the image store)",
    )
    stage_seconds: int = Field(3600, ge=10, le=86_400, description="a stage may take no longer, whatever it works on")
    stage_start_seconds: int = Field(
        300, ge=1, le=3600, description="of a stage's time, for its image to be pulled and for an S3 that is slow"
    )

    live_runs: int = Field(4, ge=1, le=64, description="live runs at once; the watch waits while there are so many")
    watch_look_seconds: float = Field(
        1,
        ge=0.5,
        le=60,
        description="seconds from one look for footage to the next; each is two listings, which S3 bills",
    )
    live_late_seconds: int = Field(
        900, ge=60, le=86_400, description="a live run that has not ended so long after it was queued is told as late"
    )
    watch_silent_seconds: int = Field(
        int(WATCH_SILENT_AFTER.total_seconds()),
        ge=120,
        le=86_400,
        description="the operator is told when the watch has not looked for so long",
    )
    day_refused_share: float = Field(
        0.25, gt=0, le=1, description="of a day's pictures: from this share of refusals on, the operator is told"
    )
    day_refused_pictures: int = Field(
        50, ge=1, le=1_000_000, description="refused pictures of a day, at least, before the operator is told"
    )
    # Airflow maps over at most 1024 values (core.max_map_length).
    max_shards: int = Field(100, ge=1, le=1024, description="shards, and so pods of a stage, in one run")
    shard_work: int = Field(2000, ge=1, description="pictures, estimated, from which a camera is split")

    @model_validator(mode="after")
    def _local_needs_store(self) -> "DeploymentSettings":
        if self.runtime == "local" and self.image_store is None:
            raise ValueError("NIGHTJAR_RUNTIME=local needs NIGHTJAR_IMAGE_STORE, the folder `make images` fills")
        return self

    def pods(self, stage: str) -> StagePods:
        """The pods of `stage`."""
        return self.stages.get(stage, StagePods())

    def seconds(self, stage: Stage, pictures: int) -> int:
        """The time bound of `stage` for so many pictures, in whole seconds."""
        if not stage.seconds_per_picture:
            return self.stage_seconds
        work = math.ceil(pictures * stage.seconds_per_picture)
        return min(self.stage_seconds, self.stage_start_seconds + stage.waiting_seconds + work)


def deployment() -> DeploymentSettings:
    """The settings from the environment; raises UsageError that names every variable that is wrong."""
    return _read(tuple(item for item in os.environ.items() if item[0].upper().startswith("NIGHTJAR_")))


@lru_cache(maxsize=1)
def _read(_environment: tuple[tuple[str, str], ...]) -> DeploymentSettings:
    """The settings in this environment: each operator of a DAG asks for them, in each task anew."""
    return load(DeploymentSettings)


def bucket_name() -> str:
    """The name of the bucket; raises UsageError when the environment names none."""
    return load(StoreSettings).bucket
