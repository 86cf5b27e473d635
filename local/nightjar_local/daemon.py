"""The deployment that stays: `make up` starts a supervisor that owns everything, `make down` ends it.

The supervisor stops everything when it is told to, and also when one of its processes dies: half a deployment looks
alive and does nothing.
"""

import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from nightjar_local import deployment, settings
from nightjar_local.deployment import Deployment
from nightjar_local.processes import LocalError, sweep, termination_as_interrupt
from nightjar_local.settings import Settings, write_private

READY_TIMEOUT = 240.0
STOP_TIMEOUT = 45.0


@dataclass(frozen=True)
class Daemon:
    """The deployment in one folder, whether it is up or not."""

    directory: Path

    @property
    def _settings(self) -> Path:
        return self.directory / "settings.json"

    @property
    def _running(self) -> Path:
        """There as long as the deployment is up: who supervises it, and its sessions."""
        return self.directory / "running.json"

    @property
    def log(self) -> Path:
        """What the supervisor says."""
        return self.directory / "logs" / "supervisor.log"

    def start(self) -> Settings:
        """Start the supervisor and wait until the deployment is healthy; does nothing if it is up already.

        Raises LocalError, with what the supervisor said, if it does not come up.
        """
        if self.supervisor() is not None:
            return self.settings()
        self.stop()
        chosen = settings.for_deployment(self._settings)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        process = self._spawn()
        try:
            self._wait_until_running(process)
        except BaseException:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                process.terminate()
                process.wait(STOP_TIMEOUT)
            self.stop()
            raise
        return chosen

    def stop(self) -> bool:
        """Stop the supervisor and everything it started, also what a killed one left. Returns whether it was up."""
        found = self.supervisor()
        if found is not None:
            found.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                found.wait(STOP_TIMEOUT)
        record = self._record()
        stored = settings.load(self._settings)
        if stored is not None:
            sweep(stored.token, record.get("sessions", ()))
        if (still := self.supervisor()) is not None:
            still.kill()
        self._running.unlink(missing_ok=True)
        return found is not None

    def supervisor(self) -> psutil.Process | None:
        """The running supervisor, or None."""
        record = self._record()
        if not record:
            return None
        try:
            process = psutil.Process(record["pid"])
            return process if process.create_time() == record["created"] and process.is_running() else None
        except psutil.NoSuchProcess:
            return None

    def supervise(self) -> None:
        """Run the deployment until SIGTERM, Ctrl-C, or the death of one of its processes, which raises LocalError."""
        _say("starting")
        with termination_as_interrupt(), contextlib.suppress(KeyboardInterrupt):
            try:
                with deployment.running(self.directory, self.settings()) as running:
                    self._note(running)
                    _say("healthy")
                    running.watch()
            finally:
                self._running.unlink(missing_ok=True)
                _say("stopped")

    def settings(self) -> Settings:
        """What it was set up with; raises LocalError if it never was."""
        stored = settings.load(self._settings)
        if stored is None:
            raise LocalError(f"expected the deployment's settings at {self._settings}; `make up` writes them")
        return stored

    def _spawn(self) -> psutil.Process:
        """The supervisor, in a session of its own. Not a Popen: that warns when its child outlives it."""
        argv = [sys.executable, "-m", "nightjar_local", "supervise", "--directory", str(self.directory)]
        log = (os.POSIX_SPAWN_OPEN, 1, str(self.log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), log, (os.POSIX_SPAWN_DUP2, 1, 2)]
        return psutil.Process(os.posix_spawn(argv[0], argv, os.environ, file_actions=files, setsid=True))

    def _note(self, running: Deployment) -> None:
        own = psutil.Process()
        sessions = [child.process.pid for child in running.children if child.process is not None]
        record = {"pid": own.pid, "created": own.create_time(), "sessions": sessions}
        write_private(self._running, json.dumps(record) + "\n")

    def _wait_until_running(self, process: psutil.Process) -> None:
        deadline = time.monotonic() + READY_TIMEOUT
        while self.supervisor() is None:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                raise LocalError(f"the deployment did not start:\n{self._said()}")
            if time.monotonic() > deadline:
                raise LocalError(f"the deployment was not healthy within {READY_TIMEOUT:.0f} s:\n{self._said()}")
            time.sleep(0.2)

    def _record(self) -> dict[str, Any]:
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads(self._running.read_text()))
        return {}

    def _said(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


def _say(what: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} supervisor {os.getpid()}: {what}", flush=True)
