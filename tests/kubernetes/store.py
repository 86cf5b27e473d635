"""The objects that the API serves: pods and their events, kept in memory, safe for many threads."""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections.abc import Callable, Iterator
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
        self._changes: list[tuple[int, str, Pod]] = []
        self._forgotten = 0
        self._closed = False
        self._changed_at = threading.Condition(self._lock)

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
            pod = copy.deepcopy(posted)
            name = pod["metadata"]["name"]
            if (namespace, name) in self._pods:
                raise ApiError(409, "AlreadyExists", f'pods "{name}" already exists')
            self.created.append(copy.deepcopy(posted))
            pod["metadata"] |= {
                "namespace": namespace,
                "uid": str(uuid.uuid4()),
                "creationTimestamp": now(),
            }
            pod["spec"].setdefault("restartPolicy", "Always")
            pod["spec"].setdefault("terminationGracePeriodSeconds", 30)
            pod["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
            self._pods[namespace, name] = pod
            return self._changed(pod, "ADDED")

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
                self._changed(self._pods.pop(key), "DELETED")

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

    def changes(
        self, namespace: str | None, label_selector: str, field_selector: str, version: int, seconds: float
    ) -> Iterator[dict[str, Any]]:
        """The watch events of matching pods after `version`, for so many seconds; a bookmark comes last.

        A version that is forgotten is answered by the event of an error, 410 Gone, as a real API server does.
        """
        until = time.monotonic() + seconds
        while True:
            with self._changed_at:
                if version < self._forgotten:
                    gone = ApiError(410, "Expired", f"too old resource version: {version} ({self._version})")
                    yield {"type": "ERROR", "object": gone.status()}
                    return
                fresh = [
                    (kind, copy.deepcopy(pod))
                    for at, kind, pod in self._changes
                    if at > version
                    and namespace in (None, pod["metadata"]["namespace"])
                    and matches_labels(label_selector, pod["metadata"].get("labels"))
                    and matches_fields(field_selector, pod)
                ]
                version = self._version
                left = until - time.monotonic()
                if not fresh and left > 0 and not self._closed:
                    self._changed_at.wait(left)
                    continue
            for kind, pod in fresh:
                yield {"type": kind, "object": {"kind": "Pod", "apiVersion": "v1", **pod}}
            if not fresh:
                break
        bookmark = {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": str(version)}}
        yield {"type": "BOOKMARK", "object": bookmark}

    def forget(self) -> None:
        """Compact: watches can begin at no earlier version than that of now."""
        with self._changed_at:
            self._version += 1
            self._forgotten = self._version
            self._changed_at.notify_all()

    def close(self) -> None:
        """End every watch."""
        with self._changed_at:
            self._closed = True
            self._changed_at.notify_all()

    def _changed(self, pod: Pod, kind: str = "MODIFIED") -> Pod:
        self._version += 1
        pod["metadata"]["resourceVersion"] = self.version
        self._changes.append((self._version, kind, copy.deepcopy(pod)))
        self._changed_at.notify_all()
        return copy.deepcopy(pod)
