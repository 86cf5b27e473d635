"""Hours of the day in which a rule holds: wall-clock time, across midnight where the end comes before the start."""

import re
from dataclasses import dataclass
from datetime import time
from typing import Self

_WINDOW = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})", re.ASCII)
_DAY = 24 * 60


@dataclass(frozen=True)
class Hours:
    """From `start` up to, not including, `end`, in minutes after midnight; `end` 1440 is the end of the day."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`22:00-06:00` as hours; raises ValueError for anything else, also for an empty or endless window."""
        found = _WINDOW.fullmatch(text)
        if not found:
            raise ValueError(f'expected hours like "22:00-06:00", got {text!r}')
        start, end = _minutes(found[1], found[2]), _minutes(found[3], found[4])
        if start in (end, _DAY):
            raise ValueError(
                f"expected hours that begin and end at different times, got {text!r}; leave out for always"
            )
        return cls(start, end)

    def holds_at(self, moment: time) -> bool:
        """Whether the wall clock, showing `moment`, is inside. An hour that the clock shows twice is inside twice."""
        minute = moment.hour * 60 + moment.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def began_yesterday(self, moment: time) -> bool:
        """Whether the hours that hold when the wall clock shows `moment` began on the day before."""
        return self.end <= self.start and moment.hour * 60 + moment.minute < self.end

    def __str__(self) -> str:
        return f"{self.start // 60:02d}:{self.start % 60:02d}-{self.end // 60:02d}:{self.end % 60:02d}"


def _minutes(hour: str, minute: str) -> int:
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > _DAY:
        raise ValueError(f"expected a time from 00:00 to 24:00, got {hour}:{minute}")
    return minutes
