"""Components are started again, but not for ever; each end is told; a killed supervisor leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import psutil
import pytest

from nightjar_local import journal, processes
from nightjar_local.processes import TOKEN_VARIABLE, LocalError
from nightjar_local.programs import Program
from nightjar_local.status import HEADINGS, Status, as_table, describe, status
from nightjar_local.supervision import Component, Supervisor

pytestmark = pytest.mark.slow

STAYS = "import subprocess, sys, time; subprocess.Popen(['sleep', '600']); print('up', flush=True); time.sleep(600)"
ENDS = "print('no room on the disk'); raise SystemExit(3)"


class Running:
    """A supervisor over small programs."""

    def __init__(self, directory: Path) -> None:
        self.supervisor, self.token = Supervisor(directory), processes.new_token()

    def spawn(
        self, store: Sequence[str], airflow: Sequence[str], *, code: str = STAYS, with_parent: bool = True
    ) -> None:
        """Start it with programs of these names, which all do the same."""
        environment = {**os.environ, TOKEN_VARIABLE: self.token}
        made = [
            [Program(name, (sys.executable, "-c", code), environment) for name in each] for each in (store, airflow)
        ]
        self.supervisor.spawn(made[0], made[1], self.token, with_parent=with_parent, retries=1)

    def state(self, name: str) -> Status:
        """The state of a component."""
        return next(each for each in status(self.supervisor) if each.name == name)

    def wait(self, reached: Callable[[], bool], timeout: float = 30.0) -> None:
        """Wait until `reached()`."""
        processes.wait_for("it", reached, lambda: None, timeout=timeout)

    def said(self, name: str) -> str:
        """The log of a component."""
        return processes.tail(self.supervisor.log.parent / f"{name}.log")

    def program(self, name: str) -> psutil.Process:
        """The process of a component."""
        [component] = [each for each in self.supervisor.components() if each.name == name]
        [process] = psutil.Process(component.pid).children()
        return process


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.supervisor.stop(running.token)
    assert processes.members(running.token) == []


def test_a_killed_component_is_started_again_and_told(running: Running) -> None:
    running.spawn(["store"], ["first", "second"])
    assert [each.state for each in running.supervisor.components()] == ["stopped"] * 3
    for name in ("store", "first", "second"):
        running.supervisor.start(name)
    running.supervisor.start("first")  # again: nothing
    running.wait(lambda: all("up" in running.said(name) for name in ("store", "first", "second")))
    untouched = running.program("second").pid
    running.program("first").kill()
    running.wait(lambda: running.state("first").restarts == 1)

    first = running.state("first")
    assert (first.state, first.is_running) == ("running", True)
    assert first.last_death.endswith("Z killed by SIGKILL")
    assert "exited: first (terminated by SIGKILL" in running.supervisor.log.read_text()
    assert running.program("second").pid == untouched
    assert running.state("second").restarts == 0
    running.supervisor.check()


def test_one_that_ends_again_and_again_is_given_up_with_its_last_words(running: Running) -> None:
    running.spawn([], ["first", "second"], code=ENDS)
    running.supervisor.start("first")
    running.wait(lambda: running.state("first").state == "given up")
    assert running.state("first").restarts == 1
    with pytest.raises(LocalError, match=r"(?s)first was given up: .* ended with exit code 3; .*no room on the disk"):
        running.supervisor.check()
    assert "gave up: first entered FATAL state" in running.supervisor.log.read_text()
    running.supervisor.start("first")  # as the next `make up` does
    running.wait(lambda: running.state("first").restarts == 2)


def test_a_killed_supervisor_leaves_nothing_unsupervised_and_its_reasons_stay(running: Running) -> None:
    running.spawn(["store"], ["first"])
    running.supervisor.start("first")
    running.wait(lambda: "up" in running.said("first"))
    supervisor = running.supervisor.process()
    assert supervisor is not None
    supervisor.kill()
    supervisor.wait(10)
    running.wait(lambda: processes.members(running.token) == [])  # nobody had to do anything
    assert running.supervisor.process() is None
    with pytest.raises(LocalError, match="does not run"):
        running.supervisor.check()

    assert not running.supervisor.stop(running.token)
    running.spawn(["store"], ["first"])
    running.supervisor.start("first")
    running.wait(lambda: running.state("first").is_running and running.state("first").since != "")
    assert "its supervisor was killed" in running.state("first").last_death
    assert running.supervisor.log.read_text().count("supervisord started with pid") == 2
    assert running.said("first").count("up") >= 1


def test_what_a_killed_keeper_and_a_killed_supervisor_left_is_stopped_by_the_next_command(running: Running) -> None:
    running.spawn([], ["first"])
    running.supervisor.start("first")
    running.wait(lambda: "up" in running.said("first"))
    [session] = {os.getsid(running.program("first").pid)}
    for process in (running.supervisor.process(), psutil.Process(running.supervisor.components()[0].pid)):
        assert process is not None
        process.kill()
    running.wait(lambda: not psutil.pid_exists(session) or psutil.Process(session).status() == psutil.STATUS_ZOMBIE)
    assert processes.members(running.token) != []
    running.supervisor.stop(running.token)
    assert processes.members(running.token) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_process_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    supervisor, token = Supervisor(tmp_path), processes.new_token()
    code = f"""
