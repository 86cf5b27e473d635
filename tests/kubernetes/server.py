"""An HTTP double of the Kubernetes API server that runs each pod's command as a process.

`ApiServer`, here, is what a test starts: HTTP on loopback, the requests that pods need, everything recorded. `store`
holds the objects it serves, `admission` refuses what a real API server would refuse, `kubelet` turns pods into
processes, `faults` is what can be made to go wrong, `pod_security` says which rules of the restricted profile a pod
breaks.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.kubernetes.admission import admit
from tests.kubernetes.environment import Bundles
from tests.kubernetes.errors import ApiError, invalid
from tests.kubernetes.faults import Faults
from tests.kubernetes.images import Registry
from tests.kubernetes.kubelet import Kubelet, Node
from tests.kubernetes.store import Pod, Store

Body = dict[str, Any]
Query = dict[str, str]

VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"}
PODS = r"/api/v1/namespaces/(?P<namespace>[^/]+)/pods"
POD = PODS + r"/(?P<name>[^/]+)"
PATCH_TYPES = ("application/merge-patch+json", "application/strategic-merge-patch+json")


@dataclass(frozen=True)
class Request:
    """A request that was answered."""

    method: str
    path: str
    query: Mapping[str, str]
    code: int


class ApiServer:
    """A Kubernetes API server for tests; a context manager, listening from enter to exit.

    Attributes:
        store: pods and events; `store.created` has every pod as it was posted.
        faults: what shall go wrong.
        requests: every request answered, in order.
        service_accounts: those that there are in every namespace; None: whichever a pod names.
    """

    def __init__(
        self,
        images: Registry,
        directory: Path,
        secrets_by_name: Bundles | None = None,
        config_maps: Bundles | None = None,
    ) -> None:
        """Bind a free port on loopback.

        Args:
            images: gives the image that a reference stands for.
            directory: for the files of pods.
            secrets_by_name: the secrets that pods can refer to.
            config_maps: the config maps that pods can refer to.
        """
        self.store = Store()
        self.faults = Faults()
        self.requests: list[Request] = []
        self.service_accounts: frozenset[str] | None = None
        self.token = secrets.token_urlsafe()
        self._kubelet = Kubelet(
            self.store, self.faults, Node(images, directory, secrets_by_name or {}, config_maps or {})
        )
        self._http = _HttpServer(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._routes: list[tuple[str, str, Callable[..., Body | Iterator[bytes]]]] = [
            ("GET", r"/version", lambda **_: VERSION),
            ("GET", r"/api/v1/pods", self._list_pods),
            ("GET", PODS, self._list_pods),
            ("POST", PODS, self._create_pod),
            ("GET", POD, self._get_pod),
            ("PATCH", POD, self._patch_pod),
            ("DELETE", POD, self._delete_pod),
            ("GET", POD + "/log", self._read_log),
            ("GET", r"/api/v1/namespaces/(?P<namespace>[^/]+)/events", self._list_events),
        ]

    def __enter__(self) -> ApiServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kubelet.close()
        self.store.close()
        self._http.shutdown()
        self._http.close_connections()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def kubeconfig(self, namespace: str = "default") -> Body:
        """A kubeconfig that leads a client here, with the token that requests must carry."""
        context = {"cluster": "double", "user": "double", "namespace": namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "double", "cluster": {"server": self.url}}],
            "users": [{"name": "double", "user": {"token": self.token}}],
            "contexts": [{"name": "double", "context": context}],
            "current-context": "double",
        }

    def answer(self, method: str, path: str, query: Query, content_type: str, body: bytes) -> Body | Iterator[bytes]:
        """The object, or for logs the stream, that answers a request.

        Raises:
            ApiError: the request is refused.
        """
        for verb, pattern, handler in self._routes:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                if method == "PATCH" and content_type not in PATCH_TYPES:
                    raise ApiError(415, "UnsupportedMediaType", f"expected a merge patch, got {content_type}")
                arguments = match.groupdict()
                if method in ("POST", "PATCH", "DELETE"):
                    arguments["body"] = _parse(body)
                return handler(**arguments, query=query)
        raise ApiError(404, "NotFound", f"the server could not find the requested resource: {method} {path}")

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """The API server is away: whoever is connected is cut off, and nobody gets an answer; pods go on."""
        self._http.is_away = True
        self._http.close_connections()
        try:
            yield
        finally:
            self._http.is_away = False

    def cut(self) -> None:
        """Cut every connection once, as a load balancer does that is replaced."""
        self._http.close_connections()

    def _list_pods(self, query: Query, namespace: str | None = None) -> Body | Iterator[bytes]:
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        if query.get("watch", "").lower() in ("true", "1"):
            version, seconds = int(query.get("resourceVersion") or 0), float(query.get("timeoutSeconds", 300))
            events = self.store.changes(namespace, labels, fields, version, seconds)
            return (json.dumps(event).encode() + b"\n" for event in events)
        return self._list_of("PodList", self.store.select(namespace, labels, fields))

    def _create_pod(self, namespace: str, query: Query, body: Body) -> Body:
        admit(body, namespace)
        account = body["spec"].get("serviceAccountName", "default")
        if self.service_accounts is not None and account not in self.service_accounts:
            why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            raise ApiError(403, "Forbidden", f'pods "{body["metadata"]["name"]}" is forbidden: {why}')
        _refuse_what_is_not_run(body)
        pod = self.store.create(namespace, body)
        self._kubelet.start(pod)
        return _typed(pod)

    def _get_pod(self, namespace: str, name: str, query: Query) -> Body:
        return _typed(self.store.get(namespace, name))

    def _patch_pod(self, namespace: str, name: str, query: Query, body: Body) -> Body:
        return _typed(self.store.patch_metadata(namespace, name, body))

    def _delete_pod(self, namespace: str, name: str, query: Query, body: Body) -> Body:
        grace = query.get("gracePeriodSeconds", body.get("gracePeriodSeconds"))
        pod = self.store.get(namespace, name)
        return _typed(self._kubelet.delete(pod, None if grace is None else float(grace)))

    def _read_log(self, namespace: str, name: str, query: Query) -> Iterator[bytes]:
        log = self._kubelet.log(self.store.get(namespace, name), query.get("container", ""))
        return log.read(
            follow=query.get("follow", "").lower() == "true",
            timestamps=query.get("timestamps", "").lower() == "true",
            since_seconds=int(query["sinceSeconds"]) if "sinceSeconds" in query else None,
            tail_lines=int(query["tailLines"]) if "tailLines" in query else None,
        )

    def _list_events(self, namespace: str, query: Query) -> Body:
        _refuse_watch(query, "events")
        events = self.store.events(namespace, query.get("fieldSelector", ""))
        return self._list_of("EventList", events)

    def _list_of(self, kind: str, items: list[Body]) -> Body:
        metadata = {"resourceVersion": self.store.version}
        return {"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items}


class _HttpServer(ThreadingHTTPServer):
    """Joins its threads on close, after cutting the connections that clients keep alive."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, api: ApiServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api
        self.is_away = False
        self._connections: set[socket.socket] = set()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return not self.is_away

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # its client was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815 - the base class fixes the names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class fixes the name
        """Requests are recorded, not printed."""

    def _handle(self) -> None:
        api, url = self.server.api, urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        retry_after: int | None = None
        try:
            if fault := api.faults.of_request(self.command, self.path):
                error, retry_after = fault
                raise error
            if self.headers.get("Authorization") != f"Bearer {api.token}":
                raise ApiError(401, "Unauthorized", "Unauthorized")
            content_type = self.headers.get("Content-Type", "").partition(";")[0]
            answer = api.answer(self.command, url.path, query, content_type, body)
            code = 201 if self.command == "POST" else 200
        except ApiError as error:
            answer, code = error.status(), error.code
        api.requests.append(Request(self.command, url.path, query, code))
        try:
            if isinstance(answer, dict):
                self._send_object(code, answer, retry_after)
            else:
                self._send_stream(answer)
        except ConnectionError:
            self.close_connection = True  # the client stopped listening, as one that follows a log may

    def _send_object(self, code: int, answer: Body, retry_after: int | None) -> None:
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(content)

    def _send_stream(self, parts: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


def _parse(body: bytes) -> Body:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError(400, "BadRequest", f"the body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ApiError(400, "BadRequest", "the body is not a JSON object")
    return parsed


def _typed(pod: Pod) -> Body:
    return {"kind": "Pod", "apiVersion": "v1", **pod}


def _refuse_watch(query: Query, what: str) -> None:
    """The double serves watches of pods alone."""
    if query.get("watch", "").lower() in ("true", "1"):
        raise ApiError(403, "Forbidden", f'{what} is forbidden: User "double" cannot watch resource "{what}"')


def _refuse_what_is_not_run(pod: Pod) -> None:
    spec = pod["spec"]
    if len(spec["containers"]) != 1 or spec.get("initContainers") or spec.get("restartPolicy") != "Never":
        why = "spec: this double runs pods of one container that are never restarted"
        raise invalid(pod["metadata"]["name"], why)
