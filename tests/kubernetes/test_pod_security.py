"""The restricted profile: one pod that keeps it, and one change a row that breaks it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.kubernetes.pod_security import restricted_violations

CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
RESTRICTED: dict[str, Any] = {
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "containers": [{"name": "base", "image": "x", "securityContext": CONTAINER}],
    }
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The restricted pod with the value at a path, as in `spec.containers.0.image`, replaced; None removes it."""
    pod = deepcopy(RESTRICTED)
    *parents, last = path.split(".")
    at: Any = pod
    for part in parents:
        at = at[int(part)] if isinstance(at, list) else at.setdefault(part, {})
    if value is None:
        del at[last]
    else:
        at[last] = value
    return pod


def test_a_restricted_pod_breaks_nothing() -> None:
    assert restricted_violations(RESTRICTED) == []


@pytest.mark.parametrize(
    ("path", "value", "violation"),
    [
        ("spec.hostNetwork", True, "hostNetwork"),
        ("spec.hostPID", True, "hostPID"),
        ("spec.hostIPC", True, "hostIPC"),
        ("spec.volumes", [{"name": "v", "hostPath": {"path": "/"}}], "hostPath"),
        ("spec.volumes", [{"name": "v", "nfs": {"server": "s", "path": "/"}}], "nfs"),
        ("spec.securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}], "kernel.msgmax"),
        ("spec.securityContext.runAsNonRoot", False, "runAsNonRoot"),
        ("spec.securityContext.runAsNonRoot", None, "runAsNonRoot"),
        ("spec.securityContext.runAsUser", 0, "runAsUser"),
        ("spec.securityContext.seccompProfile", None, "seccompProfile"),
        ("spec.securityContext.seccompProfile.type", "Unconfined", "seccompProfile"),
        ("spec.securityContext.appArmorProfile", {"type": "Unconfined"}, "appArmorProfile"),
        ("spec.securityContext.seLinuxOptions", {"type": "spc_t"}, "seLinuxOptions"),
        ("spec.securityContext.seLinuxOptions", {"user": "system_u"}, "seLinuxOptions"),
        ("spec.securityContext.windowsOptions", {"hostProcess": True}, "hostProcess"),
        ("spec.containers.0.securityContext", None, "allowPrivilegeEscalation"),
        ("spec.containers.0.securityContext.privileged", True, "privileged"),
        ("spec.containers.0.securityContext.allowPrivilegeEscalation", True, "allowPrivilegeEscalation"),
        ("spec.containers.0.securityContext.capabilities", None, "drop must contain ALL"),
        ("spec.containers.0.securityContext.capabilities.drop", ["NET_RAW"], "drop must contain ALL"),
        ("spec.containers.0.securityContext.capabilities.add", ["SYS_ADMIN"], "SYS_ADMIN"),
        ("spec.containers.0.securityContext.procMount", "Unmasked", "procMount"),
        ("spec.containers.0.securityContext.runAsNonRoot", False, "runAsNonRoot"),
        ("spec.containers.0.securityContext.runAsUser", 0, "runAsUser"),
        ("spec.containers.0.securityContext.seccompProfile", {"type": "Unconfined"}, "seccompProfile"),
        ("spec.containers.0.ports", [{"containerPort": 80, "hostPort": 80}], "hostPort"),
        ("spec.containers.0.livenessProbe", {"httpGet": {"port": 80, "host": "h"}}, "livenessProbe"),
        ("spec.containers.0.lifecycle", {"preStop": {"tcpSocket": {"port": 1, "host": "h"}}}, "preStop"),
        ("spec.initContainers", [{"name": "init", "image": "x"}], "initContainers[init]"),
        ("spec.ephemeralContainers", [{"name": "debug", "image": "x"}], "ephemeralContainers[debug]"),
    ],
)
def test_what_breaks_the_restricted_profile(path: str, value: Any, violation: str) -> None:
    violations = restricted_violations(changed(path, value))
    assert any(violation in each for each in violations), violations


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.hostNetwork", False),
        ("spec.volumes", [{"name": "v", "secret": {"secretName": "s"}}]),
        ("spec.securityContext.runAsUser", 10001),
        ("spec.securityContext.seccompProfile.type", "Localhost"),
        ("spec.securityContext.sysctls", [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]),
        ("spec.containers.0.securityContext.capabilities.add", ["NET_BIND_SERVICE"]),
        ("spec.containers.0.ports", [{"containerPort": 80}]),
        ("spec.containers.0.livenessProbe", {"httpGet": {"port": 80}}),
    ],
)
def test_what_the_restricted_profile_allows(path: str, value: Any) -> None:
    assert restricted_violations(changed(path, value)) == []
