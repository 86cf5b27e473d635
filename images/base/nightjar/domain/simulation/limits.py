"""The bounds of the pods of stages while a day is simulated."""

from dataclasses import dataclass

_CHUNK = 2.0  # seconds of work that a paced limit takes on at a time


@dataclass
class Amount:
    """So much of something at once, of which each pod holds a part while it runs."""

    total: float
    held: float = 0.0

    def room(self, each: float) -> int:
        """How many more pods that hold `each` there is room for."""
        return int((self.total - self.held) / each + 1e-9)

    @property
    def share(self) -> float:
        """How much of it is held, 0..1."""
        return self.held / self.total

    def hold(self, amount: float) -> None:
        """Pods began (more than 0) or ended (less)."""
        self.held += amount


@dataclass
class Pace:
    """So many things a second, one after the other; what is asked for too early waits."""

    a_second: float
    free_at: float = 0.0
    done: float = 0.0

    def room(self, now: float) -> int:
        """How many may begin now: none while earlier ones are at it."""
        return max(1, int(self.a_second * _CHUNK)) if now >= self.free_at - 1e-9 else 0

    def spend(self, now: float, number: float) -> None:
        """Begin `number` things."""
        self.free_at = max(self.free_at, now) + number / self.a_second
        self.done += number
