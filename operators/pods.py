"""The pod of a stage: what every one of them is given, and how hardened it is."""

import re
from collections.abc import Mapping

from kubernetes.client import models as k8s

from nightjar.domain.names import shown
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import UsageError
from nightjar.runtime.settings import StoreSettings
from operators.settings import DeploymentSettings, Resources

# Measured peaks with room: decoding a large video, the model and its tensors, the warehouse's tables.
RESOURCES: Mapping[str, Resources] = {
    "collect": Resources(cpu="250m", memory="512Mi"),
    "validate": Resources(cpu="1", memory="2Gi"),
    "detect": Resources(cpu="1", memory="1Gi"),
    "assess": Resources(cpu="500m", memory="1Gi"),
    "notify": Resources(cpu="250m", memory="512Mi"),
    "report": Resources(cpu="1", memory="2Gi"),
}

_PLAIN = re.compile(r"[A-Za-z0-9._/-]{1,1024}")
UID = 10001  # of the user in every Dockerfile
SCRATCH = "scratch"


def resources(stage: str, settings: DeploymentSettings) -> k8s.V1ResourceRequirements:
    """What a pod of `stage` asks for, as the deployment sets it or by default."""
    asked = settings.stage_resources.get(stage, RESOURCES[stage])
    return k8s.V1ResourceRequirements(
        requests={"cpu": asked.cpu, "memory": asked.memory, "ephemeral-storage": "1Gi"},
        limits={"memory": asked.memory, "ephemeral-storage": "8Gi"},
    )


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


def scratch() -> tuple[list[k8s.V1Volume], list[k8s.V1VolumeMount]]:
    """A /tmp of its own for a pod whose root is read-only."""
    volume = k8s.V1Volume(name=SCRATCH, empty_dir=k8s.V1EmptyDirVolumeSource(size_limit="8Gi"))
    return [volume], [k8s.V1VolumeMount(name=SCRATCH, mount_path="/tmp")]  # noqa: S108 - in the pod


def environment_sources(stage: str, settings: DeploymentSettings) -> list[k8s.V1EnvFromSource]:
    """Where a pod of `stage` gets secrets and its own settings from: by reference, so that no spec holds a secret."""
    secrets = [settings.s3_secret, *([settings.sendgrid_secret] if stage == "notify" else [])]
    config_map = k8s.V1ConfigMapEnvSource(name=settings.stage_config_map, optional=True)
    return [
        k8s.V1EnvFromSource(config_map_ref=config_map),
        *(k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=name, optional=True)) for name in secrets),
    ]


def environment(store: StoreSettings, image: str, run: str, shard: str | None) -> list[k8s.V1EnvVar]:
    """What the operator tells a stage by environment. All of it is checked: Kubernetes expands $(NAME) in values."""
    values = {
        "NIGHTJAR_BUCKET": store.bucket,
        "NIGHTJAR_S3_ENDPOINT": store.s3_endpoint,
        "NIGHTJAR_IMAGE": image,
        "NIGHTJAR_RUN": run,
        "NIGHTJAR_SHARD": shard,
    }
    return [k8s.V1EnvVar(name=name, value=value) for name, value in values.items() if value]


def command(stage: str) -> list[str]:
    """How a stage is started, in a container and out of one; raises ValueError for what is no stage."""
    if stage not in STAGE_IMAGES:
        raise ValueError(f"expected a stage, one of {', '.join(STAGE_IMAGES)}, got {stage!r}")
    return ["python", "-m", f"nightjar_{stage}"]


def arguments(input_prefix: str, output_prefix: str, release: str | None, day: str | None) -> list[str]:
    """The command line of a stage; raises UsageError for a value that is not safe in it.

    Kubernetes expands $(NAME) in arguments, secrets included, so nothing but plain words and paths goes through.
    """
    given = {"--input-prefix": input_prefix, "--output-prefix": output_prefix, "--release": release, "--day": day}
    for flag, value in given.items():
        if value and not _PLAIN.fullmatch(value):
            raise UsageError(f"expected {flag} of letters, digits and ._/-, got {shown(value)}")
    return [part for flag, value in given.items() if value for part in (flag, value)]
