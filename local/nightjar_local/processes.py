"""Child processes that are always ended with everything they started.

Every process of a deployment carries the deployment's token in its environment, and so does whatever it
starts, however deep and in whatever session. Ending a deployment therefore means: ask its processes to stop,
then end what still carries the token. Airflow's workers hide their environment from other processes of their
user; they are found by their session, which is that of the child that started them.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

TOKEN_VARIABLE = "NIGHTJAR_DEPLOYMENT_TOKEN"  # noqa: S105, names the variable
PATIENCE = 10.0  # seconds to end by itself
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LocalError(Exception):
    """The local deployment cannot do what was asked; the message says why and what to do."""


def new_token() -> str:
    """A fresh deployment token."""
    return secrets.token_hex(16)


def free_ports(count: int) -> list[int]:
    """`count` different TCP ports that nothing on loopback listens on right now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@dataclass
class Child:
    """One long-running program of a deployment; its output goes to `log`."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    scratch: Path | None = None  # removed once it has ended
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C in a terminal reaches only its supervisor."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                list(self.argv),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """The exit code if it has ended, else None."""
        return None if self.process is None else self.process.poll()

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def ask_to_stop(children: Sequence[Child], patience: float = PATIENCE) -> None:
    """Send SIGTERM to the children, and wait until they have ended or `patience` seconds are over."""
    deadline = time.monotonic() + patience
    for child in children:
        child.ask_to_stop()
    for child in children:
        if child.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))


def stop(children: Sequence[Child], token: str, *, patience: float = PATIENCE) -> None:
    """Stop the children, whatever else carries the token, and whatever is in the children's sessions."""
    ask_to_stop(children, patience)
    sweep(token, {child.process.pid for child in children if child.process is not None})
    for child in children:
        if child.process is not None:
            child.process.wait(5)
        if child.scratch is not None:
            shutil.rmtree(child.scratch, ignore_errors=True)


def members(token: str, sessions: Collection[int] = ()) -> list[psutil.Process]:
    """Every running process that carries the token or is in one of the sessions, but never this one or a parent.

    A session's number is not given to another as long as a process is in it.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [each for each in psutil.process_iter() if each.pid not in own and _belongs(each, token, sessions)]


def _belongs(process: psutil.Process, token: str, sessions: Collection[int]) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return os.getsid(process.pid) in sessions or process.environ().get(TOKEN_VARIABLE) == token
    except (psutil.Error, ProcessLookupError):
        return False


def sweep(token: str, sessions: Collection[int] = (), *, patience: float = 3.0) -> int:
    """End every process that belongs to them (see `members`): SIGTERM, then SIGKILL. Returns how many."""
    found = members(token, sessions)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(found, timeout=patience)
    for process in members(token, sessions):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(5)
    return len(found)


def wait_for(
    what: str, ready: Callable[[], bool], children: Sequence[Child], *, timeout: float, every: float = 0.1
) -> None:
    """Wait until `ready()`.

    Raises LocalError, with the ends of the logs, if a child ends meanwhile or `timeout` seconds pass.
    """
    deadline = time.monotonic() + timeout
    while not ready():
        for child in children:
            if (code := child.exit_code()) is not None:
                raise LocalError(f"{child.name} ended with exit code {code} while waiting for {what}:\n{child.tail()}")
        if time.monotonic() > deadline:
            logs = "\n".join(f"--- {child.name}\n{child.tail()}" for child in children)
            raise LocalError(f"{what} was not ready within {timeout:.0f} s\n{logs}")
        time.sleep(every)


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
