"""Faults on demand: some befall chosen pods, others are errors that the API answers for a while."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.kubernetes.errors import ApiError

Predicate = Callable[[dict[str, Any]], bool]
FOR_GOOD = 1_000_000


@dataclass(frozen=True)
class RunInstead:
    """The container runs another command in place of its own, in its own environment; for example `("true",)`."""

    command: tuple[str, ...]


@dataclass(frozen=True)
class SlowStart:
    """The image takes `seconds` to be pulled."""

    seconds: float


@dataclass(frozen=True)
class Vanish:
    """The pod is gone from the API `after` seconds of running, as when its node is lost; its process is killed."""

    after: float


@dataclass(frozen=True)
class OutOfMemory:
    """The kernel kills the container `after` seconds of running: exit code 137, reason OOMKilled."""

    after: float


@dataclass(frozen=True)
class Evict:
    """The node runs short `after` seconds of running: the pod fails with reason Evicted, its container is killed."""

    after: float


@dataclass(frozen=True)
class SlowLog:
    """Every line of the log reaches its reader `delay` seconds late."""

    delay: float


@dataclass(frozen=True)
class Unschedulable:
    """The scheduler finds no node for the pod, and says `sentence`, for `seconds`; None: for good."""

    sentence: str
    seconds: float | None = None


PodFault = Unschedulable | RunInstead | SlowStart | Vanish | OutOfMemory | Evict | SlowLog


@dataclass
class _Plan:
    predicate: Predicate
    faults: tuple[PodFault, ...]
    times: int | None


@dataclass
class _ApiFault:
    code: int
    times: int
    method: str
    path: re.Pattern[str]
    retry_after: int | None
    reason: str
    message: str


class Faults:
    """The faults of one API server; they can be added while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: list[_Plan] = []
        self._api: list[_ApiFault] = []

    def add(self, predicate: Predicate, *faults: PodFault, times: int | None = None) -> None:
        """Let `faults` befall the next `times` pods (None: all) for which `predicate(pod)` is true."""
        with self._lock:
            self._plans.append(_Plan(predicate, faults, times))

    def fail_requests(
        self,
        code: int,
        times: int = FOR_GOOD,
        *,
        method: str = "",
        path: str = "",
        retry_after: int | None = None,
        reason: str = "InjectedFault",
        message: str = "a fault that the test asked for",
    ) -> None:
        """Answer the next `times` requests of that method ("": any) whose path contains the regex `path` with `code`.

        The path is followed by `?` and the query. `retry_after` is sent as the header of that name, in seconds.
        """
        with self._lock:
            self._api.append(_ApiFault(code, times, method, re.compile(path), retry_after, reason, message))

    def exceed_quota(self, times: int = FOR_GOOD) -> None:
        """Refuse the next `times` pods, as admission does while a quota of the namespace is used up."""
        message = 'pods "p" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2'
        self.fail_requests(403, times, method="POST", path="/pods", reason="Forbidden", message=message)

    def forbid(self, verb: str, resource: str) -> None:
        """Take a right from the role of the client: get, list, watch, create or delete of pods, or get of pods/log."""
        method = {"create": "POST", "delete": "DELETE"}.get(verb, "GET")
        path = {"pods": r"/pods(/[^/?]+)?(\?|$)", "pods/log": r"/log(\?|$)"}[resource]
        path += "(.*&)?watch=" if verb == "watch" else ""
        name = f'{resource.partition("/")[0]} is forbidden: User "double" cannot {verb} resource "{resource}"'
        self.fail_requests(403, method=method, path=path, reason="Forbidden", message=name)

    def end(self) -> None:
        """From now on the API answers every request properly."""
        with self._lock:
            self._api.clear()

    def of_pod(self, pod: dict[str, Any]) -> list[PodFault]:
        """The faults that befall a new pod; each call counts as one of the plans' times."""
        found: list[PodFault] = []
        with self._lock:
            for plan in self._plans:
                if plan.times != 0 and plan.predicate(pod):
                    plan.times = None if plan.times is None else plan.times - 1
                    found += plan.faults
        return found

    def of_request(self, method: str, path: str) -> tuple[ApiError, int | None] | None:
        """The error and Retry-After to answer this request with, or None to answer it properly."""
        with self._lock:
            for fault in self._api:
                if fault.times > 0 and fault.method in ("", method) and fault.path.search(path):
                    fault.times -= 1
                    return ApiError(fault.code, fault.reason, fault.message), fault.retry_after
        return None
