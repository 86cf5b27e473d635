"""Whatever belongs to a deployment is found and ended, and nothing else."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from nightjar_local import processes
from nightjar_local.processes import TOKEN_VARIABLE, LocalError


def start(code: str, token: str | None = None) -> subprocess.Popen[str]:
    """A process in a session of its own that has said "up"."""
    environment = {**os.environ, **({TOKEN_VARIABLE: token} if token else {})}
    command = [sys.executable, "-c", f"{code}\nimport time; print('up', flush=True); time.sleep(600)"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "up\n"
    return process


def test_what_carries_the_token_is_ended_also_when_it_does_not_want_to() -> None:
    token = processes.new_token()
    willing, stubborn = start("", token), start("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", token)
    assert {each.pid for each in processes.members(token)} == {willing.pid, stubborn.pid}
    assert processes.sweep(token, patience=0.5) == 2
    assert processes.members(token) == []
    for process in (willing, stubborn):
        process.wait(5)


def test_a_process_that_hides_its_environment_is_found_by_its_session() -> None:
    token, process = processes.new_token(), start("")
    assert processes.members(token) == []
    assert [each.pid for each in processes.members(token, {process.pid})] == [process.pid]
    assert processes.sweep(None, {process.pid}) == 1
    assert processes.members(token, {process.pid}) == []
    process.wait(5)


def test_a_frozen_process_is_ended() -> None:
    token = processes.new_token()
    process = start("", token)
    os.kill(process.pid, signal.SIGSTOP)
    processes.sweep(token)
    assert processes.members(token) == []
    process.wait(5)


def test_this_process_and_its_parents_are_never_members() -> None:
    members = {each.pid for each in processes.members("no such token", {os.getsid(0), os.getsid(os.getppid())})}
    assert not members & {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}


def test_waiting_looks_whether_it_is_in_vain() -> None:
    def check() -> None:
        raise LocalError("the server ended")

    with pytest.raises(LocalError, match="the server ended"):
        processes.wait_for("it", lambda: False, check, timeout=20)


def test_waiting_ends() -> None:
    start = time.monotonic()
    with pytest.raises(LocalError, match="it was not ready within 0 s"):
        processes.wait_for("it", lambda: False, lambda: None, timeout=0.2)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "(no log)"),
        ("", ""),
        ("a\n", "a"),
        ("a\nb\nc", "b\nc"),
        ("\udc80".encode("utf-8", "surrogateescape"), "\ufffd"),
    ],
)
def test_tail(tmp_path: Path, text: str | bytes | None, expected: str) -> None:
    log = tmp_path / "log"
    if text is not None:
        log.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert processes.tail(log, lines=2) == expected


def test_free_ports_are_free_and_different() -> None:
    ports = processes.free_ports(20)
    assert len(set(ports)) == 20
    assert all(processes.port_is_free(port) for port in ports)


def test_free_ports_leave_out_what_the_caller_keeps_for_itself() -> None:
    kept = set(range(32768, 61000, 2))  # every other port that Linux gives out by itself
    ports = processes.free_ports(3, kept)
    assert len(set(ports) - kept) == 3


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
