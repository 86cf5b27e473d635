"""The folder of a deployment that is thrown away."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from nightjar_local import settings
from nightjar_local.processes import LocalError
from nightjar_local.supervision import Supervisor

SETTINGS = "settings.json"


@contextlib.contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Have the folder alone, fresh, and with nothing running that an earlier, killed use of it left behind.

    Raises LocalError while it is in use.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(f"another one runs in {directory}; wait for it, or stop it") from None
        left = settings.load(directory / SETTINGS)
        Supervisor(directory).stop(left.token if left else None)
        shutil.rmtree(directory, ignore_errors=True)
        yield
