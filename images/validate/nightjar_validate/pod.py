"""How many decoders fit into the pod that validate runs in."""

import math
import os
from pathlib import Path

from nightjar.settings.validate import ValidateSettings

# Of the pod's memory, what this process keeps for itself and for footage on its way.
_OWN_BYTES = 256 << 20
_CGROUP = Path("/sys/fs/cgroup")  # version 2, as the pod sees it


def pod_limit(name: str, cgroup: Path = _CGROUP) -> list[int] | None:
    """The numbers in one of the pod's cgroup files; None where there is no limit."""
    try:
        words = (cgroup / name).read_text().split()
    except OSError:
        return None
    return None if not words or words[0] == "max" else [int(word) for word in words]


def _pod_cpus() -> float:
    """CPUs that the pod may use: a limit in Kubernetes is a quota, and leaves all CPUs of the node in sight."""
    quota = pod_limit("cpu.max")
    seen = len(os.sched_getaffinity(0))
    return min(seen, quota[0] / quota[1]) if quota else seen


def decoder_count(settings: ValidateSettings) -> int:
    """How many decoders to keep: as many as set, or as CPUs and memory of the pod allow."""
    if settings.decoders:
        return settings.decoders
    memory = pod_limit("memory.max")
    room = math.inf if memory is None else (memory[0] - _OWN_BYTES) // (settings.decoder_mebibytes << 20)
    return max(1, int(min(_pod_cpus(), room)))
