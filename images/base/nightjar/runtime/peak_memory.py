"""How much memory this process has taken at the most."""

import re
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_memory_bytes(status: Path = _STATUS) -> int | None:
    """The most resident memory that this process has had since it was started, in bytes; None where nobody says.

    The kernel's `VmHWM`: what `getrusage` says begins with the memory of the process that this one was forked from.
    """
    try:
        told = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(told[1]) * 1024 if told else None
