"""The objects that the API serves: pods and their events, kept in memory, safe for many threads."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.kubernetes.errors import ApiError, not_found
from tests.kubernetes.selectors import matches_fields, matches_labels

Pod = dict[str, Any]
Key = tuple[str, str]


def now() -> str:
    """The time in the API's format, whole seconds, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(pod: Pod) -> Key:
    """(namespace, name) of a stored pod."""
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


class Store:
    """Pods by (namespace, name) and events. Everything that goes in or out is a copy.

    Attributes:
        created: every pod as it was posted, in order, also of those that are gone.
    """

    def __init__(self) -> None:
        self.created: list[Pod] = []
        self._lock = threading.RLock()
        self._pods: dict[Key, Pod] = {}
        self._events: list[dict[str, Any]] = []
        self._version = 0

    @property
    def version(self) -> str:
        """The resource version of the latest change."""
        return str(self._version)

    def create(self, namespace: str, posted: Pod) -> Pod:
        """Take a posted pod: give it what the API server gives, phase Pending.

        Raises:
            ApiError: 409, if a pod of that name exists.
        """
        with self._lock:
            self.created.append(copy.deepcopy(posted))
            pod = copy.deepcopy(posted)
            name = pod["metadata"]["name"]
            if (namespace, name) in self._pods:
                raise ApiError(409, "AlreadyExists", f'pods "{name}" already exists')
            pod["metadata"] |= {
                "namespace": namespace,
                "uid": str(uuid.uuid4()),
                "creationTimestamp": now(),
            }
            pod["spec"].setdefault("restartPolicy", "Always")
            pod["spec"].setdefault("terminationGracePeriodSeconds", 30)
            pod["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
            self._pods[namespace, name] = pod
            return self._changed(pod)

    def get(self, namespace: str, name: str) -> Pod:
        """One pod.

        Raises:
            ApiError: 404.
        """
        with self._lock:
            return copy.deepcopy(self._find(namespace, name))

    def select(self, namespace: str | None, label_selector: str = "", field_selector: str = "") -> list[Pod]:
        """The pods of a namespace (None: of all) that match both selectors."""
        with self._lock:
            return [
                copy.deepcopy(pod)
                for pod in self._pods.values()
                if namespace in (None, pod["metadata"]["namespace"])
                and matches_labels(label_selector, pod["metadata"].get("labels"))
                and matches_fields(field_selector, pod)
            ]

    def patch_metadata(self, namespace: str, name: str, patch: dict[str, Any]) -> Pod:
        """Merge labels and annotations; null removes one.

        Raises:
            ApiError: 404; 422, if the patch touches anything else.
        """
        metadata = patch.get("metadata", {})
        if set(patch) - {"metadata", "kind", "apiVersion"} or set(metadata) - {"labels", "annotations"}:
            raise ApiError(422, "Invalid", f"only labels and annotations can be patched here, got {patch}")
        with self._lock:
            pod = self._find(namespace, name)
            for field, changes in metadata.items():
                merged = {**(pod["metadata"].get(field) or {}), **(changes or {})}
                pod["metadata"][field] = {key: value for key, value in merged.items() if value is not None}
            return self._changed(pod)

    def update(self, key: Key, uid: str, change: Callable[[Pod], None]) -> bool:
        """Let `change` edit the pod in place; False, and nothing done, if that pod is gone or another took its name."""
        with self._lock:
            pod = self._pods.get(key)
            if pod is None or pod["metadata"]["uid"] != uid:
                return False
            change(pod)
            self._changed(pod)
            return True

    def remove(self, key: Key, uid: str) -> None:
        """Forget a pod; nothing happens if it is gone already."""
        with self._lock:
            if key in self._pods and self._pods[key]["metadata"]["uid"] == uid:
                del self._pods[key]
                self._version += 1

    def add_event(self, pod: Pod, kind: str, reason: str, message: str) -> None:
        """Record an event about a pod; `kind` is Normal or Warning."""
        with self._lock:
            self._version += 1
            namespace, name = key_of(pod)
            self._events.append(
                {
                    "metadata": {
                        "name": f"{name}.{self._version:x}",
                        "namespace": namespace,
                        "uid": str(uuid.uuid4()),
                        "creationTimestamp": now(),
                        "resourceVersion": self.version,
                    },
                    "involvedObject": {
                        "kind": "Pod",
                        "apiVersion": "v1",
                        "namespace": namespace,
                        "name": name,
                        "uid": pod["metadata"]["uid"],
                        "fieldPath": f"spec.containers{{{pod['spec']['containers'][0]['name']}}}",
                    },
                    "type": kind,
                    "reason": reason,
                    "message": message,
                    "firstTimestamp": now(),
                    "lastTimestamp": now(),
                    "count": 1,
                    "source": {"component": "kubelet"},
                }
            )

    def events(self, namespace: str, field_selector: str = "") -> list[dict[str, Any]]:
        """The events of a namespace that match the selector, oldest first; they outlive their pods."""
        with self._lock:
            return [
                copy.deepcopy(event)
                for event in self._events
                if event["metadata"]["namespace"] == namespace and matches_fields(field_selector, event)
            ]

    def _find(self, namespace: str, name: str) -> Pod:
        if (namespace, name) not in self._pods:
            raise not_found("pods", name)
        return self._pods[namespace, name]

    def _changed(self, pod: Pod) -> Pod:
        self._version += 1
        pod["metadata"]["resourceVersion"] = self.version
        return copy.deepcopy(pod)
