"""The deployment that stays: `make up` starts a supervisor that owns everything, `make down` ends it.

The supervisor stops everything when it is told to, and also when one of its processes dies: half a deployment looks
alive and does nothing.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from nightjar_local import deployment, settings
from nightjar_local.deployment import Deployment
from nightjar_local.layout import DEPLOYMENT, ROOT
from nightjar_local.processes import LocalError, sweep, termination_as_interrupt
from nightjar_local.settings import Settings, write_private

SETTINGS = DEPLOYMENT / "settings.json"
RUNNING = DEPLOYMENT / "running.json"  # there as long as the deployment is up: who supervises it, and its sessions
LOG = DEPLOYMENT / "logs" / "supervisor.log"
READY_TIMEOUT = 240.0
STOP_TIMEOUT = 30.0


def start() -> Settings:
    """Start the supervisor and wait until the deployment is healthy; does nothing if it is up already.

    Raises LocalError, with what the supervisor said, if it does not come up.
    """
    if supervisor() is not None:
        return _stored()
    stop()
    chosen = settings.for_deployment(SETTINGS)
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "nightjar_local", "supervise"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_running(process)
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT)
        stop()
        raise
    return chosen


def stop() -> bool:
    """Stop the supervisor and everything it started, also what a killed one left. Returns whether it was up."""
    found = supervisor()
    if found is not None:
        found.terminate()
        with contextlib.suppress(psutil.TimeoutExpired):
            found.wait(STOP_TIMEOUT)
    record = _record()
    stored = settings.load(SETTINGS)
    if stored is not None:
        sweep(stored.token, record.get("sessions", ()))
    if (still := supervisor()) is not None:
        still.kill()
    RUNNING.unlink(missing_ok=True)
    return found is not None


def supervisor() -> psutil.Process | None:
    """The running supervisor, or None."""
    record = _record()
    if not record:
        return None
    try:
        process = psutil.Process(record["pid"])
        return process if process.create_time() == record["created"] and process.is_running() else None
    except psutil.NoSuchProcess:
        return None


def supervise() -> None:
    """Run the deployment until SIGTERM, Ctrl-C, or the death of one of its processes, which raises LocalError."""
    _say("starting")
    with termination_as_interrupt(), contextlib.suppress(KeyboardInterrupt):
        try:
            with deployment.running(DEPLOYMENT, _stored()) as running:
                _note(running)
                _say("healthy")
                running.watch()
        finally:
            RUNNING.unlink(missing_ok=True)
            _say("stopped")


def _note(running: Deployment) -> None:
    own = psutil.Process()
    sessions = [child.process.pid for child in running.children if child.process is not None]
    record = {"pid": own.pid, "created": own.create_time(), "sessions": sessions}
    write_private(RUNNING, json.dumps(record) + "\n")


def _wait_until_running(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while supervisor() is None:
        if process.poll() is not None:
            raise LocalError(f"the deployment did not start:\n{_tail(LOG)}")
        if time.monotonic() > deadline:
            raise LocalError(f"the deployment was not healthy within {READY_TIMEOUT:.0f} s:\n{_tail(LOG)}")
        time.sleep(0.2)


def _record() -> dict[str, Any]:
    with contextlib.suppress(FileNotFoundError):
        return dict(json.loads(RUNNING.read_text()))
    return {}


def _stored() -> Settings:
    stored = settings.load(SETTINGS)
    if stored is None:
        raise LocalError(f"expected the deployment's settings at {SETTINGS}; `make up` writes them")
    return stored


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])


def _say(what: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} supervisor {os.getpid()}: {what}", flush=True)
