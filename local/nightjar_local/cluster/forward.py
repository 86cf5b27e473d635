"""Ports of pods on loopback, through the API server: nothing else of the cluster need be reachable from here."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward
from websocket import WebSocketException

from nightjar_local.cluster.kube import Kubernetes

CHUNK = 65_536
_PROXY = "Kubernetes port forward proxy"  # how the client names the thread of a connection


@contextlib.contextmanager
def forwarded(kubernetes: Kubernetes, namespace: str, pod: str, port: int) -> Iterator[int]:
    """A port on loopback whose connections lead to `port` of the pod; it is gone on the way out."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    forward = _Forward(kubernetes, namespace, pod, port, listener)
    thread = threading.Thread(target=forward.accept, name=f"port {port} of {pod}", daemon=True)
    thread.start()
    with _quiet_proxies():
        try:
            yield int(listener.getsockname()[1])
        finally:
            forward.close()
            thread.join(timeout=5)


@contextlib.contextmanager
def _quiet_proxies() -> Iterator[None]:
    """Within it, a connection that ends is no traceback: the client's own thread dies of it, and the caller sees it.

    So it is with each look at a server that is not started yet.
    """
    before = threading.excepthook

    def hook(died: threading.ExceptHookArgs) -> None:
        of_a_proxy = died.thread is not None and died.thread.name.startswith(_PROXY)
        if not (of_a_proxy and isinstance(died.exc_value, OSError)):
            before(died)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


class _Forward:
    """One connection to the API server for each that is accepted, as `kubectl port-forward` does it."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, pod: str, port: int, listener: socket.socket) -> None:
        self._kubernetes, self._namespace, self._pod, self._port = kubernetes, namespace, pod, port
        self._listener = listener
        self._is_closed = False

    def accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        # A plain close does not wake who waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, caller: socket.socket) -> None:
        with contextlib.closing(caller):
            try:
                stream = self._open()
            # AttributeError: of the client, which wants to decode the body of an answer that never came.
            except (ApiException, WebSocketException, OSError, AttributeError):
                return  # the caller sees a closed connection, as from a server that is being started again
            with contextlib.closing(stream):
                self._pump(caller, stream.socket(self._port))

    def _open(self) -> Any:
        core = client.CoreV1Api(self._kubernetes.new_client())
        method = core.connect_get_namespaced_pod_portforward
        return portforward(method, self._pod, self._namespace, ports=str(self._port))

    def _pump(self, caller: socket.socket, pod: Any) -> None:
        pod.setblocking(True)
        with selectors.DefaultSelector() as ready:
            ready.register(caller, selectors.EVENT_READ, (caller, pod))
            ready.register(pod, selectors.EVENT_READ, (pod, caller))
            while not self._is_closed:
                for key, _ in ready.select(timeout=1):
                    readable, other = key.data
                    try:
                        data = readable.recv(CHUNK)
                        other.sendall(data)
                    except OSError:
                        return
                    if not data:
                        return