import sys, time
from pathlib import Path
from nightjar_local.programs import Program
from nightjar_local.supervision import Supervisor
supervisor = Supervisor(Path({str(tmp_path)!r}))
program = Program("first", (sys.executable, "-c", {STAYS!r}), {{"{TOKEN_VARIABLE}": {token!r}}})
supervisor.spawn([], [program], {token!r}, with_parent=True)
supervisor.start("first")
time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        log = tmp_path / "logs" / "first.log"
        processes.wait_for("it", lambda: "up" in processes.tail(log), lambda: None, timeout=30)
        parent.send_signal(number)
        parent.wait(10)
        processes.wait_for("the end", lambda: processes.members(token) == [], lambda: None, timeout=30)
    finally:
        parent.kill()
        supervisor.stop(token)


def _is_up(running: Running, name: str) -> bool:
    return "up" in running.said(name)


def test_it_stops_whole_in_order_and_components_one_by_one(running: Running) -> None:
    running.spawn(["store"], ["first", "second"])
    for name in ("store", "first", "second"):
        running.supervisor.start(name)
        running.wait(partial(_is_up, running, name))
    running.supervisor.stop_component("second")
    assert running.state("second").state == "stopped"
    assert running.supervisor.stop(running.token)
    assert processes.members(running.token) == []
    stopped = [entry.component for entry in journal.read(running.supervisor.journal) if entry.kind == "stopped"]
    assert stopped == ["second", "first", "store", "supervisor"]
    assert not running.supervisor.stop(running.token)


def test_the_table_says_what_is_known() -> None:
    components = [Component("a", "store", "running", 7), Component("b", "airflow", "given up", None)]
    entries = [
        journal.Entry("1", journal.SUPERVISOR, "started"),
        journal.Entry("2", "b", "started"),
        journal.Entry("3", "b", "died", "killed by SIGKILL"),
    ]
    statuses = describe(components, entries)
    assert statuses == [Status("a", "running", "", 0, "none"), Status("b", "given up", "3", 0, "3 killed by SIGKILL")]
    lines = as_table(statuses).splitlines()
    assert tuple(lines[0].split(maxsplit=4)) == HEADINGS
    assert [line.split()[0] for line in lines[1:]] == ["a", "b"]


def test_there_is_nothing_to_ask_before_it_runs(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    assert supervisor.process() is None
    with pytest.raises(LocalError, match="does not run"):
        supervisor.components()
    assert list(tmp_path.iterdir()) == []


def test_a_supervisor_that_is_frozen_is_ended(running: Running) -> None:
    running.spawn([], ["first"])
    process = running.supervisor.process()
    assert process is not None
    process.suspend()
    start = time.monotonic()
    assert running.supervisor.stop(running.token)
    assert time.monotonic() - start < 30
