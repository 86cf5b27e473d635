"""The pod of a stage: what every one of them is given, and how hardened it is."""

import re
from collections.abc import Mapping
from typing import Any

from kubernetes.client import models as k8s

from nightjar.domain.manifest import TaskRef
from nightjar.domain.names import shown
from nightjar.domain.stages import Secret, Stage
from nightjar.errors import UsageError
from nightjar.runtime.settings import StoreSettings
from nightjar.stores.made_of_others import REPRODUCTIONS
from nightjar.stores.runs import CANDIDATE, HISTORY, PATROL, REPORT
from operators.settings import DeploymentSettings, StagePods

_PLAIN = re.compile(r"[A-Za-z0-9._/-]{1,1024}")
UID = 10001  # of the user in every Dockerfile
SCRATCH = "scratch"
CONTAINER = "base"  # upstream's name of the container that it waits for
PART_OF = "app.kubernetes.io/part-of=nightjar"  # the label of every pod of a stage
SECRETS_DIR = "/etc/nightjar/secrets"
_GIVE_WAY = frozenset({HISTORY, REPORT, PATROL, CANDIDATE})  # the DAGs on which no alert waits


def resources(stage: Stage, asked: StagePods) -> k8s.V1ResourceRequirements:
    """CPU, memory, GPUs and disk of a pod of `stage`, as the deployment sets them or by default."""
    memory = asked.memory or stage.memory
    gpus = {"nvidia.com/gpu": str(asked.gpu)} if asked.gpu else {}
    return k8s.V1ResourceRequirements(
        requests={"cpu": asked.cpu or stage.cpu, "memory": memory, "ephemeral-storage": "1Gi", **gpus},
        limits={"memory": memory, "ephemeral-storage": asked.scratch, **gpus},
    )


def with_memory(memory: str, stage: Stage, asked: StagePods) -> k8s.V1ResourceRequirements:
    """The resources of a pod that gets this memory in place of its stage's."""
    return resources(stage, asked.model_copy(update={"memory": memory}))


def priority_class(settings: DeploymentSettings, stage: str, run_prefix: str) -> str | None:
    """The priority class of a pod of `stage`: the stage's own, else that of the DAG of the run, if there is one.

    `run_prefix` is where the run is, or the reproduction that the pod works in.
    """
    dag = run_prefix.partition("/")[2].partition("/")[0]
    gives_way = dag in _GIVE_WAY or run_prefix.startswith(REPRODUCTIONS)
    of_dag = settings.history_priority_class if gives_way else settings.live_priority_class
    return settings.pods(stage).priority_class or of_dag


def tolerations(asked: StagePods) -> list[k8s.V1Toleration]:
    """The taints of nodes that a pod may run on all the same."""
    return [k8s.V1Toleration(**toleration.model_dump()) for toleration in asked.tolerations]


def pod_security() -> k8s.V1PodSecurityContext:
    """The restricted Pod Security profile, for the pod."""
    return k8s.V1PodSecurityContext(
        run_as_non_root=True,
        run_as_user=UID,
        run_as_group=UID,
        fs_group=UID,
        seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
    )


def container_security() -> k8s.V1SecurityContext:
    """The restricted Pod Security profile, for the container; its root file system is read-only besides."""
    return k8s.V1SecurityContext(
        allow_privilege_escalation=False,
        capabilities=k8s.V1Capabilities(drop=["ALL"]),
        read_only_root_filesystem=True,
        run_as_non_root=True,
        seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
    )


def template(settings: DeploymentSettings) -> dict[str, Any] | None:
    """The pod that every pod begins with, if the deployment has one. Nobody else may name a stage's container."""
    if settings.pod_template is None:
        return None
    first, *others = settings.pod_template.containers or [{}]
    return {"spec": settings.pod_template.spec | {"containers": [first | {"name": CONTAINER}, *others]}}


