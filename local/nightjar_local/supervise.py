"""supervisord over the deployment in a folder: `python -m nightjar_local.supervise <directory> [--with-parent]`.

With `--with-parent` it stops, and everything with it, when the process that started it is gone.
"""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
from supervisor import supervisord

from nightjar_local import journal
from nightjar_local.keeper import PR_SET_PDEATHSIG, prctl
from nightjar_local.settings import write_private
from nightjar_local.supervisor_config import CONFIGURATION

WITH_PARENT = "--with-parent"
RUNNING = "running.json"  # there as long as the supervisor is: who it is


def main(arguments: list[str]) -> None:
    """Supervise until SIGTERM."""
    directory = Path(arguments[0]).absolute()
    if WITH_PARENT in arguments:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.chdir(directory)
    own = psutil.Process()
    write_private(directory / RUNNING, json.dumps({"pid": own.pid, "created": own.create_time()}) + "\n")
    journal.append(journal.journal_file(directory), journal.SUPERVISOR, "started")
    supervisord.main(["--configuration", CONFIGURATION])
    journal.append(journal.journal_file(directory), journal.SUPERVISOR, "stopped")


if __name__ == "__main__":
    main(sys.argv[1:])
