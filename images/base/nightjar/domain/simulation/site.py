"""The site that is simulated: the cameras, the cluster, the settings of the deployment, and how fast things are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from nightjar.domain.simulation.arrivals import PROFILES, Arrivals
from nightjar.domain.simulation.bill import Prices
from nightjar.domain.stages import SHARD_STAGES, STAGES


@dataclass(frozen=True)
class Cameras:
    """How many, what they send, and what is in it.

    `burst` pictures of a camera land together. `looks` is the share of pictures that detect looks at, the others being
    interpolated or carried over; `events` the share that begins an event, `picture_bytes` the size of a picture.
    """

    cameras: int
    pictures_per_day: float = 50.0
    burst: int = 1
    hours: tuple[float, ...] = PROFILES["evening"]
    looks: float = 1.0
    events: float = 0.01
    picture_bytes: int = 300_000

    @property
    def arrivals(self) -> Arrivals:
        """When their pictures land in a day."""
        return Arrivals(round(self.cameras * self.pictures_per_day / self.burst), self.burst, self.hours)


@dataclass(frozen=True)
class Cluster:
    """The cluster: nodes for stages with so many cores each, cores of Airflow's schedulers, and bounds.

    `pods_a_minute` is what each node can start, `pods` the quota of the namespace, `slots` by stage the pods at once,
    `workers` the tasks that schedulers can hold at once (0: they are deferred and held nowhere). S3's bounds are
    requests a second for each of `prefixes`: S3 splits a bucket by its keys, and each picture touches so many folders.
    The mail API's is messages a second.
    """

    nodes: float = 1
    node_cores: float = 8.0
    airflow_cores: float = 2.0
    pods_a_minute: float = 120.0
    pods: int = 250
    slots: Mapping[str, int] = field(
        default_factory=lambda: {"validate": 16, "detect": 32, "assess": 32, "notify": 16}  # as the chart has them
    )
    workers: int = 0
    dear_a_second: float = 3500.0
    cheap_a_second: float = 5500.0
    prefixes: int = 8
    mails_a_second: float = 100.0

    @property
    def cores(self) -> float:
        """Of all nodes together."""
        return self.nodes * self.node_cores


@dataclass(frozen=True)
class Deployment:
    """The settings `NIGHTJAR_*` of the same names."""

    live_runs: int = 4
    max_shards: int = 100
    shard_work: int = 2000
    batch_objects: int = 5000
    batch_bytes: int = 20 << 30
    look_seconds: float = 1.0
    alert_max_age: float = 6 * 3600.0


@dataclass(frozen=True)
class Rates:
    """How long things take, in seconds; each is worth measuring on your own nodes. `make bench` has most of them.

    `pod` is a pod that has nothing to do, `task` the cores of Airflow for each task of a shard, `run_before` a live run
    from its start to its first shard, `run_after` from its last shard to its end, `hand_over` from the end of collect
    until that run has begun, `listing` a page of 1,000 keys. The others are for a picture on one core; `collect` for
    one in a batch, with all its transfers at once; `mail` for an event.
    """

    pod: float = 4.6
    task: float = 0.9
    run_before: float = 8.0
    run_after: float = 8.2
    hand_over: float = 4.0
    listing: float = 0.2
    collect: float = 1 / 150
    validate: float = 1 / 50
    detect: float = 1 / 110
    assess: float = 1 / 2000
    mail: float = 1 / 50


@dataclass(frozen=True)
class Site:
    """All that a simulation is of."""

    cameras: Cameras
    cluster: Cluster = field(default_factory=Cluster)
    deployment: Deployment = field(default_factory=Deployment)
    rates: Rates = field(default_factory=Rates)
    prices: Prices = field(default_factory=Prices)

    def __post_init__(self) -> None:
        slots = {f"pods of {stage}": self.cluster.slots.get(stage, 0) for stage in SHARD_STAGES}
        of_cluster = {name: value for name, value in vars(self.cluster).items() if name not in ("slots", "workers")}
        for name, value in (slots | of_cluster | vars(self.deployment) | vars(self.rates)).items():
            if not 0 < value < inf:
                raise ValueError(f"expected {name} above 0, got {value:g}")
        if self.cluster.cores < (most := max(self.cores_of(stage) for stage in SHARD_STAGES)):
            raise ValueError(f"expected room for a pod of {most:g} cores, got nodes of {self.cluster.cores:g} together")
        for name in ("looks", "events"):
            if not 0 <= (share := getattr(self.cameras, name)) <= 1:
                raise ValueError(f"expected {name} to be a share of 0 to 1, got {share:g}")
        if self.cameras.cameras < 0 or not 0 <= self.cameras.pictures_per_day < inf or self.cameras.picture_bytes < 1:
            raise ValueError(f"expected 0 cameras, 0 pictures and a byte or more, got {self.cameras}")
        cameras = self.cameras
        if cameras.burst < 1:
            raise ValueError(f"expected bursts of a picture or more, got {cameras.burst}")
        if cameras.cameras and cameras.pictures_per_day and not cameras.arrivals.bursts:
            raise ValueError(
                f"expected a burst a day or more of all cameras together, got bursts of {cameras.burst} pictures "
                f"and {cameras.cameras * cameras.pictures_per_day:g} pictures a day"
            )

    @property
    def batch(self) -> int:
        """Pictures of a full batch."""
        by_bytes = self.deployment.batch_bytes // self.cameras.picture_bytes
        return max(1, min(self.deployment.batch_objects, by_bytes))

    @property
    def shards(self) -> int:
        """Shards of a full batch."""
        return min(self.deployment.max_shards, self.batch)

    @staticmethod
    def cores_of(stage: str) -> float:
        """Cores that a pod of the stage asks for."""
        cpu = STAGES[stage].cpu
        return float(cpu.removesuffix("m")) / 1000 if cpu.endswith("m") else float(cpu)

    def seconds(self, stage: str, pictures: int, events: int = 0) -> float:
        """How long a pod of a shard's stage takes."""
        rates = self.rates
        if stage == "notify":
            return rates.pod + events * rates.mail
        each = {"validate": rates.validate, "detect": rates.detect * self.cameras.looks, "assess": rates.assess}
        return rates.pod + pictures * each[stage]

    def collect_seconds(self, pictures: int, waiting: int) -> float:
        """How long collect takes for a batch of `pictures`, of `waiting` in the drop zone."""
        return self.rates.pod + 2 * (waiting // 1000 + 1) * self.rates.listing + pictures * self.rates.collect
