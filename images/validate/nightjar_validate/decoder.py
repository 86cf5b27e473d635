"""The program inside a decoder's process: `python -m nightjar_validate.decoder <fd> <module:function> <bytes>`.

It holds no credentials, may use so much memory and time, writes nothing but answers, and is thrown away when a file
gets the better of it.
"""

import importlib
import math
import resource
import signal
import socket
import sys
from collections.abc import Callable

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Job, Output, Refused
from nightjar_validate.wire import Closed, receive_job, send_answer

_LONGEST_FILE = 1 << 20  # bytes: what it may write, for its standard error


def main(channel: socket.socket, decode: Callable[[Job], Output]) -> None:
    """Serve jobs until the other end closes."""
    while True:
        try:
            job = receive_job(channel)
        except Closed:
            return
        _allow(job)
        try:
            for answer in decode(job):
                send_answer(channel, answer)
        except MemoryError:
            mebibytes = resource.getrlimit(resource.RLIMIT_AS)[0] >> 20
            detail = f"expected decoding within {mebibytes} MiB, got a need for more"
            send_answer(channel, Refused(Reason.DECODER_OUT_OF_MEMORY, detail))
        send_answer(channel, None)


def _allow(job: Job) -> None:
    """Give `job` its processor time and, in case nobody is there to end it, its time on the clock."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + job.cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    signal.setitimer(signal.ITIMER_REAL, 2 * job.seconds + 60)


def _confine(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LONGEST_FILE, _LONGEST_FILE))


if __name__ == "__main__":
    _confine(int(sys.argv[3]))
    module, _, function = sys.argv[2].partition(":")
    with socket.socket(fileno=int(sys.argv[1])) as connected:
        main(connected, getattr(importlib.import_module(module), function))
