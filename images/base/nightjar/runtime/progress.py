"""Progress of long work: how much is done, how fast, and how long it will take."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Progress:
    """Counts work and logs it with its rate, at most every `every` seconds; safe to use from threads."""

    def __init__(
        self,
        what: str,
        total: int | None = None,
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._total, self._every, self._clock = what, total, every, clock
        self._started = self._logged = clock()
        self._done = 0
        self._lock = threading.Lock()

    def add(self, number: int = 1) -> None:
        """Count `number` more as done."""
        with self._lock:
            self._done += number
            now = self._clock()
            if now - self._logged < self._every:
                return
            self._logged = now
        self._log(now)

    def finish(self) -> None:
        """Log the final number and rate."""
        self._log(self._clock())

    def _log(self, now: float) -> None:
        rate = self._done / max(now - self._started, 1e-9)
        of = "" if self._total is None else f" of {self._total}"
        extra: dict[str, object] = {"done": self._done, "total": self._total, "per_second": round(rate, 1)}
        if self._total is not None and rate > 0:
            extra["seconds_left"] = round((self._total - self._done) / rate)
        log.info("%s: %d%s, %.1f a second", self._what, self._done, of, rate, extra=extra)
