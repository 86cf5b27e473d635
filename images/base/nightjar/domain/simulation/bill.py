"""Requests of a deployment to S3, counted as S3 bills it, and the price.

The figures are those of `python -m tests.benchmarks requests`. A picture's own upload is among those of the picture;
what Airflow's operators read of a task, its manifest before and after and three of the objects that it names, is among
those of the shard. A shard holds a camera, or several that are packed together.
"""

from dataclasses import dataclass

TASKS = 4  # of each shard: notify is one also where it is skipped


@dataclass(frozen=True)
class Requests:
    """Requests to S3: `dear` are PUT, COPY, POST and LIST, `cheap` GET and HEAD."""

    dear: float
    cheap: float

    def __add__(self, other: "Requests") -> "Requests":
        return Requests(self.dear + other.dear, self.cheap + other.cheap)

    def __mul__(self, number: float) -> "Requests":
        return Requests(self.dear * number, self.cheap * number)


OF_RUN = Requests(16, 37)
OF_SHARD = Requests(16 - 8, 50 - 14 + 6 * TASKS)
OF_CAMERA = Requests(8 - 3, 14 - 3)
OF_PICTURE = Requests(3 + 1, 3)
OF_EVENT = Requests(10, 20)
OF_REPORT = Requests(17, 46)  # one a run at the most
OF_PATROL = Requests(14, 18)
PATROL_MINUTES = 5
LISTINGS = 2  # each time that the watch looks
KEYS_A_LISTING = 1000  # the drop zone is listed twice by each collect, in pages of so many keys


@dataclass(frozen=True)
class Prices:
    """US dollars for 1,000 requests."""

    dear: float = 0.005
    cheap: float = 0.0004

    def of(self, requests: Requests) -> float:
        """US dollars."""
        return (requests.dear * self.dear + requests.cheap * self.cheap) / 1000
