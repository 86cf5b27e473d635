"""A decode function for the tests of the pool: it does to its process what a hostile file might, for real.

The file says what, after a JPEG's first bytes if need be; every other file is decoded as in production.
"""

import ctypes
import errno
import json
import os
import signal
import sys
import time
from typing import BinaryIO

from nightjar_validate.decode import decode as decode_for_real
from nightjar_validate.decoded import Decoded, Job, Output


def decode(job: Job, file: BinaryIO) -> Output:
    """Misbehave as the file says."""
    said = file.read(100)
    file.seek(0)
    match said.removeprefix(b"\xff\xd8\xff "):
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
            head = b'{"kind":"refused","reason":"void","detail":"\\ud800","offset_ms":null,"preview":0}'
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
            os.close(int(sys.argv[1]))
            time.sleep(600)
        case b"rare signal":
            signal.raise_signal(40)
        case b"asked to stop":
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.raise_signal(number)
            yield Decoded(b"still here", 1, 1, 0)
        case b"alarm":
            yield Decoded(str(os.getpid()).encode(), 1, 1, 0)
            signal.setitimer(signal.ITIMER_REAL, 0.5)
        case b"two":
            yield Decoded(b"one", 1, 1, 0)
            time.sleep(0.1)
            yield Decoded(b"two", 1, 1, 0)
        case b"environment":
            told = {"environment": dict(os.environ), "files": [number for number in range(1000) if _is_open(number)]}
            yield Decoded(json.dumps(told).encode(), 1, 1, 0)
        case b"modules":
            yield Decoded(json.dumps(list(sys.modules)).encode(), 1, 1, 0)
        case b"write":
            os.lseek(2, 1 << 20, os.SEEK_SET)
            try:
                os.write(2, b"more")
            finally:
                os.lseek(2, 0, os.SEEK_SET)
        case _:
            yield from decode_for_real(job, file)


def _is_open(descriptor: int) -> bool:
    try:
        os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError as error:
        return error.errno != errno.EBADF
    return True
