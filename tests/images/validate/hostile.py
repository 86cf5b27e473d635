"""A decode function for the tests of the pool: it does to its process what a hostile file might, for real.

The file says what, after a JPEG's first bytes if need be; every other file is decoded as in production.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import time

from nightjar_validate.decode import decode as decode_for_real
from nightjar_validate.decoded import Decoded, Job, Output


def decode(job: Job) -> Output:
    """Misbehave as the file says."""
    match job.path.read_bytes()[:100].removeprefix(b"\xff\xd8\xff "):
        case b"crash":
            yield Decoded(b"before", 1, 1, 0)
            ctypes.string_at(0)  # SIGSEGV
        case b"abort":
            os.abort()
        case b"exit":
            os._exit(3)
        case b"raise":
            raise RuntimeError("a bug")
        case b"sleep":
            yield Decoded(b"before", 1, 1, 0)
            time.sleep(600)
        case b"compute":
            while True:
                pass
        case b"eat":
            hoard = []
            while True:
                hoard.append(bytearray(16 << 20))
        case b"babble":
            os.write(int(sys.argv[1]), b"\xff" * 64)
            time.sleep(600)
        case b"lie":
            os.write(int(sys.argv[1]), b'\0\0\0\x12\0\0\0\0{"kind":"unknown"}')
            time.sleep(600)
        case b"nest":
            os.write(int(sys.argv[1]), b"\0\0\xff\xff\0\0\0\0" + b"[" * 0xFFFF)
            time.sleep(600)
        case b"surrogate":
            head = b'{"kind":"refused","reason":"void","detail":"\\ud800","offset_ms":null}'
            os.write(int(sys.argv[1]), b"\0\0\0" + bytes([len(head)]) + bytes(4) + head)
            time.sleep(600)
        case b"flood":
            while True:
                yield Decoded(b"before", 1, 1, 0)
        case b"future":
            yield Decoded(b"forged", 1, 1, 10**16)
        case b"past":
            yield Decoded(b"forged", 1, 1, -1)
        case b"hang up":
            socket.socket(fileno=int(sys.argv[1])).shutdown(socket.SHUT_RDWR)
            time.sleep(600)
        case b"rare signal":
            os.kill(os.getpid(), 40)
        case b"asked to stop":
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)
            yield Decoded(b"still here", 1, 1, 0)
        case b"path":
            raise RuntimeError(f"{job.path} is odd")
        case b"alarm":
            yield Decoded(str(os.getpid()).encode(), 1, 1, 0)
            signal.setitimer(signal.ITIMER_REAL, 0.5)
        case b"two":
            yield Decoded(b"one", 1, 1, 0)
            time.sleep(0.1)
            yield Decoded(b"two", 1, 1, 0)
        case b"environment":
            told = {"environment": dict(os.environ), "files": os.listdir("/proc/self/fd")}  # noqa: PTH208
            yield Decoded(json.dumps(told).encode(), 1, 1, 0)
        case b"write":
            with open(job.path.with_name("written"), "wb") as file:  # noqa: PTH123 - as hostile code would
                file.write(bytes(2 << 20))
        case _:
            yield from decode_for_real(job)
