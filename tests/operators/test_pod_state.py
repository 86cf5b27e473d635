"""The status of a pod in words: how it ended, what it waits for."""

from typing import Any

import pytest

from operators.failures import Ended
from operators.pod_state import PodState, state_of

UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available:\n 1 Insufficient memory.",
}


def pod(phase: str, state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    statuses = [{"name": "sidecar", "state": {"running": {}}}, {"name": "base", "state": state or {}}]
    return {"status": {"phase": phase, "containerStatuses": statuses} | status}


def terminated(code: int, reason: str | None = None, message: str | None = None) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


# As a real kubelet fills in the message of a stage that could not write its own, with the end of its log.
LINE_OF_LOG = '{"time": "x", "level": "error", "message": "half way", "camera": "alice-porch", "traceback": "a\\nb"}'


@pytest.mark.parametrize(
    ("given", "ended"),
    [
        (pod("Succeeded", terminated(0, "Completed")), Ended(0, "")),
        (pod("Running", terminated(0, "Completed")), Ended(0, "")),  # a sidecar goes on
        (pod("Failed", terminated(65, "Error", "a\nno such camera\n\n")), Ended(65, "no such camera")),
        (pod("Failed", terminated(137, "OOMKilled", "at work")), Ended(137, "OOMKilled: at work", out_of_memory=True)),
        (
            pod("Failed", terminated(137, "OOMKilled", f"{LINE_OF_LOG}\n")),
            Ended(137, "OOMKilled: half way camera=alice-porch", out_of_memory=True),
        ),
        (pod("Failed", terminated(137, "OOMKilled")), Ended(137, "OOMKilled", out_of_memory=True)),
        (pod("Failed", terminated(128, "StartError", "no python")), Ended(128, "StartError: no python")),
        (
            pod("Failed", terminated(137, "Error", "at work"), reason="Evicted", message="The node was low. "),
            Ended(137, "Evicted: The node was low. at work"),
        ),
        (
            pod("Failed", terminated(0, "Completed"), reason="DeadlineExceeded", message="Pod was active too long"),
            Ended(0, "DeadlineExceeded: Pod was active too long", late=True),
        ),
        ({"status": {"phase": "Failed", "reason": "Evicted"}}, Ended(None, "Evicted")),
        ({"status": {"phase": "Failed", "reason": "NodeLost", "containerStatuses": None}}, Ended(None, "NodeLost")),
        (pod("Failed", {"waiting": {"reason": "ContainerCreating"}}, reason="Preempting"), Ended(None, "Preempting")),
    ],
)
def test_ends(given: dict[str, Any], ended: Ended) -> None:
    assert state_of(given, "base") == PodState(started=True, ended=ended)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, PodState(started=False)),
        ({"status": {"phase": "Pending"}}, PodState(started=False)),
        (
            {"status": {"phase": "Pending", "conditions": [UNSCHEDULABLE]}},
            PodState(started=False, hindered="Unschedulable: 0/1 nodes are available: 1 Insufficient memory."),
        ),
        (
            {"status": {"phase": "Pending", "conditions": [UNSCHEDULABLE | {"status": "True"}]}},
            PodState(started=False),
        ),
        (pod("Pending", {"waiting": {"reason": "ContainerCreating"}}), PodState(started=False)),
        (
            pod("Pending", {"waiting": {"reason": "ErrImagePull", "message": "not found"}}),
            PodState(started=False, hindered="ErrImagePull: not found"),
        ),
        (
            pod("Pending", {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}),
            PodState(started=False, hindered="ImagePullBackOff: not found", hopeless=True),
        ),
        (
            pod("Pending", {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}),
            PodState(started=False, hindered='CreateContainerConfigError: secret "x" not found', hopeless=True),
        ),
        (pod("Running", {"running": {"startedAt": "x"}}), PodState(started=True)),
        (pod("Running", {"running": {}, "terminated": None}), PodState(started=True)),
        # Older kubelets say so before the container has ended, which may be finishing its work.
        (pod("Failed", {"running": {}}, reason="DeadlineExceeded"), PodState(started=True, ending=True)),
    ],
)
def test_before_the_end(given: dict[str, Any], state: PodState) -> None:
    assert state_of(given, "base") == state
