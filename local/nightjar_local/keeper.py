"""Runs one program of a deployment, and lets nothing outlive it: `python -m nightjar_local.keeper <directory> <name>`.

It stands between the supervisor and the program, because a supervisor knows only the process that it started:

* When the program ends, for whatever reason, everything that it started ends too, however deep and in whatever session:
  what loses its parent becomes a child of the keeper. A killed scheduler leaves no worker behind that nobody asks.
* When the supervisor is killed, the keeper stops the program.
* When the keeper itself is killed, the program is killed with it, and the next keeper ends what that one had started.

It ends as the program did, by the same exit code or signal, and notes both ends in the journal. Linux has what this
takes; elsewhere, what a killed supervisor leaves behind is ended by the next `make up` or `make down`.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import psutil

from nightjar_local import journal, programs
from nightjar_local.processes import end, sweep
from nightjar_local.programs import COMPONENTS, Program, program_file

PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def main(arguments: list[str]) -> None:
    """Keep the program until it has ended, and end as it did."""
    directory, name = Path(arguments[0]).absolute(), arguments[1]
    status = Keeper(directory, programs.load(directory, name)).keep()
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.exit(os.waitstatus_to_exitcode(status))


class Keeper:
    """Keeps one program of the deployment in `directory`."""

    def __init__(self, directory: Path, program: Program) -> None:
        self._program = program
        self._session = session_file(directory, program.name)
        self._journal = journal.journal_file(directory)
        self._parent = os.getppid()
        self._pid = 0
        self._told_to_stop = False

    def keep(self) -> int:
        """Run it to its end, and end what it leaves; returns its wait status."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGALRM, self._lose_patience)
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._end_leftovers()
        self._note("started")
        try:
            self._pid = self._start()
        except OSError as error:
            self._note("died", f"it cannot be started: {error}")
            raise
        write_session(self._session, self._pid)
        if self._told_to_stop:  # before there was a process to tell
            self._stop()
        status = self._wait()
        if self._told_to_stop and os.getppid() == self._parent:
            self._note("stopped")
        else:
            self._note("died", journal.WITHOUT_SUPERVISOR if self._told_to_stop else how_it_ended(status))
        end(psutil.Process().children(recursive=True))
        self._session.unlink(missing_ok=True)
        return status

    def _start(self) -> int:
        environment = {**self._program.environment, journal.JOURNAL_VARIABLE: str(self._journal)}
        return subprocess.Popen(
            self._program.argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        ).pid

    def _wait(self) -> int:
        """Wait for the program; whatever else ends meanwhile is somebody's orphan."""
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == self._pid:
                return status

    def _stop(self, *_: int | FrameType | None) -> None:
        self._told_to_stop = True
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)
            signal.setitimer(signal.ITIMER_REAL, self._program.patience)

    def _lose_patience(self, *_: int | FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def _end_leftovers(self) -> None:
        """End what an earlier keeper of this program left when it was killed."""
        if journal.is_open(journal.read(self._journal), self._program.name):
            self._note("died", "its keeper was killed")
        if (session := read_session(self._session)) is not None:
            sweep(None, {session})

    def _note(self, kind: journal.Kind, text: str = "") -> None:
        journal.append(self._journal, self._program.name, kind, text)


def how_it_ended(status: int) -> str:
    """A wait status in words."""
    code = os.waitstatus_to_exitcode(status)
    return f"ended with exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """For a child to call before it becomes its program: it gets the signal when its parent dies."""
    parent = os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # which has died already
            os.kill(os.getpid(), number)

    return bind


def prctl(option: int, value: int) -> None:
    """Linux's prctl(2); does nothing on other systems."""
    if _LIBC is not None:
        _LIBC.prctl(option, value, 0, 0, 0)


def session_file(directory: Path, name: str) -> Path:
    """Where the keeper of `name` notes the session of its program."""
    return program_file(directory, name).with_suffix(".session")


def write_session(file: Path, session: int) -> None:
    """Note a session, and in which life of this machine it was."""
    file.write_text(json.dumps({"session": session, "boot": _boot()}) + "\n")


def read_session(file: Path) -> int | None:
    """The session, or None if there is none, or if the machine has been started anew: numbers are given again then."""
    try:
        noted = json.loads(file.read_text())
        return int(noted["session"]) if noted["boot"] == _boot() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def sessions(directory: Path) -> set[int]:
    """The sessions of all programs of a deployment that have not ended, as far as their keepers know."""
    noted = (read_session(file) for file in (directory / COMPONENTS).glob("*.session"))
    return {session for session in noted if session is not None}


def _boot() -> str:
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


if __name__ == "__main__":
    main(sys.argv[1:])
