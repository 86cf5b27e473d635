"""How large a cluster has to be, and what S3 bills: the arithmetic behind the tables of docs/kubernetes/sizing.md.

Requests and prices are those of `nightjar.domain.simulation.bill`.

shards a minute    S = NIGHTJAR_LIVE_RUNS * 60 / (seconds of a run) * NIGHTJAR_MAX_SHARDS, and at most the pictures
pictures a shard   k = M / S, of M pictures a minute
seconds of a run   T = RUN_SECONDS + k * WORK_SECONDS
pods at once       S / 60 * (3 * POD_SECONDS + k * WORK_SECONDS)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from nightjar.domain.simulation.bill import (
    LISTINGS,
    OF_CAMERA,
    OF_EVENT,
    OF_PATROL,
    OF_PICTURE,
    OF_REPORT,
    OF_RUN,
    OF_SHARD,
    PATROL_MINUTES,
    TASKS,
    Prices,
    Requests,
)
from nightjar.domain.stages import STAGES

# Measured; the page says where.
POD_SECONDS = 4.6  # of a pod that does nothing: made, started, Python and S3, noticed
RUN_SECONDS = 30.0  # of a run whose shards have a picture each
WORK = {"validate": 1 / 50, "detect": 1 / 110, "assess": 0.0}  # seconds of a core, for each picture
WORK_SECONDS = sum(WORK.values())
TASK_SECONDS = 0.9  # of Airflow's cores, for each task
MONTH = 30 * 24 * 60  # minutes


@dataclass(frozen=True)
class Load:
    """`pictures` a minute of so many `cameras`, under the settings of the same names.

    `events` is the share of pictures that begin one.
    """

    pictures: float
    cameras: int
    max_shards: int = 20
    live_runs: int = 4
    events: float = 0.01
    look_seconds: float = 1.0

    @property
    def a_shard(self) -> float:
        """Pictures of a shard, at least one. Raises ValueError when the runs cannot take so many in."""
        room = 60 * self.live_runs * self.max_shards - self.pictures * WORK_SECONDS
        if room <= 0:
            raise ValueError(f"expected fewer than {self.pictures:,.0f} pictures a minute, or more shards or runs")
        return max(1.0, RUN_SECONDS * self.pictures / room)

    @property
    def shards(self) -> float:
        """A minute."""
        return self.pictures / self.a_shard

    @property
    def runs(self) -> float:
        """A minute: as many as may be under way, but at most one for each shard."""
        return min(self.shards, 60 * self.live_runs / (RUN_SECONDS + self.a_shard * WORK_SECONDS))

    @property
    def visits(self) -> float:
        """Cameras that have pictures in a run, of all runs of a minute."""
        return min(self.pictures, self.runs * self.cameras)

    @property
    def pods(self) -> float:
        """Pods of stages at once."""
        return self.shards / 60 * (len(WORK) * POD_SECONDS + self.a_shard * WORK_SECONDS)

    @property
    def cores(self) -> float:
        """Cores that these pods ask for."""
        return self._held({name: _cores(STAGES[name].cpu) for name in WORK})

    @property
    def memory(self) -> float:
        """GiB that these pods ask for."""
        return self._held({name: float(STAGES[name].memory.removesuffix("Gi")) for name in WORK})

    @property
    def by_stage(self) -> dict[str, float]:
        """Pods at once, by stage."""
        return {name: self._held({each: float(each == name) for each in WORK}) for name in WORK}

    def _held(self, each: Mapping[str, float]) -> float:
        """Of a resource of which a pod of each stage holds so much while it runs."""
        return self.shards / 60 * sum(each[name] * (POD_SECONDS + self.a_shard * WORK[name]) for name in WORK)

    @property
    def airflow_cores(self) -> float:
        """Cores of the schedulers."""
        return self.shards / 60 * TASKS * TASK_SECONDS

    @property
    def idle(self) -> Requests:
        """Requests of a month in which nothing lands."""
        return (Requests(60 / self.look_seconds * LISTINGS, 0) + OF_PATROL * (1 / PATROL_MINUTES)) * MONTH

    @property
    def requests(self) -> Requests:
        """Requests of a month."""
        a_minute = (
            (OF_RUN + OF_REPORT) * self.runs
            + OF_SHARD * self.shards
            + OF_CAMERA * self.visits
            + OF_PICTURE * self.pictures
            + OF_EVENT * (self.pictures * self.events)
        )
        return self.idle + a_minute * MONTH


# Cameras, and how often each sends a picture; few pictures need few shards.
EXAMPLES = (
    ("20 cameras, a picture each in 10 minutes", Load(2, 20)),
    ("100 cameras, a picture a minute each", Load(100, 100, max_shards=10, live_runs=2)),
    ("1,000 cameras, a picture a minute each", Load(1_000, 1_000)),
    ("10,000 cameras, a picture a minute each", Load(10_000, 10_000)),
    ("10,000 cameras, ten pictures a minute each", Load(100_000, 10_000, max_shards=40)),
)


def clusters() -> Iterator[tuple[str, ...]]:
    """A row for each example: what it asks of a cluster."""
    for name, load in EXAMPLES:
        yield (
            name,
            f"{load.live_runs}, {load.max_shards}",
            f"{load.shards:,.0f}",
            f"{load.a_shard:,.0f}",
            f"{ceil(load.pods):,}: {', '.join(str(ceil(number)) for number in load.by_stage.values())}",
            f"{ceil(load.cores):,}",
            f"{ceil(load.memory):,}",
            f"{load.airflow_cores:,.1f}",
        )


def bills() -> Iterator[tuple[str, ...]]:
    """A row for each example: what S3 bills for its requests."""
    prices = Prices()
    for name, load in EXAMPLES:
        total = prices.of(load.requests)
        thousand = prices.of(load.requests) / (load.pictures * MONTH) * 1000
        yield (
            name,
            f"{load.requests.dear / 1e6:,.1f}",
            f"{load.requests.cheap / 1e6:,.1f}",
            f"{total:,.0f}",
            f"{thousand:,.2f}",
        )


def requests() -> Iterator[tuple[str, ...]]:
    """A row for each thing that costs requests."""
    parts = {
        "a live run, without its shards": OF_RUN,
        "a report, at most one for each run": OF_REPORT,
        "each shard of a run, a pod of each stage": OF_SHARD,
        "each camera that has pictures in a run": OF_CAMERA,
        "each picture, its upload among them": OF_PICTURE,
        "an event and its alert": OF_EVENT,
        f"a patrol, every {PATROL_MINUTES} minutes": OF_PATROL,
        "each look of the watch (`NIGHTJAR_WATCH_LOOK_SECONDS`)": Requests(LISTINGS, 0),
    }
    for name, each in parts.items():
        yield name, f"{each.dear:g}", f"{each.cheap:g}", f"{Prices().of(each) * 1000:.3f}"


def _cores(cpu: str) -> float:
    return float(cpu.removesuffix("m")) / 1000 if cpu.endswith("m") else float(cpu)
