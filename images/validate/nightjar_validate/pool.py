"""Decoders: processes that decode, each isolated from this one and from each other, and replaced when they fail."""

import contextlib
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from nightjar.domain.reasons import Reason
from nightjar.errors import TryAgainError
from nightjar_validate.decoded import LONGEST_VIDEO, Decoded, Job, Output, Refused
from nightjar_validate.wire import Closed, WireError, receive_answer, receive_ready, send_job

log = logging.getLogger(__name__)

DECODE = "nightjar_validate.decode:decode"
_PROGRAM = [sys.executable, "-S", "-W", "ignore", "-m", "nightjar_validate.decoder"]
_KEPT_VARIABLES = ("PATH", "LANG", "TZ", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")
# glibc keeps the memory of one picture for the next. By default it mostly gives it back to the kernel each time, which
# makes decoding up to a third slower. In bytes. NumPy's BLAS, of which nothing is used, would claim memory per core.
_MEMORY_VARIABLES = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "OPENBLAS_NUM_THREADS": "1",
}
_START_SECONDS = 60.0  # for a decoder to start and take a job
_END_SECONDS = 5.0  # for a decoder that closed its channel to end
_UNSEALED = "decoders are not sealed ({}): a file that takes one over can read this user's files and open connections"


class StoppedDecoderError(TryAgainError):
    """The pool was closed while a decoder was at work."""


