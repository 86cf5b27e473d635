"""The rules that the pods of stages and what surrounds them must keep, as functions over plain objects."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nightjar.domain.stages import STAGES
from nightjar_local.cluster.observer import STAGE, labels

Body = dict[str, Any]
UID = 10001
# Exactly what a real run uses: verbs by resource.
ALLOWED = {
    "pods": {"create", "get", "list", "watch", "delete"},
    "pods/log": {"get"},
    "events": {"list"},
}


def pod_problems(pod: Body) -> list[str]:
    """What is wrong with a pod of a stage, as the cluster runs it."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    stage = labels(pod).get(STAGE, "")
    problems = [
        *([] if stage in STAGES else [f"has label {STAGE}={stage!r}, expected a stage"]),
        *([] if spec.get("automountServiceAccountToken") is False else ["may mount a token of its service account"]),
        *([] if spec.get("enableServiceLinks") is False else ["gets the addresses of services"]),
        *([f"uses {flag}" for flag in ("hostNetwork", "hostPID", "hostIPC") if spec.get(flag)]),
        *_volume_problems(spec.get("volumes") or []),
    ]
    for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
        problems += _container_problems(container, spec.get("securityContext") or {})
    return [f"{name} {each}" for each in problems]


def _volume_problems(volumes: Sequence[Body]) -> list[str]:
    problems = [f"mounts {volume['hostPath'].get('path')} of its node" for volume in volumes if volume.get("hostPath")]
    sources = [each for volume in volumes for each in (volume.get("projected") or {}).get("sources") or []]
    return [*problems, *(["mounts a token"] if any("serviceAccountToken" in each for each in sources) else [])]


def _container_problems(container: Body, pod: Body) -> list[str]:
    security = {**pod, **(container.get("securityContext") or {})}
    tag = str(container["image"]).rpartition(":")[2]
    expected = {
        f"runs as {security.get('runAsUser')}, expected {UID}": security.get("runAsUser") == UID,
        "may run as root": security.get("runAsNonRoot") is True,
        "has a root file system that it may write": security.get("readOnlyRootFilesystem") is True,
        "may gain privileges": security.get("allowPrivilegeEscalation") is False and not security.get("privileged"),
        "keeps capabilities": (security.get("capabilities") or {}).get("drop") == ["ALL"],
        "has no seccomp profile": (security.get("seccompProfile") or {}).get("type") == "RuntimeDefault",
        "has no bound of memory": "memory" in ((container.get("resources") or {}).get("limits") or {}),
        f"has the image {container['image']}, whose tag may be another image tomorrow": (
            tag not in ("", "latest") and "/" not in tag
        ),
    }
    return [problem for problem, holds in expected.items() if not holds]


def secrets_in(texts: Mapping[str, str], secrets: Iterable[str]) -> list[str]:
    """The places in whose text one of the secrets stands; the secret itself is not told."""
    values = [value for value in secrets if value]
    return [f"a secret stands in {place}" for place, text in texts.items() if any(value in text for value in values)]


def as_texts(kind: str, objects: Iterable[Body]) -> dict[str, str]:
    """Objects as texts, by what they are."""
    return {f"{kind} {each['metadata']['name']}": json.dumps(each) for each in objects}


def role_problems(roles: Iterable[Body], account: str, bindings: Iterable[Body]) -> list[str]:
    """What Airflow's service account may do among the stages' pods that no run needs."""
    bound = {
        binding["roleRef"]["name"]
        for binding in bindings
        if any(subject.get("name") == account for subject in binding.get("subjects") or [])
    }
    wide = [
        f"role {role['metadata']['name']} lets Airflow {', '.join(sorted(over))} {resource}"
        for role in roles
        if role["metadata"]["name"] in bound
        for rule in role.get("rules") or []
        for resource in rule.get("resources") or []
        if (over := set(rule.get("verbs") or []) - ALLOWED.get(resource, set()))
    ]
    return wide if bound else [f"no role among the stages' pods is bound to {account}"]


def network_problems(policies: Iterable[Body], pods: Iterable[Body]) -> list[str]:
    """The pods of stages for which no network policy begins with a refusal of everything."""
    refusals = [each["spec"] for each in policies if not each["spec"].get("ingress") and not each["spec"].get("egress")]
    open_to = {
        (way, labels(pod).get(STAGE, pod["metadata"]["name"]))
        for pod in pods
        for way in ("Ingress", "Egress")
        if not any(
            way in (spec.get("policyTypes") or []) and selects(spec.get("podSelector") or {}, labels(pod))
            for spec in refusals
        )
    }
    return [f"no policy refuses {way} to pods of {stage}" for way, stage in sorted(open_to)]


def selects(selector: Body, of_pod: Mapping[str, str]) -> bool:
    """Whether a selector, as Kubernetes writes it, selects a pod with these labels; an empty one selects all."""
    equal = all(of_pod.get(name) == value for name, value in (selector.get("matchLabels") or {}).items())
    return equal and all(_holds(each, of_pod.get(each["key"])) for each in selector.get("matchExpressions") or [])


def _holds(expression: Body, value: str | None) -> bool:
    values = expression.get("values") or []
    return bool(
        {
            "Exists": value is not None,
            "DoesNotExist": value is None,
            "In": value in values,
            "NotIn": value not in values,
        }[expression["operator"]]
    )
