"""The outcome of a simulated day: the plan for so many cameras, as a document."""

from collections import Counter
from dataclasses import dataclass, replace
from math import ceil

from nightjar.domain.simulation.arrivals import DAY, HOUR
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
    Requests,
)
from nightjar.domain.simulation.ceilings import Ceiling, ceilings
from nightjar.domain.simulation.chance import Chance
from nightjar.domain.simulation.day import Day
from nightjar.domain.simulation.site import Site


@dataclass(frozen=True)
class Latency:
    """From the landing of a picture to its alert, in seconds; None without alerts."""

    alerts: int
    half: int | None = None
    nine_in_ten: int | None = None
    ninety_nine_in_a_hundred: int | None = None
    longest: int | None = None

    @classmethod
    def of(cls, seconds: Counter[int]) -> "Latency":
        """Of alerts, counted by their seconds."""
        total = sum(seconds.values())
        if not total:
            return cls(0)
        at = [_quantile(seconds, ceil(total * share)) for share in (0.5, 0.9, 0.99, 1.0)]
        return cls(total, *at)


@dataclass(frozen=True)
class Bound:
    """A bound of all deployments together: what it lets through, how much of it was held, who waited for it.

    `share` is the pictures of the peak hour as a share of what it lets through; `busy` how much of it was held on
    average in that hour, None where that is not a thing to hold; `waited` the seconds that shards waited for it.
    """

    name: str
    pictures_a_second: float
    share: float
    raised_by: str
    busy: float | None
    waited: float


@dataclass(frozen=True)
class Cost:
    """Requests to S3 in the day, and their price in US dollars."""

    dear: int
    cheap: int
    dollars: float


@dataclass(frozen=True)
class Outcome:
    """A day of all deployments together.

    `backlog` is the most pictures that waited to be collected, `unfinished` those that were not through a day later,
    `too_old` the alerts that went to the digest since their pictures were too old. `bounds` begins with the bound that
    saturates first.
    """

    cameras: int
    deployments: int
    pictures: int
    peak_hour: int
    peak_pictures_a_second: float
    runs: int
    shards: int
    pictures_a_shard: float
    pods: dict[str, int]
    peak_pods_a_minute: float
    largest_shard: int
    events: int
    latency_in_the_peak_hour: Latency
    latency_of_the_day: Latency
    too_old: int
    backlog: int
    backlog_at_midnight: int
    unfinished: int
    requests: dict[str, Cost]
    total: Cost
    bounds: tuple[Bound, ...]

    @property
    def keeps_up(self) -> bool:
        """Whether every bound lets the pictures of the peak hour through, and all pictures of the day went through."""
        return not self.unfinished and (not self.bounds or self.bounds[0].share < 1)


def simulate(site: Site, chance: Chance, deployments: int = 1) -> Outcome:
    """A day of `deployments` that are all like `site`; the same chance gives the same day."""
    if deployments < 1:
        raise ValueError(f"expected a deployment or more, got {deployments}")
    day, arrivals, times = Day(site, chance), site.cameras.arrivals, deployments
    requests = {name: each * times for name, each in _requests(day, site).items()}
    total = sum(requests.values(), Requests(0, 0))
    everyday: Counter[int] = sum(day.latencies, Counter())
    per_second = arrivals.peak_pictures / HOUR
    return Outcome(
        cameras=site.cameras.cameras * times,
        deployments=times,
        pictures=arrivals.pictures * times,
        peak_hour=arrivals.peak,
        peak_pictures_a_second=per_second * times,
        runs=day.runs * times,
        shards=day.shards * times,
        pictures_a_shard=sum(load * count for load, count in day.loads.items()) / max(day.shards, 1),
        pods={stage: count * times for stage, count in day.pods.items()},
        peak_pods_a_minute=day.in_peak["pods"] / 60 * times,
        largest_shard=max(day.loads, default=0),
        events=day.events * times,
        latency_in_the_peak_hour=_times(Latency.of(day.latencies[arrivals.peak]), times),
        latency_of_the_day=_times(Latency.of(everyday), times),
        too_old=sum(count for seconds, count in everyday.items() if seconds > site.deployment.alert_max_age) * times,
        backlog=day.largest_backlog * times,
        backlog_at_midnight=day.backlog_at_midnight * times,
        unfinished=day.unfinished * times,
        requests={name: _cost(each, site) for name, each in requests.items()},
        total=_cost(total, site),
        bounds=tuple(_bound(each, day, per_second, times) for each in ceilings(site)),
    )


def _requests(day: Day, site: Site) -> dict[str, Requests]:
    """Requests of the day by what causes them. A picture that landed and was not collected has cost its upload."""
    through = sum(load * count for load, count in day.loads.items())
    uploads = site.cameras.arrivals.pictures - through
    return {
        "pictures": OF_PICTURE * through + Requests(uploads, 0),
        "cameras": OF_CAMERA * day.visits,
        "shards": OF_SHARD * day.shards,
        "live runs": OF_RUN * day.runs,
        "reports": OF_REPORT * day.runs,
        "events": OF_EVENT * day.events,
        "patrols": OF_PATROL * (DAY / 60 / PATROL_MINUTES),
        "looks of the watch": Requests(LISTINGS * day.idle_looks + day.listing_pages, 0),
    }


def _cost(requests: Requests, site: Site) -> Cost:
    return Cost(round(requests.dear), round(requests.cheap), site.prices.of(requests))


def _bound(ceiling: Ceiling, day: Day, per_second: float, times: int) -> Bound:
    return Bound(
        name=ceiling.name,
        pictures_a_second=ceiling.pictures_a_second * times,
        share=per_second / ceiling.pictures_a_second,
        raised_by=ceiling.raised_by,
        busy=day.busy.get(ceiling.name),
        waited=day.waited.get(ceiling.name, 0.0) * times,
    )


def _times(latency: Latency, times: int) -> Latency:
    return replace(latency, alerts=latency.alerts * times)


def _quantile(seconds: Counter[int], place: int) -> int:
    """The seconds of the alert in this place (from 1), from the quickest to the slowest."""
    for each in sorted(seconds):
        place -= seconds[each]
        if place <= 0:
            return each
    raise ValueError(f"expected a place of an alert, got {place} beyond the last one")
