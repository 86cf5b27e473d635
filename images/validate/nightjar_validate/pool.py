"""Decoders: processes that decode, each isolated from this one and from each other, and replaced when they fail."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from types import TracebackType
from typing import Self

from nightjar.domain.reasons import Reason
from nightjar.errors import TryAgainError
from nightjar_validate.decoded import Job, Output, Refused
from nightjar_validate.wire import Closed, WireError, receive_answer, send_job

DECODE = "nightjar_validate.decode:decode"
_PROGRAM = [sys.executable, "-S", "-W", "ignore", "-m", "nightjar_validate.decoder"]
_KEPT_VARIABLES = ("PATH", "LANG", "TZ", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")


class StoppedDecoderError(TryAgainError):
    """The pool was closed while a decoder was at work."""


class Decoder:
    """One process. `run` its jobs one after the other; after a failure it is of no more use (`alive` is false)."""

    def __init__(self, decode: str, memory: int) -> None:
        ours, theirs = socket.socketpair()
        self._channel = ours
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the decoder
        # Nothing of this process's environment: S3 credentials have no business where hostile files are read.
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
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
        self.alive = True

    def run(self, job: Job) -> Output:
        """What comes of `job`. A decoder that dies, hangs or grows too large ends it with a refusal.

        Raises StoppedDecoderError when it was stopped from here: that says nothing about the file.
        """
        deadline = time.monotonic() + job.seconds
        finished = False
        try:
            send_job(self._channel, job)
            while (answer := receive_answer(self._channel, deadline)) is not None:
                yield answer
                if isinstance(answer, Refused) and answer.reason is Reason.DECODER_OUT_OF_MEMORY:
                    return
            finished = True
        except TimeoutError:
            yield Refused(Reason.DECODER_TIMEOUT, f"expected an end within {job.seconds:.0f} s, got none")
        except (Closed, ConnectionError, WireError) as error:
            if not self.alive:
                raise StoppedDecoderError("stopped before the end of a file; run it again") from None
            yield self._post_mortem(job, error)
        finally:
            if not finished:
                self.close()

    def _post_mortem(self, job: Job, error: Exception) -> Refused:
        if isinstance(error, WireError):
            return Refused(Reason.DECODER_CRASHED, f"expected an answer of the decoder, got {error}")
        code = self._process.wait(10)
        if code == -signal.SIGXCPU:
            return Refused(Reason.DECODER_TIMEOUT, f"expected an end within {job.cpu_seconds} s of computing, got none")
        if code == -signal.SIGKILL:  # nobody here did: the kernel, short of memory
            return Refused(Reason.DECODER_OUT_OF_MEMORY, "expected decoding within the pod's memory, got killed")
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 400))
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Refused(
            Reason.DECODER_CRASHED, f"expected the decoder to live, got {how} {said[-1] if said else ''}".strip()
        )

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


class DecoderPool:
    """Up to `size` decoders, started ahead and replaced when lost. Safe to use from threads.

    `decode` is `module:function`; the function takes a Job and yields what is in it. `memory` is in bytes each.
    """

    def __init__(self, size: int, memory: int, decode: str = DECODE) -> None:
        self._decode, self._memory = decode, memory
        self._idle: queue.SimpleQueue[Decoder | None] = queue.SimpleQueue()  # None: the pool is closed
        self._lock = threading.Lock()
        self._closed = False
        self._all: set[Decoder] = set()
        for _ in range(size):
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._closed:
                return
            decoder = Decoder(self._decode, self._memory)
            self._all.add(decoder)
            self._idle.put(decoder)

    def run(self, job: Job) -> Output:
        """What comes of `job`, in whichever decoder is free next; waits for one.

        Raises StoppedDecoderError when the pool is closed meanwhile.
        """
        decoder = self._idle.get()
        if decoder is None:
            self._idle.put(None)
            raise StoppedDecoderError("stopped before a file was begun; run it again")
        try:
            yield from decoder.run(job)
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
