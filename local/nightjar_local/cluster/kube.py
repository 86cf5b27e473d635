"""The few calls of a Kubernetes API that the test of a cluster makes: plain objects by path, over any kubeconfig."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from nightjar_local.processes import LocalError

Body = dict[str, Any]
SECONDS = 30  # that a call may take
HTTP_NOT_FOUND = 404
HTTP_CONFLICT = 409
# Where the objects of each kind are; those without a namespace have their collection below the group itself.
PLACES = {
    "Namespace": ("/api/v1", "namespaces", False),
    "Pod": ("/api/v1", "pods", True),
    "Secret": ("/api/v1", "secrets", True),
    "ConfigMap": ("/api/v1", "configmaps", True),
    "Endpoints": ("/api/v1", "endpoints", True),
    "Event": ("/api/v1", "events", True),
    "Node": ("/api/v1", "nodes", False),
    "Service": ("/api/v1", "services", True),
    "ServiceAccount": ("/api/v1", "serviceaccounts", True),
    "Job": ("/apis/batch/v1", "jobs", True),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", True),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "PriorityClass": ("/apis/scheduling.k8s.io/v1", "priorityclasses", False),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies", True),
    "SelfSubjectAccessReview": ("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", False),
}


class KubernetesError(LocalError):
    """The API server refused a call; `code` is its HTTP status, 0 where it did not answer."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Kubernetes:
    """A client of one cluster. Every method raises KubernetesError on refusal."""

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        """Raises LocalError if the file is no kubeconfig. Nothing is called yet."""
        self.kubeconfig, self.context = kubeconfig, context
        self._client = self.new_client()

    def new_client(self) -> client.ApiClient:
        """A client library's client of its own, for streams, which change the client that they are made with."""
        try:
            return config.new_client_from_config(str(self.kubeconfig), self.context, persist_config=False)
        except (ConfigException, OSError, yaml.YAMLError) as error:
            raise LocalError(f"KUBECONFIG={self.kubeconfig}: expected a kubeconfig: {error}") from None

    @property
    def server(self) -> str:
        """The address of the API server."""
        return str(self._client.configuration.host)

    def call(self, method: str, path: str, body: Body | None = None, query: Mapping[str, str] | None = None) -> Body:
        """The answer to a call, as JSON."""
        return dict(json.loads(self._send(method, path, body, query) or "{}"))

    def get(self, kind: str, name: str, namespace: str | None = None) -> Body | None:
        """An object, or None if there is none."""
        try:
            return self.call("GET", f"{collection(kind, namespace)}/{name}")
        except KubernetesError as error:
            if error.code == HTTP_NOT_FOUND:
                return None
            raise

    def list(self, kind: str, namespace: str | None = None, labels: str = "") -> Iterator[Body]:
        """The objects of a kind, of all namespaces if none is given."""
        query = {"labelSelector": labels} if labels else {}
        yield from self.call("GET", collection(kind, namespace), query=query)["items"]

    def create(self, body: Body) -> Body:
        """Make an object, in the namespace that it names."""
        return self.call("POST", collection(str(body["kind"]), body["metadata"].get("namespace")), body)

    def delete(self, kind: str, name: str, namespace: str | None = None, *, grace: int | None = None) -> bool:
        """Delete an object; returns whether it was there. `grace` are the seconds that a pod has to end."""
        body: Body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        try:
            grace_too = body if grace is None else {**body, "gracePeriodSeconds": grace}
            self.call("DELETE", f"{collection(kind, namespace)}/{name}", grace_too)
        except KubernetesError as error:
            if error.code == HTTP_NOT_FOUND:
                return False
            raise
        return True

    def log(self, namespace: str, pod: str, container: str | None = None) -> str:
        """The log of a container, or of the only one."""
        path = f"{collection('Pod', namespace)}/{pod}/log"
        return self._send("GET", path, None, {"container": container} if container else {})

    def may(self, verb: str, resource: str, group: str = "", namespace: str | None = None) -> bool:
        """Whether the caller may do this, as the API server itself says. `resource` may be `pods/log`."""
        name, _, part = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": name, "subresource": part, "namespace": namespace or ""}
        review: Body = {
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": {"resourceAttributes": attributes},
        }
        return bool(self.create(review)["status"]["allowed"])

    def _send(self, method: str, path: str, body: Body | None, query: Mapping[str, str] | None) -> str:
        try:
            answer = self._client.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json, */*", "Content-Type": "application/json"},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=SECONDS,
            )
        except ApiException as error:
            raise KubernetesError(f"{method} {path}: {_reason(error)}", int(error.status or 0)) from None
        except urllib3.exceptions.HTTPError as error:
            raise KubernetesError(f"{self.server} did not answer {method} {path}: {error}", 0) from None
        return bytes(answer.data).decode(errors="replace")


def collection(kind: str, namespace: str | None = None) -> str:
    """The path of the objects of a kind, in one namespace or in all."""
    group, plural, in_namespace = PLACES[kind]
    return f"{group}/namespaces/{namespace}/{plural}" if in_namespace and namespace else f"{group}/{plural}"


def _reason(error: ApiException) -> str:
    """The sentence of the API server, or what else it answered."""
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"
