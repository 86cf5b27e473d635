"""The demo stops what it started, also in the middle. That it comes to its end is what `.ci/run` runs it for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nightjar_local import processes, settings
from nightjar_local.supervision import Supervisor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_interrupted_in_the_middle_it_leaves_no_process_behind(tmp_path: Path) -> None:
    directory, log = tmp_path / "demo", tmp_path / "log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "nightjar_local", "demo", "--directory", str(directory)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until("nightjar_watch: wait_for_footage done", log, demo)
        chosen = settings.load(directory / "settings.json")
        assert chosen is not None
        assert len(processes.members(chosen.token)) >= 5
        os.killpg(demo.pid, signal.SIGINT)
        os.killpg(demo.pid, signal.SIGHUP)  # at once, and again in the middle of stopping
        wait_until("stopping what was started", log, demo)
        os.killpg(demo.pid, signal.SIGINT)
        os.killpg(demo.pid, signal.SIGTERM)
        assert demo.wait(60) == 130, log.read_text()
        assert processes.members(chosen.token) == []
        assert processes.port_is_free(chosen.ui_port)
        assert "demo: interrupted" in log.read_text()
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait()
        left = settings.load(directory / "settings.json")
        Supervisor(directory).stop(left.token if left else None)


def wait_until(said: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 400
    while said not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
