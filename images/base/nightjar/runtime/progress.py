"""Progress of long work: how much is done, how fast, and how long it will take.

A person at a terminal sees a bar (on standard error); everywhere else the log has a line now and then.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

log = logging.getLogger(__name__)


class Progress:
    """Counts work; safe to use from threads.

    With a terminal it draws a bar, which is closed when `total` is reached or by `finish`. Otherwise it logs the number
    with its rate, at most every `every` seconds.
    """

    def __init__(
        self,
        what: str,
        total: int | None = None,
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        terminal: TextIO | None = None,
    ) -> None:
        self._what, self._total, self._every, self._clock = what, total, every, clock
        self._started = self._logged = clock()
        self._done = 0
        self._lock = threading.Lock()
        self._bar = draw_bar(what, total, terminal or sys.stderr)

    def add(self, number: int = 1) -> None:
        """Count `number` more as done."""
        with self._lock:
            self._done += number
            if self._bar is not None:
                self._bar.update(number)
                if self._done == self._total:
                    self._bar.close()
                return
            now = self._clock()
            if now - self._logged < self._every:
                return
            self._logged = now
        self._log(now)

    def finish(self) -> None:
        """Log the final number and rate, or leave the bar as it is; nothing where there was nothing to do."""
        if self._bar is not None:
            self._bar.close()
        elif self._total != 0:
            self._log(self._clock())

    def _log(self, now: float) -> None:
        rate = self._done / max(now - self._started, 1e-9)
        of = "" if self._total is None else f" of {self._total}"
        extra: dict[str, object] = {"done": self._done, "total": self._total, "per_second": round(rate, 1)}
        if self._total is not None and rate > 0:
            extra["seconds_left"] = round((self._total - self._done) / rate)
        log.info("%s: %d%s, %.1f a second", self._what, self._done, of, rate, extra=extra)


def draw_bar(what: str, total: int | None, stream: TextIO) -> "tqdm[Any] | None":
    """A bar on `stream`; None if that is no terminal or if there is nothing to do."""
    if total == 0 or not stream.isatty():
        return None
    return _tqdm()(desc=what, total=total, file=stream, dynamic_ncols=True, mininterval=0.2)


class BarHandler(logging.StreamHandler[TextIO]):
    """Writes log lines to a terminal above the bars that are drawn there."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; the bars are cleared before and drawn again after it."""
        with _tqdm().external_write_mode(file=self.stream):
            super().emit(record)


def log_handler(stream: TextIO) -> "logging.StreamHandler[TextIO]":
    """The handler for log lines on `stream`: one that minds the bars if both they and the lines go to a terminal."""
    return BarHandler(stream) if stream.isatty() and sys.stderr.isatty() else logging.StreamHandler(stream)


@cache
def _tqdm() -> "type[tqdm[Any]]":
    """tqdm, imported where somebody looks on; for one process, without its thread and its lock across processes."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0
    tqdm.set_lock(threading.RLock())
    return tqdm
