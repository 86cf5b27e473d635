"""Bounds on what costs much, for each person: how many at once, and how many a minute. Counted in this process."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fastapi import Request

from plugins.web.access import person_of
from plugins.web.errors import TooMany

_MINUTE = 60.0  # seconds
_MOST_PEOPLE = 10_000  # whose counts are kept


@dataclass
class _Count:
    running: int = 0
    begun: deque[float] = field(default_factory=deque)

    def is_over(self, now: float) -> bool:
        return not self.running and (not self.begun or self.begun[-1] <= now - _MINUTE)


class Limits:
    """Counts by name and person. Safe to use from threads. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[tuple[str, str], _Count] = {}
        self._lock = threading.Lock()

    def begin(self, name: str, person: str, at_once: int, per_minute: int) -> None:
        """Count one more, which `end` ends; raises TooMany."""
        now = self._clock()
        with self._lock:
            self._forget(now)
            count = self._counts.setdefault((name, person), _Count())
            while count.begun and count.begun[0] <= now - _MINUTE:
                count.begun.popleft()
            if count.running >= at_once:
                raise TooMany(f"Expected at most {at_once} of this at once; the one before has not ended yet.", 5)
            if len(count.begun) >= per_minute:
                wait = int(count.begun[0] + _MINUTE - now) + 1
                raise TooMany(f"Expected this at most {per_minute} times a minute; try again in {wait} s.", wait)
            count.running += 1
            count.begun.append(now)

    def end(self, name: str, person: str) -> None:
        """One that `begin` counted has ended."""
        with self._lock:
            self._counts[(name, person)].running -= 1

    def _forget(self, now: float) -> None:
        if len(self._counts) >= _MOST_PEOPLE:
            for key in [key for key, each in self._counts.items() if each.is_over(now)]:
                del self._counts[key]


def limited(name: str, *, at_once: int, per_minute: int) -> Callable[[Request], Iterator[None]]:
    """`dependencies=[Depends(limited("rules-try", at_once=1, per_minute=6))]`: for each person; else 429."""

    def limit(request: Request) -> Iterator[None]:
        limits: Limits = request.app.state.limits
        person = person_of(request).name
        limits.begin(name, person, at_once, per_minute)
        try:
            yield
        finally:
            limits.end(name, person)

    return limit
