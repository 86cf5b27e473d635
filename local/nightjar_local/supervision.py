"""The supervisor of one deployment, from outside: started, asked, told to start or stop a component, ended."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from nightjar_local import journal, programs
from nightjar_local.keeper import sessions
from nightjar_local.processes import TOKEN_VARIABLE, LocalError, sweep, tail
from nightjar_local.programs import Program
from nightjar_local.settings import write_private
from nightjar_local.supervise import RUNNING, WITH_PARENT
from nightjar_local.supervisor_config import AIRFLOW_GROUP, CONFIGURATION, LOGS, RETRIES, STORE_GROUP, configuration

START_TIMEOUT = 20.0
STOP_TIMEOUT = 45.0
ANSWER_TIMEOUT = 10.0
SCRATCH = "scratch.json"

# supervisord's states, in words for people.
STATES = {
    "STOPPED": "stopped",
    "STARTING": "running",
    "RUNNING": "running",
    "BACKOFF": "waits to be started again",
    "STOPPING": "stopping",
    "EXITED": "waits to be started again",
    "FATAL": "given up",
    "UNKNOWN": "unknown",
}
GIVEN_UP = STATES["FATAL"]
IS_RUNNING = STATES["RUNNING"]


@dataclass(frozen=True)
class Component:
    """A program as its supervisor sees it; `pid` is its keeper's, or None while it does not run."""

    name: str
    group: str
    state: str
    pid: int | None


@dataclass(frozen=True)
class Supervisor:
    """The supervisor of the deployment in `directory`, whether it runs or not."""

    directory: Path

    @property
    def log(self) -> Path:
        """Where it tells people of every start and every end."""
        return self.directory / LOGS / "supervisor.log"

    @property
    def journal(self) -> Path:
        """Where `make status` reads of every start and every end."""
        return journal.journal_file(self.directory)

    def process(self) -> psutil.Process | None:
        """The running supervisor, or None."""
        noted = self._read(RUNNING)
        if not noted:
            return None
        try:
            process = psutil.Process(noted["pid"])
            # Which moves a little when the machine's clock is set.
            is_it = abs(process.create_time() - noted["created"]) < 5 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if is_it else None

    def scratch(self) -> Path:
        """A short-lived folder with a short path, for sockets; it is removed by `stop`."""
        if noted := self._read(SCRATCH):
            return Path(noted["folder"])
        folder = tempfile.mkdtemp(prefix="nightjar-")
        write_private(self.directory / SCRATCH, json.dumps({"folder": folder}) + "\n")
        return Path(folder)

    def spawn(
        self,
        store: Sequence[Program],
        airflow: Sequence[Program],
        token: str,
        *,
        with_parent: bool,
        retries: int = RETRIES,
    ) -> None:
        """Start it, with these programs, none of which runs yet; raises LocalError if it does not come up.

        In a session of its own, so that Ctrl-C in a terminal does not reach it. With `with_parent`, it ends when this
        process does. A component that ends at once is started again `retries` times.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        for program in (*store, *airflow):
            programs.store(self.directory, program)
        names = [program.name for program in store], [program.name for program in airflow]
        write_private(self.directory / CONFIGURATION, configuration(*names, self._socket(), retries))
        argv = [sys.executable, "-m", "nightjar_local.supervise", str(self.directory)]
        argv += [WITH_PARENT] if with_parent else []
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        kept = {name: value for name in ("LANG", "PYTHONPATH") if (value := os.environ.get(name))}
        environment = {**kept, "PATH": path, "HOME": str(self.directory), TOKEN_VARIABLE: token}
        output = (os.POSIX_SPAWN_OPEN, 1, str(self.log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), output, (os.POSIX_SPAWN_DUP2, 1, 2)]
        # Not a Popen: that warns when its child outlives it.
        process = psutil.Process(os.posix_spawn(argv[0], argv, environment, file_actions=files, setsid=True))
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE or time.monotonic() > deadline:
                raise LocalError(f"the supervisor did not start; its log ends with:\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self, token: str | None) -> bool:
        """End it and everything it supervises, also what a killed one left; returns whether it ran."""
        process = self.process()
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()  # one that is frozen would not hear
                process.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(STOP_TIMEOUT)
        if (still := self.process()) is not None:
            still.kill()
        sweep(token, sessions(self.directory))
        if noted := self._read(SCRATCH):
            shutil.rmtree(noted["folder"], ignore_errors=True)
        for file in (RUNNING, SCRATCH):
            (self.directory / file).unlink(missing_ok=True)
        return process is not None

    def components(self) -> list[Component]:
        """Every component, by the order in which they start; raises LocalError if the supervisor does not answer."""
        answer = self._ask(lambda server: server.supervisor.getAllProcessInfo())
        components = [
            Component(each["name"], each["group"], STATES[each["statename"]], each["pid"] or None) for each in answer
        ]
        return sorted(components, key=lambda component: [STORE_GROUP, AIRFLOW_GROUP].index(component.group))

    def start(self, name: str) -> None:
        """Start a component, unless it runs or is about to be started again."""
        component = self._component(name)
        if component.state in (STATES["STOPPED"], GIVEN_UP):
            self._ask(lambda server: server.supervisor.startProcess(f"{component.group}:{name}", False))

    def stop_component(self, name: str) -> None:
        """Stop a component and wait until it has; it is not started again."""
        component = self._component(name)
        self._ask(
            lambda server: server.supervisor.stopProcess(f"{component.group}:{name}", True), patience=STOP_TIMEOUT
        )

    def check(self) -> None:
        """Raise LocalError, with the end of its log, if a component was given up, or if the supervisor is gone."""
        for component in self.components():
            if component.state == GIVEN_UP:
                raise LocalError(f"{component.name} was given up: {self.ended(component.name)}")

    def ended(self, name: str) -> str:
        """That a component ended again and again, how it did last, and the end of its log."""
        death = journal.history(journal.read(self.journal), name).last_death or "it never started"
        log = tail(self.directory / LOGS / f"{name}.log")
        return f"it ended again and again, last at {death}; its log ends with:\n{log}"

    def _component(self, name: str) -> Component:
        [component] = [component for component in self.components() if component.name == name]
        return component

    def _answers(self) -> bool:
        try:
            return bool(self._ask(lambda server: server.supervisor.getState()))
        except LocalError:
            return False

    def _ask(self, question: Callable[[Any], Any], *, patience: float = ANSWER_TIMEOUT) -> Any:
        if self.process() is None:
            raise LocalError(f"the supervisor of {self.directory} does not run; its log ends with:\n{tail(self.log)}")
        with xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(self._socket(), patience)) as server:
            try:
                return question(server)
            except xmlrpc.client.Fault as error:
                raise LocalError(f"the supervisor refused: {error.faultString}") from None
            except (OSError, http.client.HTTPException) as error:
                raise LocalError(f"the supervisor of {self.directory} does not answer: {error!r}") from None

    def _socket(self) -> Path:
        return self.scratch() / "supervisor.sock"

    def _read(self, name: str) -> dict[str, Any]:
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads((self.directory / name).read_text()))
        return {}


class _Transport(xmlrpc.client.Transport):
    """XML-RPC through a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__()
        self._path, self._timeout = path, timeout

    def make_connection(self, _host: object) -> http.client.HTTPConnection:
        """A connection that does not look at the host; `close` of the base class closes it."""
        connection = _UnixConnection(self._path, self._timeout)
        self._connection = None, connection
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._unix_path = path

    def connect(self) -> None:
        """Connect to the socket's path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._unix_path))
        except OSError:
            self.close()
            raise
