"""The peak memory of a process that runs now, from /proc.

Not from rusage: what a child reports there starts at what its parent held when it was forked.
"""

import contextlib
import subprocess
import time
from pathlib import Path


def peak_mib(pid: int) -> float:
    """MiB that the process `pid` had resident at the most so far (VmHWM); 0 when it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def watch_peaks_mib(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> tuple[float, float]:
    """Wait for the process to end: the peaks of itself and of its largest child."""
    own, child = 0.0, 0.0
    while process.poll() is None:
        own = max(own, peak_mib(process.pid))
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            child = max([child, *(peak_mib(int(pid)) for pid in children)])
        time.sleep(0.01)
    return own, child
