"""Watches the pods of stages while runs go on: keeps each one as last seen, and kills one when told to."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from nightjar_local.cluster.kube import KubernetesError

Body = dict[str, Any]
EVERY = 0.5  # seconds between two looks; a stage takes 2 s at least
RUN, STAGE, SHARD = (f"nightjar/{name}" for name in ("run", "stage", "shard"))


class Pods(Protocol):
    """The calls that are made of a cluster's API."""

    def list(self, kind: str, namespace: str | None = None, labels: str = "") -> Iterator[Body]:
        """The objects of a kind."""

    def delete(self, kind: str, name: str, namespace: str | None = None, *, grace: int | None = None) -> bool:
        """Delete an object."""


class Observer:
    """Sees the pods of one namespace. Times at which the API server does not answer are no failures here."""

    def __init__(self, kubernetes: Pods, namespace: str) -> None:
        self._kubernetes, self._namespace = kubernetes, namespace
        self._seen: dict[str, Body] = {}
        self._victims: Callable[[Body], bool] | None = None
        self._lock = threading.Lock()
        self._end = threading.Event()
        self.killed: Body | None = None

    @property
    def seen(self) -> list[Body]:
        """Every pod that was there at some time, as it was last seen, in the order they came."""
        with self._lock:
            return list(self._seen.values())

    def kill_first(self, victims: Callable[[Body], bool]) -> None:
        """Kill, without grace, the first pod from now on that is a victim; it is `killed` then."""
        with self._lock:
            self._victims, self.killed = victims, None

    def look(self) -> None:
        """Look once."""
        pods = list(self._kubernetes.list("Pod", self._namespace))
        with self._lock:
            for pod in pods:
                self._seen[pod["metadata"]["uid"]] = pod
            victim = next(filter(self._victims, pods), None) if self._victims else None
            if victim is None:
                return
            self._victims, self.killed = None, victim
        self._kubernetes.delete("Pod", victim["metadata"]["name"], self._namespace, grace=0)

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Within it, look twice a second."""
        thread = threading.Thread(target=self._look_on, name="pods", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join(timeout=30)

    def _look_on(self) -> None:
        while not self._end.wait(EVERY):
            with contextlib.suppress(KubernetesError):
                self.look()


def is_running(*stages: str) -> Callable[[Body], bool]:
    """Whether a pod of one of these stages runs."""
    return lambda pod: pod["status"].get("phase") == "Running" and labels(pod).get(STAGE) in stages


def labels(pod: Body) -> dict[str, str]:
    """The labels of a pod."""
    return dict(pod["metadata"].get("labels") or {})


def same_work(pod: Body, pods: list[Body]) -> list[Body]:
    """The other pods that were made for the same work: the same run, stage and shard."""
    wanted = {name: labels(pod).get(name) for name in (RUN, STAGE, SHARD)}
    uid = pod["metadata"]["uid"]
    return [
        each
        for each in pods
        if each["metadata"]["uid"] != uid
        and wanted.items() <= {RUN: None, STAGE: None, SHARD: None, **labels(each)}.items()
    ]
