"""When pictures land in the course of a day."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf

HOURS = 24
HOUR = 3600.0  # seconds
DAY = HOURS * HOUR

# How much of a day's motion each hour sees, by the clock of most cameras.
PROFILES: dict[str, tuple[float, ...]] = {
    "even": (1.0,) * HOURS,
    # Homes: quiet nights, a peak when people come home.
    "evening": (1, 1, 1, 1, 1, 2, 4, 6, 5, 4, 4, 4, 5, 4, 4, 5, 7, 10, 9, 7, 5, 3, 2, 1),
}


@dataclass(frozen=True)
class Arrivals:
    """`bursts` times `burst` pictures in a day, spread over its hours as `hours` weighs them, evenly within an hour.

    The pictures of a burst land together. Nothing is random here: the n-th burst lands at a time of its own.
    """

    bursts: int
    burst: int
    hours: Sequence[float]

    def __post_init__(self) -> None:
        if self.bursts < 0 or self.burst < 1:
            raise ValueError(f"expected 0 bursts or more of a picture or more, got {self.bursts} of {self.burst}")
        if len(self.hours) != HOURS or min(self.hours) < 0 or not 0 < sum(self.hours) < inf:
            raise ValueError(f"expected {HOURS} weights, finite, none below 0 and one above it, got {list(self.hours)}")
        total = sum(self.hours)
        before = [self.bursts * weight / total for weight in accumulate(self.hours, initial=0.0)]
        object.__setattr__(self, "_before", before)

    @property
    def pictures(self) -> int:
        """Of the day."""
        return self.bursts * self.burst

    @property
    def peak(self) -> int:
        """The hour in which the most pictures land; the first of several."""
        return max(range(HOURS), key=lambda hour: self.hours[hour])

    @property
    def peak_pictures(self) -> float:
        """Pictures that land in the peak hour."""
        return self.pictures * self.hours[self.peak] / sum(self.hours)

    def landed(self, seconds: float) -> int:
        """How many pictures have landed by then, in seconds since the day began."""
        hour = min(max(int(seconds // HOUR), 0), HOURS - 1)
        share = min(max(seconds / HOUR - hour, 0.0), 1.0)
        before = self._counts
        expected = before[hour] + (before[hour + 1] - before[hour]) * share
        return min(int(expected + 0.5), self.bursts) * self.burst

    def time_of(self, picture: int) -> float:
        """When picture number `picture` (from 0) lands, in seconds since the day began."""
        if not 0 <= picture < self.pictures:
            raise ValueError(f"expected a picture of 0 to {self.pictures - 1}, got {picture}")
        place = picture // self.burst + 0.5
        before = self._counts
        hour = min(bisect_right(before, place) - 1, HOURS - 1)
        return (hour + (place - before[hour]) / (before[hour + 1] - before[hour])) * HOUR

    @property
    def _counts(self) -> list[float]:
        """Bursts before each hour, and after the last one."""
        counts: list[float] = self.__dict__["_before"]
        return counts
