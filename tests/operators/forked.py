"""Stages of the tests as forks of one process that has imported what they import, which takes 0.4 CPU seconds.

The server (`forked.py serve <socket>`) forks for each client. A client (`forked.py <python> <socket> -m <stage> …`)
stands where the stage would: whoever starts it sees the stage's output, its exit code or signal, and stops or kills it
as ever. Each stage is a process in a group of its own, with the environment, folder and open files of its client. The
client is a Python that imports next to nothing, so this file does too.
"""

from __future__ import annotations

import array
import marshal
import os
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # a hundredth of a second
    from collections.abc import Callable
    from typing import Any, NoReturn

PRELOADED = (
    *("nightjar.runtime.swift_start", "nightjar.runtime.stage", "nightjar.runtime.s3", "nightjar.runtime.rules"),
    *("nightjar.stores.detections", "nightjar.stores.drop_zone", "nightjar.stores.events", "nightjar.stores.ledger"),
    *("PIL.Image", "PIL.ImageDraw", "jinja2", "babel.dates", "httpx"),
)
_SIZE = 4  # bytes of a number between client and server
_LOST = 70  # the client's exit code when the server is gone


def start_server(python: str, base: str) -> str:
    """Start a server that has the packages in `base`; returns its socket. It ends with this process."""
    import atexit
    import shutil
    import subprocess
    import tempfile

    folder = tempfile.mkdtemp(prefix="nightjar-forks-")
    path = f"{folder}/socket"
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": base}
    server = subprocess.Popen(
        [python, __file__, "serve", path], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin and server.stdout
    server.stdout.read()  # it closes it when it can be asked
    server.stdout.close()
    requests = server.stdin

    def end() -> None:
        requests.close()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return path


def serve(path: str) -> None:
    """Fork a stage for each client until standard input ends; returns in each stage, which is then to be run."""
    import gc
    from importlib import import_module

    for module in PRELOADED:
        import_module(module)
    import_module("nightjar.runtime.s3_client").preload()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how those who keep the stages ended
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    os.close(1)  # which tells who waits
    while True:
        ready, _, _ = select.select([listening.fileno(), 0], [], [])
        if 0 in ready:
            os._exit(0)
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _keep(connection)
            return
        connection.close()


def _keep(connection: socket.socket) -> None:
    """Fork the stage and stay with it: it does not outlive its client. Returns in the stage."""
    received = array.array("i")
    start, ancillary, _, _ = connection.recvmsg(_SIZE, socket.CMSG_SPACE(3 * received.itemsize))
    for _, _, data in ancillary:
        received.frombytes(data)
    if len(received) != 3:
        os._exit(_LOST)  # the client was killed while it asked
    arguments, folder, environment = marshal.loads(_read(connection, int.from_bytes(start, "big")))
    stage = os.fork()
    if stage == 0:
        os.setpgid(0, 0)
        connection.close()
        _become(arguments, folder, environment, list(received))
        return
    for descriptor in received:
        os.close(descriptor)
    while os.getpgid(stage) != stage:  # a client may ask it to stop as soon as it knows it
        time.sleep(0.001)
    if _tell(connection, stage):
        select.select([connection.fileno(), os.pidfd_open(stage)], [], [])  # until its client is gone, or it has ended
    _send(os.kill, stage, signal.SIGKILL)
    _send(os.killpg, stage, signal.SIGKILL)  # what it leaves
    _, status = os.waitpid(stage, 0)
    _tell(connection, status)
    os._exit(0)


def _tell(connection: socket.socket, number: int) -> bool:
    """Send a number to the client; returns whether there is one."""
    try:
        connection.sendall(number.to_bytes(_SIZE, "big"))
    except OSError:
        return False
    return True


def _send(kill: Callable[[int, int], None], process: int, number: int) -> None:
    """Send a signal to a process or a group that may have ended."""
    try:
        kill(process, number)
    except ProcessLookupError:
        return


def _become(arguments: list[str], folder: str, environment: dict[str, str], files: list[int]) -> None:
    for number, descriptor in enumerate(files):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, folder)
    sys.argv = arguments


def run_stage() -> None:
    """Run what this process has become, as `python -m` does."""
    import runpy

    _, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def stand_in(path: str, arguments: list[str]) -> NoReturn:
    """Have a stage started, pass signals on to it, and end as it does."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    body = marshal.dumps((arguments, os.getcwd(), dict(os.environ)))  # noqa: PTH109 - pathlib takes longer to import than all else
    socket.send_fds(connection, [len(body).to_bytes(_SIZE, "big")], [0, 1, 2])
    connection.sendall(body)
    stage = int.from_bytes(_read(connection, _SIZE), "big")

    def pass_on(number: int, _: Any) -> None:
        _send(os.killpg, stage, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    status = int.from_bytes(_read(connection, _SIZE), "big")
    if os.WIFSIGNALED(status):
        ended_by = os.WTERMSIG(status)
        if ended_by != signal.SIGKILL:
            signal.signal(ended_by, signal.SIG_DFL)
        os.kill(os.getpid(), ended_by)
    os._exit(os.waitstatus_to_exitcode(status))


def _read(connection: socket.socket, size: int) -> bytes:
    """Exactly so many bytes; ends this process where the other side is gone."""
    read = b""
    while len(read) < size:
        some = connection.recv(size - len(read))
        if not some:
            os._exit(_LOST)
        read += some
    return read


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
        run_stage()
    _, python, place, *rest = sys.argv
    if rest[:1] != ["-m"]:
        os.execv(python, [python, *rest])
    stand_in(place, rest)
