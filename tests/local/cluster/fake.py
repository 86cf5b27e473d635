"""A cluster in memory: plain objects by path, answered as an API server answers them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nightjar_local.cluster import objects
from nightjar_local.cluster.kube import HTTP_CONFLICT, HTTP_NOT_FOUND, Kubernetes, KubernetesError

Body = dict[str, Any]
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: fake, cluster: {server: "https://fake.example.com"}}]
users: [{name: fake, user: {token: none}}]
contexts: [{name: fake, context: {cluster: fake, user: fake}}]
current-context: fake
"""


def good_pod(name: str = "p", uid: str = "1", run: str = "r", stage: str = "detect") -> Body:
    """A pod of a stage that keeps every rule."""
    container = {
        "name": "base",
        "image": f"r/{stage}:1",
        "resources": {"limits": {"memory": "1Gi"}},
        "securityContext": objects.SECURITY,
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsUser": objects.UID},
        "containers": [container],
    }
    labels = {"nightjar/stage": stage, "nightjar/run": run, "nightjar/shard": "s"}
    return {
        "metadata": {"name": name, "uid": uid, "labels": labels},
        "spec": spec,
        "status": {"phase": "Running"},
    }


class FakeKubernetes(Kubernetes):
    """The client with its calls answered from `objects`, by path.

    Attributes:
        refused: `<verb> <resource>`, what the caller may not do.
        calls: every call, `<METHOD> <path>`.
    """

    def __init__(self, folder: Path) -> None:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(KUBECONFIG)
        super().__init__(kubeconfig)
        self.objects: dict[str, Body] = {}
        self.refused: set[str] = set()
        self.calls: list[str] = []

    def _send(self, method: str, path: str, body: Body | None, query: Mapping[str, str] | None) -> str:
        self.calls.append(f"{method} {path}")
        if path.endswith("/selfsubjectaccessreviews"):
            assert body is not None
            return json.dumps({"status": {"allowed": not self._refuses(body["spec"]["resourceAttributes"])}})
        if method == "POST":
            return self._create(path, body or {})
        if method == "DELETE":
            self._find(path)
            self.objects = {
                each: found for each, found in self.objects.items() if not f"{each}/".startswith(f"{path}/")
            }
            return "{}"
        if path in self.objects:
            return json.dumps(self.objects[path])
        if path.rsplit("/", 1)[1].isalpha() and path.rsplit("/", 1)[1].endswith("s"):
            return json.dumps({"items": [found for each, found in list(self.objects.items()) if _is_in(each, path)]})
        return json.dumps(self._find(path))

    def _create(self, path: str, body: Body) -> str:
        whole = f"{path}/{body['metadata']['name']}"
        if whole in self.objects:
            raise KubernetesError(f"{whole} is there already", HTTP_CONFLICT)
        self.objects[whole] = copy.deepcopy(body)
        return json.dumps(body)

    def _find(self, path: str) -> Body:
        if path not in self.objects:
            raise KubernetesError(f"{path} was not found", HTTP_NOT_FOUND)
        return self.objects[path]

    def _refuses(self, asked: Mapping[str, str]) -> bool:
        part = f"/{asked['subresource']}" if asked["subresource"] else ""
        return f"{asked['verb']} {asked['resource']}{part}" in self.refused


def _is_in(whole: str, collection: str) -> bool:
    """Whether an object is in a collection: that of a namespace, or that of all namespaces."""
    group, _, plural = collection.rpartition("/")
    within = rf"{re.escape(group)}(/namespaces/[^/]+)?/{plural}/[^/]+"
    return re.fullmatch(within, whole) is not None
