"""Amounts of CPU and memory as Kubernetes writes them, and the room that is left on the nodes."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

Body = dict[str, Any]
_UNITS: dict[str, Decimal] = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGT", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGT", 1)},
}
ENDED = ("Succeeded", "Failed")


def amount(text: str) -> Decimal:
    """Cores or bytes; raises ValueError for a text that is no quantity."""
    number = text.rstrip("mkMGTKi")
    unit = text[len(number) :]
    if not number or unit not in _UNITS:
        raise ValueError(f"expected a quantity such as 500m or 2Gi, got {text!r}")
    return Decimal(number) * _UNITS[unit]


def takes_pods(node: Body) -> bool:
    """Whether a node is ready, and takes pods that tolerate nothing."""
    taints = node.get("spec", {}).get("taints") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", []))
    return ready and not node["spec"].get("unschedulable") and all(t["effect"] == "PreferNoSchedule" for t in taints)


def room(node: Body, pods: Iterable[Body]) -> dict[str, Decimal]:
    """CPU (cores) and memory (bytes) of a node that no pod on it has asked for."""
    free = {name: amount(str(node["status"]["allocatable"][name])) for name in ("cpu", "memory")}
    for pod in pods:
        if pod["spec"].get("nodeName") != node["metadata"]["name"] or pod["status"].get("phase") in ENDED:
            continue
        for container in pod["spec"]["containers"]:
            requests = (container.get("resources") or {}).get("requests") or {}
            for name in free:
                free[name] -= amount(str(requests.get(name, "0")))
    return free
