"""How many decoders fit into the pod that validate runs in.

A limit of Kubernetes is a limit of the pod's cgroup, and leaves all CPUs and all memory of the node in sight. Where it
stands depends on the node: version 2 has `memory.max` and `cpu.max`, version 1 a folder for each controller.
"""

import math
import os
from pathlib import Path

from nightjar.settings.validate import ValidateSettings

# Of the pod's memory, what this process keeps for itself and for footage on its way.
_OWN_BYTES = 256 << 20
_CGROUP = Path("/sys/fs/cgroup")  # as the pod sees it
# Version 1 says "no limit" by the largest number of whole pages: what no machine has is no limit.
_NO_LIMIT_BYTES = 1 << 60


def memory_limit(cgroup: Path = _CGROUP) -> int | None:
    """The pod's memory limit in bytes; None where there is none."""
    limits = [*_numbers(cgroup / "memory.max"), *_numbers(cgroup / "memory" / "memory.limit_in_bytes")]
    return min((limit for limit in limits if limit < _NO_LIMIT_BYTES), default=None)


def cpu_limit(cgroup: Path = _CGROUP) -> float | None:
    """The CPUs that the pod may use, such as 1.5; None where there is no limit."""
    old = cgroup / "cpu"
    for words in (
        _numbers(cgroup / "cpu.max"),
        [*_numbers(old / "cpu.cfs_quota_us"), *_numbers(old / "cpu.cfs_period_us")],
    ):
        if len(words) == 2 and min(words) > 0:  # version 1 has the quota -1 for no limit
            return words[0] / words[1]
    return None


def _numbers(file: Path) -> list[int]:
    """The numbers in one of the cgroup's files; none where it is missing, or says `max`, or is not understood."""
    try:
        return [int(word) for word in file.read_text().split()]
    except (OSError, ValueError):
        return []


def decoder_count(settings: ValidateSettings, cgroup: Path = _CGROUP) -> int:
    """How many decoders to keep: as many as set, or as CPUs and memory of the pod allow."""
    if settings.decoders:
        return settings.decoders
    memory, cpus = memory_limit(cgroup), cpu_limit(cgroup)
    room = math.inf if memory is None else (memory - _OWN_BYTES) // (settings.decoder_mebibytes << 20)
    seen = len(os.sched_getaffinity(0))
    return max(1, int(min(seen, math.inf if cpus is None else cpus, room)))
