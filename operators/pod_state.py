"""What the status of a pod says about its stage: pure functions of the JSON that the API answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operators.failures import Ended
from operators.local import readable

_DEADLINE = "DeadlineExceeded"  # of a pod that reached its activeDeadlineSeconds
_OUT_OF_MEMORY = "OOMKilled"
_SAYS_NOTHING = frozenset({None, "", "Error", "Completed"})  # reasons that the exit code has said already
_TERMINAL = frozenset({"Succeeded", "Failed"})
# The kubelet goes on trying, but a person has to see it soon: the try fails, and the next one has a new pod.
_HOPELESS = frozenset(
    {
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "CreateContainerConfigError",
        "CreateContainerError",
    }
)


@dataclass(frozen=True)
class PodState:
    """How far a pod has come.

    `started` is set once its container runs or ran; `ended` says how it ended. Before that, `hindered` is the sentence
    that says what it waits for, as far as the cluster says so, and `hopeless` that waiting is of no use. A pod that is
    `ending` has been given up by the cluster while its container is still at work.
    """

    started: bool
    ended: Ended | None = None
    hindered: str = ""
    hopeless: bool = False
    ending: bool = False


def state_of(pod: Mapping[str, Any], container: str) -> PodState:
    """The state of `pod`, whose stage runs in `container`."""
    status = pod.get("status") or {}
    state = _container_state(status, container)
    terminal = status.get("phase") in _TERMINAL
    if "terminated" in state or (terminal and "running" not in state):
        return PodState(started=True, ended=_end(status, state.get("terminated")))
    if "running" in state:
        return PodState(started=True, ending=terminal)
    waiting = state.get("waiting") or {}
    sentence = _joined(waiting.get("reason"), waiting.get("message")) if waiting.get("message") else ""
    return PodState(
        started=False,
        hindered=sentence or _unscheduled(status),
        hopeless=waiting.get("reason") in _HOPELESS,
    )


def gone(name: str) -> Ended:
    """How a pod ended that is not there any more."""
    return Ended(None, f"pod {name} is gone from the cluster")


def given_up(pod: Mapping[str, Any]) -> Ended:
    """How a pod ended that the cluster gave up, while nothing more is heard of its container."""
    return _end(pod.get("status") or {}, None)


def _container_state(status: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    for each in status.get("containerStatuses") or []:
        if each.get("name") == container:
            return {name: value for name, value in (each.get("state") or {}).items() if value is not None}
    return {}


def _end(status: Mapping[str, Any], terminated: Mapping[str, Any] | None) -> Ended:
    """How it ended: the pod's own reason (evicted, at its deadline), the container's, and what the stage said last."""
    said = terminated or {}
    reason = None if said.get("reason") in _SAYS_NOTHING else said.get("reason")
    parts = [
        _joined(status.get("reason"), status.get("message")),
        _joined(reason, _last_line(said.get("message") or "")),
    ]
    return Ended(
        said.get("exitCode"),
        ". ".join(part.rstrip(". ") for part in parts if part),
        late=status.get("reason") == _DEADLINE,
        out_of_memory=said.get("reason") == _OUT_OF_MEMORY,
    )


def _unscheduled(status: Mapping[str, Any]) -> str:
    """What the scheduler says about a pod for which it has found no node."""
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _joined(condition.get("reason"), condition.get("message"))
    return ""


def _joined(reason: str | None, message: str | None) -> str:
    return ": ".join(" ".join(part.split()) for part in (reason, message) if part and part.strip())


def _last_line(text: str) -> str:
    """The last line. Of a log, with which the kubelet fills in for a message nobody wrote, it is as people read it."""
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    return readable(last)[1].partition("\n")[0]
