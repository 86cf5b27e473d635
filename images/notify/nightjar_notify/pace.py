"""How fast alerts go out, for all senders of the stage together: how many at once, when to wait, when to stop."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_IN_A_ROW = 5  # alerts that the mail API takes none of: it is down, and trying all the others only takes time
_LONGEST_WAIT = 60.0  # seconds between two tries; an API that asks for more gets it from the next try of the task


class Pace:
    """Lets up to `most` deliveries run at once, and up to `patience` seconds be spent on waiting. Safe from threads.

    It begins with one delivery at a time. Each delivery that the mail API answers for good allows one more; each that
    it does not halves the number, and so does an API that asks everybody to wait. So an API that is down costs few
    calls. Seconds that several deliveries wait at the same time count once.
    """

    def __init__(self, most: int, patience: float) -> None:
        self._most = most
        self._patience = patience
        self._changed = threading.Condition()
        self._allowed = 1
        self._under_way = 0
        self._later_in_a_row = 0
        self._paid_until = self._paused_until = time.monotonic()
        self._stopped_by: str | None = None

    @property
    def stopped_by(self) -> str:
        """Why no delivery may begin any more; empty while deliveries may."""
        return self._stopped_by or ""

    @contextmanager
    def delivery(self) -> Iterator[bool]:
        """The time of a delivery, from its claim to its record; begins when it may. False: it must not be made."""
        allowed = self._begin()
        try:
            yield allowed
        finally:
            if allowed:
                with self._changed:
                    self._under_way -= 1
                    self._changed.notify_all()

    def settled(self, *, later: bool) -> None:
        """Take note of how a delivery ended: with an answer for good, or `later`."""
        with self._changed:
            if later:
                self._allowed = max(1, self._allowed // 2)
                self._later_in_a_row += 1
            else:
                self._allowed = min(self._most, self._allowed + 1)
                self._later_in_a_row = 0
            if self._later_in_a_row >= _IN_A_ROW:
                self._stop(f"the mail API took none of {_IN_A_ROW} alerts in a row")
            self._changed.notify_all()

    def wait(self, seconds: float, *, everybody: bool) -> bool:
        """Wait before a delivery is tried again; False, without further waiting, when it must not be.

        With `everybody`, no other delivery begins or goes on meanwhile.
        """
        with self._changed:
            now = time.monotonic()
            until = now + seconds
            price = max(0.0, until - max(now, self._paid_until))
            if seconds > _LONGEST_WAIT or price > self._patience:
                if everybody:
                    self._stop(f"the mail API asks for {seconds:.0f} s, more than is left to wait")
                return False
            self._patience -= price
            self._paid_until = max(self._paid_until, until)
            if everybody:
                self._paused_until = max(self._paused_until, until)
                self._allowed = max(1, self._allowed // 2)
            while not self._stopped_by and (left := max(until, self._paused_until) - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._stopped_by

    def stop(self, reason: str) -> None:
        """Let no delivery begin or try again; those that wait for an answer get it."""
        with self._changed:
            self._stop(reason)

    def drain(self, seconds: float) -> None:
        """Wait until no delivery is under way, `seconds` at the most."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, seconds)

    def _begin(self) -> bool:
        with self._changed:
            while not self._stopped_by:
                pause = self._paused_until - time.monotonic()
                if pause <= 0 and self._under_way < self._allowed:
                    self._under_way += 1
                    return True
                self._changed.wait(pause if pause > 0 else None)
            return False

    def _stop(self, reason: str) -> None:
        self._stopped_by = self._stopped_by or reason
        self._changed.notify_all()
