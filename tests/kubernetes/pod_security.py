"""The restricted Pod Security Standard: which of its rules a pod breaks.

The rules are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/ for Linux pods: the whole of
the baseline profile and what restricted adds to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

VOLUME_TYPES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
SECCOMP_TYPES = frozenset({"RuntimeDefault", "Localhost"})
SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("httpGet", "tcpSocket")

Object = Mapping[str, Any]


def restricted_violations(pod: Object) -> list[str]:
    """The rules of the restricted profile that `pod` (as JSON) breaks, one sentence each; empty if none."""
    spec = pod["spec"]
    context = spec.get("securityContext") or {}
    violations = [*_pod_violations(spec, context)]
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind) or []:
            violations += (f"{kind}[{container['name']}]: {why}" for why in _container_violations(container, context))
    return violations


def _pod_violations(spec: Object, context: Object) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"spec.{field} must not be true"
    for volume in spec.get("volumes") or []:
        for kind in sorted(set(volume) - {"name"} - VOLUME_TYPES):
            yield f"spec.volumes[{volume['name']}]: volume type {kind} is not allowed"
    for sysctl in context.get("sysctls") or []:
        if sysctl["name"] not in SAFE_SYSCTLS:
            yield f"spec.securityContext.sysctls: {sysctl['name']} is not safe"
    if context.get("runAsNonRoot") is False:
        yield "spec.securityContext.runAsNonRoot must not be false"
    yield from (f"spec.securityContext.{why}" for why in _identity_violations(context))


def _container_violations(container: Object, pod_context: Object) -> Iterator[str]:
    context = container.get("securityContext") or {}
    if context.get("privileged"):
        yield "privileged must not be true"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation must be false"
    if not context.get("runAsNonRoot", pod_context.get("runAsNonRoot")):
        yield "runAsNonRoot must be true, here or for the pod"
    if not (context.get("seccompProfile") or pod_context.get("seccompProfile")):
        yield "seccompProfile must be set, here or for the pod"
    capabilities = context.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or []):
        yield "capabilities.drop must contain ALL"
    for added in capabilities.get("add") or []:
        if added != "NET_BIND_SERVICE":
            yield f"capabilities.add must not contain {added}"
    if context.get("procMount", "Default") != "Default":
        yield "procMount must be Default"
    for port in container.get("ports") or []:
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']} is not allowed"
    yield from _identity_violations(context)
    yield from _host_address_violations(container)


def _identity_violations(context: Object) -> Iterator[str]:
    """Rules that hold alike for the security context of a pod and of a container."""
    if context.get("runAsUser") == 0:
        yield "runAsUser must not be 0"
    seccomp = context.get("seccompProfile")
    if seccomp and seccomp.get("type") not in SECCOMP_TYPES:
        yield f"seccompProfile.type must not be {seccomp.get('type')}"
    if (context.get("appArmorProfile") or {}).get("type", "RuntimeDefault") not in SECCOMP_TYPES:
        yield f"appArmorProfile.type must not be {context['appArmorProfile']['type']}"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions must not set a user, a role or an unknown type"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "windowsOptions.hostProcess must not be true"


def _host_address_violations(container: Object) -> Iterator[str]:
    """Probes and hooks must not name a host: the kubelet would call it from the node's network."""
    lifecycle = container.get("lifecycle") or {}
    handlers = {probe: container.get(probe) for probe in PROBES}
    handlers |= {f"lifecycle.{hook}": lifecycle.get(hook) for hook in ("postStart", "preStop")}
    for where, handler in handlers.items():
        for kind in HANDLERS:
            if ((handler or {}).get(kind) or {}).get("host"):
                yield f"{where}.{kind}.host must not be set"