def scratch(asked: StagePods) -> tuple[list[k8s.V1Volume], list[k8s.V1VolumeMount]]:
    """A /tmp of its own for a pod whose root is read-only."""
    volume = k8s.V1Volume(name=SCRATCH, empty_dir=k8s.V1EmptyDirVolumeSource(size_limit=asked.scratch))
    return [volume], [k8s.V1VolumeMount(name=SCRATCH, mount_path="/tmp")]  # noqa: S108 - in the pod


def secret_names(settings: DeploymentSettings) -> dict[Secret, str]:
    """The Kubernetes secret that holds each kind of credentials."""
    return {
        Secret.S3: settings.s3_secret,
        Secret.MAIL: settings.sendgrid_secret,
        Secret.CHANNELS: settings.channels_secret,
    }


def secret_sources(stage: Stage, settings: DeploymentSettings) -> list[k8s.V1EnvFromSource]:
    """The secrets of `stage` as variables, by reference, so that no spec holds one; none where they are files."""
    names = [] if settings.secret_files else [secret_names(settings)[secret] for secret in stage.secrets]
    return [k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=name, optional=True)) for name in names]


def secret_volumes(stage: Stage, settings: DeploymentSettings) -> tuple[list[k8s.V1Volume], list[k8s.V1VolumeMount]]:
    """The secrets of `stage` as folders of files; none where they are variables."""
    names = [secret_names(settings)[secret] for secret in stage.secrets] if settings.secret_files else []
    volumes = [
        k8s.V1Volume(
            name=f"secret-{number}",  # a secret's name may be longer than that of a volume, and have dots
            secret=k8s.V1SecretVolumeSource(secret_name=name, optional=True, default_mode=0o440),
        )
        for number, name in enumerate(names)
    ]
    return volumes, [
        k8s.V1VolumeMount(name=volume.name, mount_path=f"{SECRETS_DIR}/{name}", read_only=True)
        for volume, name in zip(volumes, names, strict=True)
    ]


def environment(
    settings: Mapping[str, str],
    store: StoreSettings,
    image: str,
    run: str,
    shard: str | None,
    secrets_dir: str | None = None,
    task: TaskRef | None = None,
) -> list[k8s.V1EnvVar]:
    """The environment of a stage: its own `settings`, what it works on and for whom, and the folder of its secrets."""
    values = {
        **settings,
        "NIGHTJAR_BUCKET": store.bucket,
        "NIGHTJAR_S3_ENDPOINT": store.s3_endpoint,
        "NIGHTJAR_SECRETS_DIR": secrets_dir,
        "NIGHTJAR_IMAGE": image,
        "NIGHTJAR_RUN": run,
        "NIGHTJAR_SHARD": shard,
        "NIGHTJAR_TASK": task.model_dump_json() if task else None,
    }
    return [k8s.V1EnvVar(name=name, value=_literal(value)) for name, value in values.items() if value]


def _literal(value: str) -> str:
    """`value` so that Kubernetes leaves it: $(NAME) would be replaced by another variable, secrets included."""
    return value.replace("$", "$$")


def literal_value(value: str) -> str:
    """The value of a variable as a container gets it."""
    return value.replace("$$", "$")


def command(stage: Stage) -> list[str]:
    """How a stage is started, in a container and out of one."""
    return ["python", "-m", stage.module]


def arguments(
    input_prefix: str, output_prefix: str, release: str | None, day: str | None, reproduction: str | None = None
) -> list[str]:
    """The command line of a stage; raises UsageError for a value that is not safe in it.

    A reproduction is an argument and no setting: an image that does not know it refuses to start, and writes nothing.

    Kubernetes expands $(NAME) in arguments, secrets included, so nothing but plain words and paths goes through.
    """
    given = {
        "--input-prefix": input_prefix,
        "--output-prefix": output_prefix,
        "--release": release,
        "--day": day,
        "--reproduction": reproduction,
    }
    for flag, value in given.items():
        if value and not _PLAIN.fullmatch(value):
            raise UsageError(f"expected {flag} of letters, digits and ._/-, got {shown(value)}")
    return [part for flag, value in given.items() if value for part in (flag, value)]