class Decoder:
    """One process: `take` a job, `run` it, then the next. After a failure it is of no more use (`alive` is false).

    `unsealed` says why the process is not sealed, once it has begun; empty when it is.
    """

    def __init__(self, decode: str, memory: int) -> None:
        ours, theirs = socket.socketpair()
        self._channel = ours
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the decoder
        # Nothing of this process's environment: S3 credentials have no business where hostile files are read.
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        environment |= _MEMORY_VARIABLES
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [*_PROGRAM, str(theirs.fileno()), decode, str(memory)],
                env=environment,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
            )
        self._said_before = 0
        self.unsealed: str | None = None
        self.alive = True

    def take(self, job: Job, file: BinaryIO) -> bool:
        """Hand it `job` with its file. False when it did not live to see it, for which no file is to blame.

        Raises StoppedDecoderError when it was stopped from here.
        """
        deadline = time.monotonic() + _START_SECONDS
        try:
            if self.unsealed is None:  # asked once only: a file that took the decoder over must not answer this
                self.unsealed = receive_ready(self._channel, deadline)
            said_before = os.fstat(self._errors.fileno()).st_size  # once it has the job, it may fail before we look
            send_job(self._channel, job, file)
            if receive_answer(self._channel, deadline) is None:
                self._said_before = said_before
                return True
        except (Closed, OSError, ValueError, WireError):  # ValueError: the file is closed, too
            if not self.alive:
                raise _stopped() from None
        log.warning("a decoder is lost before its next file: %s", self._how_it_ended())
        self.close()
        return False

    def run(self, job: Job) -> Output:
        """Pictures and refusals of `job`, once taken. A decoder that dies, hangs or grows too large gives a refusal.

        Raises StoppedDecoderError when it was stopped from here: that says nothing about the file.
        """
        deadline = time.monotonic() + job.seconds
        number, finished = 0, False
        try:
            while (answer := receive_answer(self._channel, deadline)) is not None:
                number += 1
                if number > (job.limits.max_frames + 1 if job.format.is_video else 1):
                    raise WireError(f"{number} pictures and refusals")
                handed_over = time.monotonic()
                yield _checked(answer, job)
                deadline += time.monotonic() - handed_over  # the caller's time is not counted against the file
                if isinstance(answer, Refused) and answer.reason is Reason.DECODER_OUT_OF_MEMORY:
                    return
            finished = True
        except TimeoutError:
            yield Refused(Reason.DECODER_TIMEOUT, f"expected decoding within {job.seconds:.0f} s, got no end of it")
        except (Closed, ConnectionError, WireError) as error:
            if not self.alive:
                raise _stopped() from None
            yield _checked(self._post_mortem(job, error), job)
        finally:
            if not finished:
                self.close()

    def _post_mortem(self, job: Job, error: Exception) -> Refused:
        if isinstance(error, WireError):
            return Refused(Reason.DECODER_CRASHED, f"expected decoding, got nonsense from the decoder ({error})")
        code = self._exit_code()
        if code == -signal.SIGXCPU:
            return Refused(
                Reason.DECODER_TIMEOUT, f"expected decoding within {job.cpu_seconds} s of computing, got no end of it"
            )
        if code == -signal.SIGKILL:  # nobody here did: the kernel, short of memory
            return Refused(
                Reason.DECODER_OUT_OF_MEMORY, "expected decoding within the pod's memory, got a need for more"
            )
        return Refused(
            Reason.DECODER_CRASHED, f"expected decoding, got a crash of the decoder ({self._how_it_ended()})"
        )

    def _exit_code(self) -> int | None:
        """As of Popen; None when it lives on, though it answers no more."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_END_SECONDS)
        return None

    def _how_it_ended(self) -> str:
        """The exit code or signal that ended the process, and the last line it wrote about its job."""
        code = self._exit_code()
        if code is None:
            return "a closed channel"
        self._errors.seek(max(self._said_before, self._errors.seek(0, os.SEEK_END) - 400))
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        names = {-number: number.name for number in signal.Signals}
        how = names.get(code, f"exit code {code}")
        return f"{how} {said[-1] if said else ''}".strip()

    def stop(self) -> None:
        """End the process, whatever it does; may be called from another thread than runs it."""
        self.alive = False
        self._process.kill()

    def close(self) -> None:
        """End the process and let go of all that belongs to it."""
        self.stop()
        self._process.wait()
        self._channel.close()
        self._errors.close()


def _stopped() -> StoppedDecoderError:
    return StoppedDecoderError("stopped before the end of a file; run it again")


def _checked(answer: Decoded | Refused, job: Job) -> Decoded | Refused:
    """`answer`; raises WireError for a time that the file cannot hold, as a decoder that was taken over might forge."""
    latest = round(LONGEST_VIDEO * 1000) if job.format.is_video else 0
    if not 0 <= (answer.offset_ms or 0) <= latest:
        raise WireError(f"a picture at {answer.offset_ms} ms of at most {latest}")
    return answer


class DecoderPool:
    """Up to `size` decoders, started ahead and replaced when lost. Safe to use from threads.

    `decode` is `module:function`; the function takes a Job and its file, and yields the pictures in it. `memory` is in
    bytes each. `unsealed` is a warning if decoders are not sealed; empty if they are, and until the first job.
    """

    def __init__(self, size: int, memory: int, decode: str = DECODE) -> None:
        self._size, self._decode, self._memory = size, decode, memory
        self._idle: queue.SimpleQueue[Decoder | None] = queue.SimpleQueue()  # None: the pool is closed
        self._lock = threading.Lock()
        self._closed = False
        self._all: set[Decoder] = set()
        self.unsealed = ""
        for _ in range(size):
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._closed:
                return
            decoder = Decoder(self._decode, self._memory)
            self._all.add(decoder)
            self._idle.put(decoder)

    def run(self, job: Job, path: Path) -> Output:
        """Pictures and refusals of `job` on the file at `path`, from whichever decoder is free next; waits for it.

        Raises StoppedDecoderError when the pool is closed meanwhile, TryAgainError when decoders die at their start.
        """
        for _ in range(self._size + 1):  # all idle decoders may have died, but not the decoder started after them
            with self._borrowed() as decoder, path.open("rb") as file:
                if decoder.take(job, file):
                    self._note(decoder)
                    yield from decoder.run(job)
                    return
        raise TryAgainError("expected a decoder to take a file, got none that lives that long")

    def _note(self, decoder: Decoder) -> None:
        """Say once if decoders are not sealed. They work on: a kernel without the means is no reason to stop."""
        with self._lock:
            if not decoder.unsealed or self.unsealed:
                return
            self.unsealed = _UNSEALED.format(decoder.unsealed)
        log.warning("%s", self.unsealed)

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Decoder]:
        decoder = self._idle.get()
        if decoder is None:
            self._idle.put(None)
            raise StoppedDecoderError("stopped before a file was begun; run it again")
        try:
            yield decoder
        finally:
            self._give_back(decoder)

    def _give_back(self, decoder: Decoder) -> None:
        with self._lock:
            if decoder.alive and not self._closed:
                self._idle.put(decoder)
                return
            self._all.discard(decoder)
        decoder.close()
        self._start()

    def close(self) -> None:
        """End all decoders; those at work are let go of by the thread that runs them."""
        with self._lock:
            self._closed = True
            for decoder in self._all:
                decoder.stop()
        with contextlib.suppress(queue.Empty):
            while True:
                if idle := self._idle.get_nowait():
                    idle.close()
        self._idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
