"""Signs by which it is told how the deployment does: when the watch looked last, and how much of a day was refused."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime

from pydantic import Field

from nightjar.domain.model import Stored

_MOST_RUNS = 200


class Heartbeat(Stored):
    """`operator/heartbeat.json`: the watch looked at `at`. Written each minute while it looks."""

    at: datetime


class DayRefusals(Stored):
    """`operator/refusals.json`: of the pictures that the live runs of a UTC day brought, how many were refused and why.

    `counted` are the runs that were counted last: one that is cleared within the next 200 runs is not counted again.
    """

    day: date
    received: int = 0
    reasons: dict[str, int] = Field(default_factory=dict)
    counted: tuple[str, ...] = ()

    @property
    def refused(self) -> int:
        """How many were refused."""
        return sum(self.reasons.values())

    def with_run(self, run: str, received: int, reasons: Mapping[str, int]) -> "DayRefusals":
        """The day with a run more; the same once the run is counted."""
        if run in self.counted:
            return self
        total = Counter(self.reasons)
        total.update(reasons)
        return self.model_copy(
            update={
                "received": self.received + received,
                "reasons": dict(sorted(total.items())),
                "counted": (*self.counted, run)[-_MOST_RUNS:],
            }
        )
