"""A forked stage is to whoever starts it what a program is: output, exit code, signals, and no life of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.operators.stage_programs import ROOT, build_image

pytestmark = pytest.mark.slow

STAGE = """import os, signal, subprocess, sys, time
how = sys.argv[1]
print(how, os.getcwd(), os.environ.get("ASKED"), __name__, flush=True)
print("an error", file=sys.stderr, flush=True)
if how == "stopped":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
if how == "child":
    print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
if how in ("stopped", "killed", "child"):
    time.sleep(600)
if how == "raises":
    raise ValueError("of its own")
if how == "aborts":
    os.kill(os.getpid(), signal.SIGABRT)
sys.exit(int(how))
"""

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    image = build_image(tmp_path, "detect", "1")
    (image / "tried").mkdir()
    (image / "tried" / "__main__.py").write_text(STAGE)
    return image


@pytest.fixture
def start(image: Path) -> Iterator[Start]:
    started = []

    def start(how: str) -> "subprocess.Popen[str]":
        command = [str(image / "venv" / "bin" / "python"), "-m", "tried", how]
        environment = {"PATH": os.environ["PATH"], "ASKED": "yes"}
        process = subprocess.Popen(
            command,
            cwd=image,
            env=environment,
            text=True,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("how", "code"), [("0", 0), ("65", 65), ("raises", 1), ("aborts", -signal.SIGABRT)], ids=lambda each: str(each)
)
def test_it_ends_as_the_stage_does_and_says_what_it_says(start: Start, image: Path, how: str, code: int) -> None:
    process = start(how)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert said == f"{how} {image} yes __main__\n"
    assert errors.startswith("an error\n")
    assert ("ValueError: of its own" in errors) == (how == "raises")


def test_it_is_asked_to_stop(start: Start) -> None:
    process = start("stopped")
    assert process.stdout
    process.stdout.readline()
    time.sleep(0.2)
    process.terminate()
    assert process.wait(60) == 3


def test_nothing_of_it_outlives_its_client(start: Start) -> None:
    process = start("child")
    assert process.stdout
    process.stdout.readline()
    child = psutil.Process(int(process.stdout.readline()))
    stage = child.parent()
    assert stage is not None and stage.pid != process.pid
    process.kill()
    gone, alive = psutil.wait_procs([child, stage], 60)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE], gone


def test_a_start_costs_little(start: Start) -> None:
    """A tenth of what a stage costs that imports all itself, the client and the fork together."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "images" / "base")}
    before = os.times()
    subprocess.run(
        [sys.executable, "-c", "import nightjar.runtime.stage, nightjar.runtime.s3"], env=environment, check=True
    )
    between = os.times()
    process = start("0")
    process.communicate(timeout=60)
    after = os.times()
    whole = between.children_user - before.children_user
    assert after.children_user - between.children_user < whole / 3
