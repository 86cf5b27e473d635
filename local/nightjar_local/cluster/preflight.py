"""Looks at a cluster before anything is installed: its version, what the caller may do, room, and the images."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from nightjar_local.cluster.kube import Kubernetes
from nightjar_local.cluster.outcomes import Outcome, State
from nightjar_local.cluster.quantities import room, takes_pods

Body = dict[str, Any]
OLDEST = (1, 25)  # the first that holds pods to the restricted level; the chart installs on 1.20, without that
NEEDED = {"cpu": Decimal("1.5"), "memory": Decimal(5 * 2**30)}  # of one node: Airflow, its database, S3 and one stage
# What the test does itself, and what Helm does for it: (verb, resource, API group, whether in a namespace).
RIGHTS = (
    *((verb, "namespaces", "", False) for verb in ("create", "get", "delete")),
    *((verb, "nodes", "", False) for verb in ("list",)),
    *((verb, "pods", "", True) for verb in ("create", "get", "list", "watch", "delete")),
    ("get", "pods/log", "", True),
    ("create", "pods/portforward", "", True),
    *(("create", kind, "", True) for kind in ("secrets", "configmaps", "services", "serviceaccounts")),
    *(("create", kind, "rbac.authorization.k8s.io", True) for kind in ("roles", "rolebindings")),
    ("create", "deployments", "apps", True),
    ("create", "jobs", "batch", True),
    ("create", "networkpolicies", "networking.k8s.io", True),
    *((verb, "priorityclasses", "scheduling.k8s.io", False) for verb in ("create", "delete")),
)
NOT_THERE = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError")
_ENDED = ("Succeeded", "Failed")


def version(answer: Body) -> Outcome:
    """Whether the cluster's version, as it tells, is one that the chart is for."""
    numbers = [int(re.sub(r"\D.*", "", str(answer.get(part, ""))) or 0) for part in ("major", "minor")]
    words = f"{answer.get('gitVersion', 'of no version')}"
    if tuple(numbers) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return Outcome(
            "version", "noted", f"Kubernetes {oldest} and newer hold pods to the restricted level, got {words}"
        )
    return Outcome("version", "passed", words)


def rights(kubernetes: Kubernetes, namespace: str) -> Outcome:
    """Whether the caller may do what the test needs; the namespace need not be there."""
    missing = [
        f"{verb} {resource}{f'.{group}' if group else ''}{'' if within else ' (cluster-wide)'}"
        for verb, resource, group, within in RIGHTS
        if not kubernetes.may(verb, resource, group, namespace if within else None)
    ]
    if missing:
        return Outcome("rights", "failed", f"the user of {kubernetes.kubeconfig} may not: {', '.join(missing)}")
    return Outcome("rights", "passed", f"{len(RIGHTS)} of {len(RIGHTS)}")


def room_on_nodes(nodes: Sequence[Body], pods: Iterable[Body]) -> Outcome:
    """Whether there is a node that has room for all of it. One that does not may still do, if there are several."""
    pods = list(pods)
    takers = [node for node in nodes if takes_pods(node)]
    if not takers:
        return Outcome("nodes", "failed", f"expected a node that is ready and takes pods, got none of {len(nodes)}")
    rooms = [room(node, pods) for node in takers]
    largest = max(rooms, key=lambda each: min(each[name] / NEEDED[name] for name in NEEDED))
    words = f"{largest['cpu'].normalize():f} cores and {largest['memory'] / 2**30:.1f} GiB are free"
    if all(largest[name] >= NEEDED[name] for name in NEEDED):
        return Outcome("nodes", "passed", f"{len(takers)} take pods; on one, {words}")
    needed = f"{NEEDED['cpu']} cores and {NEEDED['memory'] / 2**30:.0f} GiB"
    state: State = "failed" if sum(each["memory"] for each in rooms) < NEEDED["memory"] else "noted"
    return Outcome("nodes", state, f"expected a node with room for {needed}, at most {words}")


def missing_images(pod: Body) -> dict[str, str]:
    """The images that the pod of `objects.look_pod` could not get, each with the kubelet's sentence."""
    images = {container["name"]: container["image"] for container in pod["spec"]["containers"]}
    found = {}
    for status in pod["status"].get("containerStatuses") or []:
        waiting = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in NOT_THERE:
            found[images[status["name"]]] = str(waiting.get("message") or waiting["reason"])
    return found


def images_are_known(pod: Body) -> bool:
    """Whether each image of the pod of `objects.look_pod` was got or refused."""
    statuses = pod["status"].get("containerStatuses") or []
    if pod["status"].get("phase") in _ENDED:
        return True
    return len(statuses) == len(pod["spec"]["containers"]) and all(
        not (waiting := (each.get("state") or {}).get("waiting")) or waiting.get("reason") in NOT_THERE
        for each in statuses
    )
