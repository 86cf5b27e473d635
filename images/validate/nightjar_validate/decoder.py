"""The program inside a decoder's process: `python -m nightjar_validate.decoder <fd> <module:function> <bytes>`.

It holds no credentials, may use so much memory and time, seals itself before the first file (see `seal`), and is thrown
away when a file gets the better of it.
"""

import importlib
import math
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import BinaryIO

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Job, Output, Refused
from nightjar_validate.seal import seal
from nightjar_validate.wire import Closed, receive_job, send_answer, send_ready

_LONGEST_FILE = 1 << 20  # bytes: what it may write, for its standard error

Decode = Callable[[Job, BinaryIO], Output]


def main(channel: socket.socket, decode: Decode) -> None:
    """Serve jobs until the other end closes."""
    while True:
        try:
            job, file = receive_job(channel)
        except Closed:
            return
        with file:
            _serve(channel, decode, job, file)


def _serve(channel: socket.socket, decode: Decode, job: Job, file: BinaryIO) -> None:
    send_answer(channel, None)  # taken: if this process ends from here on, the file is to blame
    _allow(job)
    _set_alarm(job)
    try:
        for answer in decode(job, file):
            _clear_alarm()  # the stage takes an answer only when it has stored the answer before
            send_answer(channel, answer)
            _set_alarm(job)
    except MemoryError:
        mebibytes = resource.getrlimit(resource.RLIMIT_AS)[0] >> 20
        detail = f"expected decoding within {mebibytes} MiB, got a need for more"
        send_answer(channel, Refused(Reason.DECODER_OUT_OF_MEMORY, detail))
    _clear_alarm()  # it would strike while this process waits, and the next job would be blamed
    send_answer(channel, None)


def _allow(job: Job) -> None:
    """Give `job` its processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + job.cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _set_alarm(job: Job) -> None:
    """End this process when an answer takes longer than the stage waits: the stage may be gone and not end it."""
    signal.setitimer(signal.ITIMER_REAL, 2 * job.seconds + 60)


def _clear_alarm() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)


def _confine(memory: int) -> None:
    # A signal to the process group asks the stage to stop, and the stage ends its decoders. A decoder that died of the
    # signal itself would look as if its file had crashed it.
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LONGEST_FILE, _LONGEST_FILE))


if __name__ == "__main__":
    _confine(int(sys.argv[3]))
    module, _, function = sys.argv[2].partition(":")
    loaded: Decode = getattr(importlib.import_module(module), function)
    with socket.socket(fileno=int(sys.argv[1])) as connected:
        send_ready(connected, seal())
        main(connected, loaded)
