"""What the test puts into a cluster by itself, beside the chart: namespaces, an S3 server, a look at the images."""

from collections.abc import Mapping, Sequence
from typing import Any

from nightjar.domain.stages import STAGE_IMAGES
from nightjar_local.cluster.options import Options
from nightjar_local.seaweedfs import S3Access, identities

Body = dict[str, Any]
LABEL = "nightjar/test-cluster"  # on everything that the test makes: what it is that may be removed
AIRFLOW_IMAGE = "airflow"
TRIAL_IMAGE = "trial"  # PostgreSQL and SeaweedFS
S3_POD = "seaweedfs"
S3_PORT = 8333
LOOK_POD = "images"
UID = 10001
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
SECURITY: Body = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
SMALL: Body = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}


def namespace(name: str, options: Options) -> Body:
    """A namespace of the test's own, for restricted pods."""
    labels = {LABEL: options.suffix, **RESTRICTED}
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}}


def secret(namespace: str, name: str, values: Mapping[str, str], options: Options) -> Body:
    """A secret with these values."""
    metadata = {"name": name, "namespace": namespace, "labels": {LABEL: options.suffix}}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "type": "Opaque", "stringData": dict(values)}


def images_wanted(options: Options) -> list[str]:
    """The references of all images that the test starts."""
    return [options.image(name) for name in (*STAGE_IMAGES, AIRFLOW_IMAGE, TRIAL_IMAGE)]


def look_pod(images: Sequence[str], options: Options) -> Body:
    """A pod with a container of each image, that does nothing: it tells whether each can be had."""
    containers = [
        {
            "name": f"image-{number}",
            "image": image,
            "imagePullPolicy": options.pull_policy,
            "command": ["python", "-c", ""],
            "resources": SMALL,
            "securityContext": SECURITY,
        }
        for number, image in enumerate(images)
    ]
    return _pod(options, LOOK_POD, {"containers": containers, "restartPolicy": "Never"})


def s3_pod(options: Options) -> Body:
    """SeaweedFS with one identity, whose credentials are in the secret of the same name, and nothing that lasts.

    It listens on the pod's addresses, loopback among them: through that, a port is forwarded.
    """
    command = [
        *("weed", "-logtostderr", "mini", "-dir=/data", "-ip=127.0.0.1", "-ip.bind=0.0.0.0", f"-s3.port={S3_PORT}"),
        *("-s3.config=/etc/nightjar/s3/s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false"),
        *("-admin.ui=false", "-master.telemetry=false", "-disableHttp", "-volume.max=10000"),
    ]
    container = {
        "name": S3_POD,
        "image": options.image(TRIAL_IMAGE),
        "imagePullPolicy": options.pull_policy,
        "command": command,
        "env": [{"name": "HOME", "value": "/data"}],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": SECURITY,
        "readinessProbe": {"tcpSocket": {"port": S3_PORT}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - in the pod
            {"name": "identity", "mountPath": "/etc/nightjar/s3", "readOnly": True},
        ],
    }
    volumes = [
        {"name": "data", "emptyDir": {"sizeLimit": "4Gi"}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "identity", "secret": {"secretName": S3_POD}},
    ]
    return _pod(options, S3_POD, {"containers": [container], "volumes": volumes, "restartPolicy": "Always"})


def s3_identity(access: S3Access) -> dict[str, str]:
    """The content of the S3 server's secret."""
    return {"s3.json": identities(access)}


def s3_secret(access: S3Access) -> dict[str, str]:
    """The content of the secret `nightjar-s3`: how to sign in, without where."""
    values = {name: value for name, value in access.environment().items() if name.startswith("AWS_")}
    return {name: value for name, value in values.items() if name not in ("AWS_ENDPOINT_URL_S3",)}


def _pod(options: Options, name: str, spec: Body) -> Body:
    metadata = {"name": name, "namespace": options.store, "labels": {LABEL: options.suffix, "app": name}}
    common: Body = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 2,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": UID,
            "fsGroup": UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {**common, **spec}}
