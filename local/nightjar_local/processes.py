"""The processes of a deployment: which they are, and how they end.

Every process of a deployment carries the deployment's token in its environment, and so does whatever it
starts, however deep and in whatever session. Airflow's workers hide their environment from other processes of their
user; they are found by their session, which is that of the component that started them.
"""

import contextlib
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import FrameType

import psutil

from nightjar.errors import NightjarError

TOKEN_VARIABLE = "NIGHTJAR_DEPLOYMENT_TOKEN"  # noqa: S105, names the variable
PATIENCE = 10.0  # seconds that a program has to stop by itself
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LocalError(NightjarError):
    """The local deployment cannot do what was asked; the message says why and what to do."""


def new_token() -> str:
    """A fresh deployment token."""
    return secrets.token_hex(16)


def free_ports(count: int, apart_from: Collection[int] = ()) -> list[int]:
    """`count` different TCP ports that nothing on loopback listens on right now, and none of `apart_from`."""
    ports: list[int] = []
    with contextlib.ExitStack() as stack:  # all stay bound until the end, so that none is given twice
        while len(ports) < count:
            each = stack.enter_context(socket.socket())
            each.bind(("127.0.0.1", 0))
            if (port := each.getsockname()[1]) not in apart_from:
                ports.append(port)
    return ports


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def members(token: str | None, sessions: Collection[int] = ()) -> list[psutil.Process]:
    """Every running process that carries the token or is in one of the sessions, but never this one or a parent.

    A session's number is not given to another as long as a process is in it.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [each for each in psutil.process_iter() if each.pid not in own and _belongs(each, token, sessions)]


def _belongs(process: psutil.Process, token: str | None, sessions: Collection[int]) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if os.getsid(process.pid) in sessions:
            return True
        return token is not None and process.environ().get(TOKEN_VARIABLE) == token
    except (psutil.Error, ProcessLookupError):
        return False


def sweep(token: str | None, sessions: Collection[int] = (), *, patience: float = 3.0) -> int:
    """End every process that belongs to them (see `members`): SIGTERM, then SIGKILL. Returns how many."""
    belonging = members(token, sessions)
    end(belonging, patience=patience)
    end(members(token, sessions), patience=0)  # what they started meanwhile
    return len(belonging)


def end(processes: Sequence[psutil.Process], *, patience: float = 3.0) -> None:
    """SIGTERM to each of the processes, and SIGKILL to those that are still there after `patience` seconds."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)  # one that is frozen would not hear
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def wait_for(
    awaited: str, ready: Callable[[], bool], check: Callable[[], None], *, timeout: float, every: float = 0.1
) -> None:
    """Wait until `ready()`; `check` may raise meanwhile. Raises LocalError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not ready():
        check()
        if time.monotonic() > deadline:
            raise LocalError(f"{awaited} was not ready within {timeout:.0f} s")
        time.sleep(every)


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Within it, SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, so that one way of cleaning up serves all.

    Only the first of them does: a terminal that closes sends several, and cleaning up must not be broken off.
    """

    def interrupt(number: int, _frame: object) -> None:
        for each in INTERRUPTS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

    with _handling(interrupt):
        yield


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Within it, Ctrl-C, SIGTERM and SIGHUP are ignored. For a few seconds of cleaning up, and in the main thread."""
    with _handling(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handling(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def program(name: str) -> str:
    """The path of a program installed next to this Python.

    Raises LocalError if it is not there.
    """
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise LocalError(f"expected {name} at {path}: run it through the Makefile, which installs it")
    return str(path)
