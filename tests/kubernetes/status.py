"""The `status` of a pod at each step of its life, in the shapes that a real kubelet reports."""

from __future__ import annotations

from typing import Any

from tests.kubernetes.store import Pod, now

POD_CONDITIONS = ("PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready")


def set_scheduled(pod: Pod) -> None:
    """A node was found; the container is being created."""
    pod["spec"]["nodeName"] = "double"
    pod["status"] |= {"hostIP": "127.0.0.1", "startTime": now()}
    _set_conditions(pod, {"PodScheduled": True, "Initialized": True})
    _set_container(pod, {"waiting": {"reason": "ContainerCreating"}})


def set_unschedulable(pod: Pod, sentence: str) -> None:
    """No node was found: the scheduler says why, and no kubelet says anything."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": sentence}
    pod["status"]["conditions"] = [condition | {"lastTransitionTime": now()}]


def set_waiting(pod: Pod, reason: str, message: str) -> None:
    """The container cannot be started for now, for example ErrImagePull."""
    _set_container(pod, {"waiting": {"reason": reason, "message": message}})


def set_running(pod: Pod) -> None:
    """The container's process was started."""
    pod["status"] |= {"phase": "Running", "podIP": "127.0.0.1"}
    _set_conditions(pod, dict.fromkeys(POD_CONDITIONS, True))
    _set_container(pod, {"running": {"startedAt": now()}})


def set_terminated(pod: Pod, exit_code: int, reason: str, message: str) -> None:
    """The container ended; the pod with it, for pods here are never restarted."""
    state = (pod["status"].get("containerStatuses") or [{}])[0].get("state", {})
    terminated = {
        "exitCode": exit_code,
        "reason": reason,
        "startedAt": state.get("running", {}).get("startedAt", now()),
        "finishedAt": now(),
        "containerID": f"process://{pod['metadata']['uid']}",
    }
    if message:
        terminated["message"] = message
    pod["status"]["phase"] = "Succeeded" if exit_code == 0 else "Failed"
    _set_conditions(pod, {"PodScheduled": True, "Initialized": True})
    _set_container(pod, {"terminated": terminated})


def set_failed(pod: Pod, reason: str, message: str) -> None:
    """The pod as a whole failed, for example Evicted, whatever its container did."""
    pod["status"] |= {"phase": "Failed", "reason": reason, "message": message}


def is_terminal(pod: Pod) -> bool:
    """Whether the pod has ended for good."""
    return pod["status"]["phase"] in ("Succeeded", "Failed")


def _set_container(pod: Pod, state: dict[str, Any]) -> None:
    container = pod["spec"]["containers"][0]
    pod["status"]["containerStatuses"] = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"] if "waiting" not in state else "",
            "ready": "running" in state,
            "started": "running" in state,
            "restartCount": 0,
            "state": state,
            "lastState": {},
        }
    ]


def _set_conditions(pod: Pod, true: dict[str, bool]) -> None:
    pod["status"]["conditions"] = [
        {"type": kind, "status": "True" if true.get(kind) else "False", "lastTransitionTime": now()}
        for kind in POD_CONDITIONS
    ]
