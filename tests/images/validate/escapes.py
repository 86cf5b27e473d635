"""A decode function for the tests of the seal: it tries what a decoder that was taken over might, an act for each file.

The file is JSON: the name of the act, and what it is about. The answer is "done" or the name of the error.
"""

import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from seccompy import syscall_nr

from nightjar_validate.decoded import Decoded, Job, Output

_LIBC = ctypes.CDLL(None, use_errno=True)
_PTRACE_ATTACH = 16
_CLONE_NEWUSER = 0x1000_0000
_SIGCHLD = 17


def decode(job: Job, file: BinaryIO) -> Output:
    """Try the act that the file names."""
    act, about = json.load(file)
    try:
        ACTS[act](about)
        result = "done"
    except OSError as error:
        result = errno.errorcode[error.errno or 0]
    yield Decoded(result.encode(), 1, 1, 0)


def _call(name: str, *arguments: Any) -> int:
    """A system call, past whatever the C library might do about it."""
    result = int(_LIBC.syscall(syscall_nr(name), *arguments))
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result


def _fork(_: object) -> None:
    if pid := os.fork():
        os.waitpid(pid, 0)
    else:
        os._exit(0)


def _clone_process(_: object) -> None:
    if pid := _call("clone", _SIGCHLD, 0, 0, 0, 0):
        os.waitpid(pid, 0)
    else:
        os._exit(0)


def _connect(family: int, kind: int, address: Any) -> None:
    with socket.socket(family, kind) as opened:
        opened.connect(tuple(address) if isinstance(address, list) else address)
        opened.send(b"what it read")


def _memory_of(pid: int) -> None:
    local = ctypes.create_string_buffer(8)
    here = (ctypes.c_void_p * 2)(ctypes.addressof(local), 8)
    _call("process_vm_readv", pid, ctypes.byref(here), 1, ctypes.byref(here), 1, 0)


def _machine_code(_: object) -> None:
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC):
        pass


def _more_memory(_: object) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (soft - 1, hard))


def _thread(_: object) -> None:
    threads = [threading.Thread(target=list) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


ACTS: dict[str, Callable[[Any], object]] = {
    "read": lambda path: Path(path).read_bytes(),
    "list": lambda path: list(Path(path).iterdir()),
    "look at": os.stat,
    "write": lambda path: Path(path).write_bytes(b"planted"),
    "delete": os.unlink,
    "link": lambda path: Path(path).symlink_to("/etc/passwd"),
    "change folder": os.chdir,
    "TCP": lambda address: _connect(socket.AF_INET, socket.SOCK_STREAM, address),
    "UDP": lambda address: _connect(socket.AF_INET, socket.SOCK_DGRAM, address),
    "Unix socket": lambda path: _connect(socket.AF_UNIX, socket.SOCK_STREAM, path),
    "netlink": lambda _: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    "pair of sockets": lambda _: socket.socketpair(),
    "fork": _fork,
    "clone a process": _clone_process,
    "execute": lambda path: os.execv(path, [path]),
    "spawn": lambda path: os.posix_spawn(path, [path], {}),
    "signal": lambda pid: os.kill(pid, 0),
    "signal a thread": lambda pid: _call("tgkill", pid, pid, 0),
    "trace": lambda pid: _call("ptrace", _PTRACE_ATTACH, pid, 0, 0),
    "read memory": _memory_of,
    "hold a process": lambda pid: _call("pidfd_open", pid, 0),
    "new namespace": lambda _: _call("unshare", _CLONE_NEWUSER),
    "file in memory": lambda _: _call("memfd_create", b"name", 0),
    "io_uring": lambda _: _call("io_uring_setup", 1, ctypes.create_string_buffer(120)),
    "bpf": lambda _: _call("bpf", 0, ctypes.create_string_buffer(120), 120),
    "keys": lambda _: _call("keyctl", 0, -3, 1),
    "another filter": lambda _: _call("seccomp", 0, 0, None),
    "machine code": _machine_code,
    "memory limit": _more_memory,
    "thread": _thread,
}
