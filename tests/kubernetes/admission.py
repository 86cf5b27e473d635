"""The checks of the API server before it takes a pod: the strict schema, names, labels and annotations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import kubernetes_validate

from tests.kubernetes.errors import ApiError, invalid
from tests.kubernetes.selectors import NAME, VALUE

SCHEMA_VERSION = "1.36"
"""The Kubernetes version whose schemas are used: the one the pinned `kubernetes` client was made for."""

DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MAX_ANNOTATIONS_BYTES = 256 * 1024


def admit(pod: Mapping[str, Any], namespace: str) -> None:
    """Check a posted pod the way an API server with strict field validation does.

    Raises:
        ApiError: 422, with the path of the field and what was wrong with it; 400, for another kind or namespace.
    """
    if pod.get("kind") != "Pod" or pod.get("apiVersion") != "v1":
        raise ApiError(
            400,
            "BadRequest",
            f"expected a v1 Pod, got a {pod.get('apiVersion')} {pod.get('kind')}",
        )
    name = str(pod.get("metadata", {}).get("name", ""))
    if violations := schema_violations(pod) or _metadata_violations(pod["metadata"]):
        raise invalid(name, "; ".join(violations))
    if not pod["spec"]["containers"]:
        raise invalid(name, "spec.containers: Required value")
    for container in pod["spec"]["containers"]:
        if not DNS_LABEL.fullmatch(container["name"]):
            raise invalid(name, f"spec.containers: {container['name']!r} is not an RFC 1123 label")
        if not container.get("image"):
            raise invalid(name, f"spec.containers[{container['name']}].image: Required value")
    wanted = pod["metadata"].get("namespace", namespace)
    if wanted != namespace:
        raise ApiError(
            400,
            "BadRequest",
            f"the namespace of the pod ({wanted}) is not the namespace of the request ({namespace})",
        )


def schema_violations(pod: Mapping[str, Any]) -> list[str]:
    """The field that breaks the strict schema, which knows all fields: its path and the reason; empty if valid."""
    try:
        kubernetes_validate.validate(dict(pod), SCHEMA_VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.path)) or '(root)'}: {error.message}"]
    return []


def _metadata_violations(metadata: Mapping[str, Any]) -> list[str]:
    violations = []
    if not DNS_SUBDOMAIN.fullmatch(metadata.get("name", "")):
        violations.append(f"metadata.name: {metadata.get('name')!r} is not an RFC 1123 subdomain")
    for key, value in (metadata.get("labels") or {}).items():
        if not NAME.fullmatch(key):
            violations.append(f"metadata.labels: {key!r} is not a qualified name")
        if not VALUE.fullmatch(value):
            violations.append(f"metadata.labels[{key}]: {value!r} is not a label value")
    annotations = metadata.get("annotations") or {}
    violations += [
        f"metadata.annotations: {key!r} is not a qualified name" for key in annotations if not NAME.fullmatch(key)
    ]
    if sum(len((key + value).encode()) for key, value in annotations.items()) > MAX_ANNOTATIONS_BYTES:
        violations.append(f"metadata.annotations: must be at most {MAX_ANNOTATIONS_BYTES} bytes")
    return violations
