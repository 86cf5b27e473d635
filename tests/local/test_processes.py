"""Whatever a deployment started, and whatever that started, ends with it."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from nightjar_local import processes
from nightjar_local.processes import TOKEN_VARIABLE, Child, LocalError

# Starts a grandchild in a session of its own that ignores SIGTERM, as a decoder that hangs would.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
inner = f"{ignore}; print('inner', flush=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", inner], start_new_session=True)
print("outer", flush=True)
time.sleep(600)
"""


def child(tmp_path: Path, token: str, program: str, *, told: bool = True) -> Child:
    environment = {**os.environ, **({TOKEN_VARIABLE: token} if told else {})}
    return Child("child", [sys.executable, "-c", program], environment, tmp_path / "logs" / "child.log")


def wait_until_said(one: Child, *words: str) -> None:
    processes.wait_for("output", lambda: all(word in one.tail() for word in words), [one], timeout=20)


def test_stopping_ends_stubborn_grandchildren_in_other_sessions(tmp_path: Path) -> None:
    token = processes.new_token()
    one = child(tmp_path, token, STUBBORN)
    one.start()
    wait_until_said(one, "outer", "inner")
    assert len(processes.members(token)) == 2
    processes.stop([one], token, patience=0.2)
    assert processes.members(token) == []
    assert one.exit_code() is not None


def test_a_process_that_hides_its_environment_is_found_by_its_session(tmp_path: Path) -> None:
    token = processes.new_token()
    one = child(tmp_path, token, "import time; print('up', flush=True); time.sleep(600)", told=False)
    one.start()
    wait_until_said(one, "up")
    assert one.process is not None
    assert processes.members(token) == []
    assert [each.pid for each in processes.members(token, {one.process.pid})] == [one.process.pid]
    processes.stop([one], token, patience=0.2)
    assert one.exit_code() == -15


def test_this_process_and_its_parents_are_never_members() -> None:
    found = {each.pid for each in processes.members("no such token", {os.getsid(0), os.getsid(os.getppid())})}
    assert not found & {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}


def test_waiting_for_a_child_that_ends_says_what_it_said(tmp_path: Path) -> None:
    one = child(tmp_path, "", "print('no room on the disk'); raise SystemExit(3)")
    one.start()
    with pytest.raises(LocalError, match=r"(?s)child ended with exit code 3 .*no room on the disk"):
        processes.wait_for("it", lambda: False, [one], timeout=20)


def test_waiting_ends() -> None:
    start = time.monotonic()
    with pytest.raises(LocalError, match="it was not ready within 0 s"):
        processes.wait_for("it", lambda: False, [], timeout=0.2)
    assert time.monotonic() - start < 5


def test_stopping_what_never_started_is_fine(tmp_path: Path) -> None:
    processes.stop([child(tmp_path, "", "")], processes.new_token())


def test_free_ports_are_free_and_different() -> None:
    ports = processes.free_ports(20)
    assert len(set(ports)) == 20
    assert all(processes.port_is_free(port) for port in ports)


def test_a_port_that_is_listened_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not processes.port_is_free(server.getsockname()[1])


@pytest.mark.parametrize("number", processes.INTERRUPTS)
def test_termination_is_one_interrupt_so_that_everything_is_cleaned_up(number: int) -> None:
    cleaned_up = False
    with pytest.raises(KeyboardInterrupt, match=signal.Signals(number).name), processes.termination_as_interrupt():
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            send_all()
            cleaned_up = True
    assert cleaned_up


def test_stopping_is_not_broken_off() -> None:
    before = {number: signal.getsignal(number) for number in processes.INTERRUPTS}
    with processes.uninterrupted():
        send_all()
    assert {number: signal.getsignal(number) for number in processes.INTERRUPTS} == before


def send_all() -> None:
    for number in processes.INTERRUPTS:
        os.kill(os.getpid(), number)
    time.sleep(0.1)
