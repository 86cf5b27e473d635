"""`make up` with `NIGHTJAR_RUNTIME=kubernetes`: Airflow is on this machine, the stages are pods of a cluster."""

import ipaddress
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nightjar.domain.release import Images, parse_images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import UsageError
from nightjar_local.processes import LocalError

if TYPE_CHECKING:
    from nightjar_local.cluster.kube import Kubernetes  # takes a second, which every other command would pay

RUNTIME = "NIGHTJAR_RUNTIME"
PODS = "kubernetes"
NAMESPACE = "nightjar"
SERVICE_ACCOUNT = "nightjar-stage"
# What the operator does with the pods of stages: (verb, resource).
RIGHTS = (
    *((verb, "pods") for verb in ("create", "get", "list", "watch", "delete")),
    ("get", "pods/log"),
    ("list", "events"),
)


def asked_kubeconfig(environment: Mapping[str, str]) -> str | None:
    """The kubeconfig of the cluster whose pods the stages are to be; None where they are processes of this machine.

    Raises LocalError if pods are asked for and there is no kubeconfig.
    """
    if environment.get(RUNTIME) != PODS:
        return None
    named = environment.get("KUBECONFIG")
    if not named:
        raise LocalError(f"{RUNTIME}={PODS} also needs KUBECONFIG, the file that says where the cluster is")
    path = Path(named).expanduser().absolute()
    if not path.is_file():
        raise LocalError(f"expected KUBECONFIG to name a file, got {named}")
    return str(path)


def variables(kubeconfig: str) -> dict[str, str]:
    """The environment of Airflow's processes that makes stages pods of that cluster."""
    extra = {"in_cluster": False, "kube_config_path": kubeconfig}
    return {
        RUNTIME: PODS,
        "NIGHTJAR_IMAGE_STORE": "",
        "KUBECONFIG": kubeconfig,
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps({"conn_type": "kubernetes", "extra": extra}),
        # Tasks only wait for their pods, which are the cluster's work and not this machine's.
        "AIRFLOW__CORE__PARALLELISM": str(8 * (os.cpu_count() or 1)),
    }


def images(environment: Mapping[str, str]) -> dict[str, Any] | None:
    """The value of the Variable `nightjar_images` from REGISTRY and TAG; None if neither is set.

    Raises LocalError if one of them is missing or no good.
    """
    registry, tag = environment.get("REGISTRY"), environment.get("TAG")
    if not registry and not tag:
        return None
    if not registry or not tag:
        raise LocalError("expected REGISTRY and TAG together: the pods' images are <REGISTRY>/<stage>:<TAG>")
    text = json.dumps({"registry": registry.rstrip("/"), **dict.fromkeys(STAGE_IMAGES, tag)})
    try:
        value: Images = parse_images(text)
    except UsageError as error:
        raise LocalError(f"REGISTRY={registry} TAG={tag}: {error}") from None
    return value.model_dump(by_alias=True)


def check(kubernetes: "Kubernetes", environment: Mapping[str, str], endpoint: str) -> None:
    """Raise LocalError, with all that is missing, unless the cluster can run the stages of this deployment."""
    if problems := [*endpoint_problems(endpoint), *cluster_problems(kubernetes, environment)]:
        listed = "\n".join(f"  - {each}" for each in problems)
        raise LocalError(f"the stages cannot be pods of {kubernetes.server} yet:\n{listed}")


def endpoint_problems(endpoint: str) -> list[str]:
    """Why pods cannot reach an S3 server, as far as its address tells."""
    host = urlsplit(endpoint).hostname or ""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        return []
    return [
        f"expected an S3 server that pods reach, too; {endpoint} is this machine's loopback: set NIGHTJAR_S3_ENDPOINT, "
        f"NIGHTJAR_BUCKET, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    ]


def cluster_problems(kubernetes: "Kubernetes", environment: Mapping[str, str]) -> list[str]:
    """What the cluster lacks for the pods of stages, each with the command that mends it."""
    namespace = environment.get("NIGHTJAR_NAMESPACE") or NAMESPACE
    account = environment.get("NIGHTJAR_STAGE_SERVICE_ACCOUNT") or SERVICE_ACCOUNT
    missing = [f"{verb} {resource}" for verb, resource in RIGHTS if not kubernetes.may(verb, resource, "", namespace)]
    problems = []
    if missing:
        problems.append(f"the user of {kubernetes.kubeconfig} may not, in namespace {namespace}: {', '.join(missing)}")
    # Whoever runs stages need not be able to look at more than pods: what cannot be seen is not asked for.
    if kubernetes.may("get", "namespaces") and kubernetes.get("Namespace", namespace) is None:
        return [*problems, f"there is no namespace {namespace}: kubectl create namespace {namespace}"]
    if (
        kubernetes.may("get", "serviceaccounts", "", namespace)
        and kubernetes.get("ServiceAccount", account, namespace) is None
    ):
        problems.append(
            f"there is no service account {account} in namespace {namespace}: "
            f"kubectl --namespace {namespace} create serviceaccount {account}"
        )
    return problems
