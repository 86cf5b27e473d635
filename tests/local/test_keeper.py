"""A keeper lets nothing outlive its program, its supervisor or itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from nightjar_local import journal, keeper, processes, programs
from nightjar_local.processes import TOKEN_VARIABLE
from nightjar_local.programs import Program

pytestmark = pytest.mark.slow  # servers or other programs are started

NAME = "program"
# Starts a process in its session and another in a session of its own. Each word is one write, since print may make two.
PARENT = """
import os, signal, subprocess, sys, time
{first}
child = [sys.executable, "-c", "import os, time; os.write(1, b'deep '); time.sleep(600)"]
subprocess.Popen(child, start_new_session=True)
subprocess.Popen(child)
os.write(1, b"outer ")
"""
STAYS = PARENT.format(first="") + "time.sleep(600)"
# As a decoder that hangs; its children do as it does.
IGNORES = PARENT.format(first="signal.signal(signal.SIGTERM, signal.SIG_IGN)") + "time.sleep(600)"
ENDS = PARENT.format(first="") + "time.sleep(0.5)\nsys.exit(3)"


class Kept:
    """A keeper with its program, in a folder."""

    def __init__(self, directory: Path, token: str) -> None:
        self.directory, self.token = directory, token
        self.log = directory / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, code: str, patience: float = 10.0) -> subprocess.Popen[bytes]:
        """Start it, and wait until the program has started what it starts."""
        environment = {**os.environ, TOKEN_VARIABLE: self.token}
        programs.store(self.directory, Program(NAME, (sys.executable, "-c", code), environment, patience))
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nightjar_local.keeper", str(self.directory), NAME],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=output,
                stderr=output,
            )
        wait_until(lambda: sorted(self.log.read_text().split()) == ["deep", "deep", "outer"])
        return self.process

    def events(self) -> list[tuple[str, str]]:
        """The text of the journal."""
        return [(entry.kind, entry.text) for entry in journal.read(journal.journal_file(self.directory))]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path, processes.new_token())
    yield kept
    processes.sweep(kept.token, keeper.sessions(tmp_path))
    if kept.process is not None:
        kept.process.kill()
        kept.process.wait()


def wait_until(reached: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_a_program_leaves_behind_ends_with_it_and_its_exit_code_is_passed_on(kept: Kept) -> None:
    assert kept.start(ENDS).wait(20) == 3
    assert processes.members(kept.token) == []
    assert kept.events() == [("started", ""), ("died", "ended with exit code 3")]
    assert keeper.sessions(kept.directory) == set()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_program_is_told_as_killed(kept: Kept, number: signal.Signals) -> None:
    process = kept.start(STAYS)
    [session] = keeper.sessions(kept.directory)
    os.kill(session, number)
    assert process.wait(20) == -number
    assert processes.members(kept.token) == []
    assert kept.events()[-1] == ("died", f"killed by {number.name}")


@pytest.mark.parametrize(("code", "status"), [(STAYS, -signal.SIGTERM), (IGNORES, -signal.SIGKILL)])
def test_it_stops_what_it_keeps_when_told_to(kept: Kept, code: str, status: int) -> None:
    process = kept.start(code, patience=0.3)
    process.terminate()
    assert process.wait(20) == status
    assert processes.members(kept.token) == []
    assert kept.events()[-1] == ("stopped", "")


def test_when_it_is_killed_its_program_is_too_and_the_next_one_ends_the_rest(kept: Kept) -> None:
    process = kept.start(STAYS)
    [session] = keeper.sessions(kept.directory)
    process.kill()
    process.wait()
    wait_until(lambda: session not in {each.pid for each in processes.members(None, {session})})
    assert processes.members(None, {session}) != [], "its children do not know yet"
    kept.start(STAYS)
    assert processes.members(None, {session}) == []
    assert kept.events() == [("started", ""), ("died", "its keeper was killed"), ("started", "")]


def test_it_stops_when_its_supervisor_is_killed(tmp_path: Path, kept: Kept) -> None:
    programs.store(tmp_path, Program(NAME, (sys.executable, "-c", STAYS), {**os.environ, TOKEN_VARIABLE: kept.token}))
    command = [sys.executable, "-m", "nightjar_local.keeper", str(tmp_path), NAME]
    with kept.log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-c", f"import subprocess; subprocess.run({command!r})"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=output,
        )
    wait_until(lambda: "outer" in kept.log.read_text())
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: processes.members(kept.token) == [])
    wait_until(lambda: kept.events()[-1] == ("died", "its supervisor was killed"))


def test_a_program_that_cannot_start_says_why(kept: Kept, tmp_path: Path) -> None:
    programs.store(tmp_path, Program(NAME, ("/no/such/program",), {}))
    command = [sys.executable, "-m", "nightjar_local.keeper", str(tmp_path), NAME]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "/no/such/program" in result.stderr
    [kind, text] = kept.events()[-1]
    assert kind == "died"
    assert "it cannot be started" in text


@pytest.mark.parametrize(
    "noted",
    ["", "{", "[]", "{}", '{"session": 7}', '{"session": 7, "boot": "of another life of the machine"}'],
)
def test_a_session_that_is_not_of_this_life_of_the_machine_is_nobodys(tmp_path: Path, noted: str) -> None:
    file = tmp_path / "program.session"
    file.write_text(noted)
    assert keeper.read_session(file) is None


def test_a_session_is_read_back(tmp_path: Path) -> None:
    keeper.write_session(tmp_path / "program.session", psutil.Process().pid)
    assert keeper.read_session(tmp_path / "program.session") == psutil.Process().pid
