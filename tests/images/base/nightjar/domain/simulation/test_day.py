"""A simulated day: what it adds up to, and what its bounds do."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from nightjar.domain.simulation.arrivals import PROFILES
from nightjar.domain.simulation.ceilings import WATCH, ceilings
from nightjar.domain.simulation.outcome import Latency, Outcome
from nightjar.domain.simulation.outcome import simulate as simulate_by
from nightjar.domain.simulation.site import Cameras, Cluster, Deployment, Rates, Site
from nightjar.domain.stages import SHARD_STAGES

EVEN = PROFILES["even"]
# Far more of everything than any test needs.
VAST = Cluster(
    nodes=1000, airflow_cores=1000, pods=10_000, slots=dict.fromkeys(SHARD_STAGES, 10_000), mails_a_second=1e6
)


def site(pictures: int, cameras: int = 100, cluster: Cluster = VAST, **changes: Any) -> Site:
    """Cameras that send so many pictures a day in all, evenly."""
    each = Cameras(cameras, pictures / cameras if cameras else 0, hours=EVEN)
    return Site(each, cluster, **changes)


def simulate(of: Site, deployments: int = 1, seed: int = 0) -> Outcome:
    return simulate_by(of, Random(seed), deployments)


def test_no_cameras() -> None:
    outcome = simulate(site(0, cameras=0))
    assert (outcome.pictures, outcome.runs, outcome.shards, outcome.pods, outcome.events) == (0, 0, 0, {}, 0)
    assert outcome.latency_of_the_day == Latency(0)
    assert outcome.keeps_up
    assert outcome.requests["looks of the watch"].dear == 2 * 86_400


def test_one_camera_has_a_run_for_each_picture() -> None:
    outcome = simulate(site(50, cameras=1))
    assert (outcome.runs, outcome.shards, outcome.largest_shard) == (50, 50, 1)
    assert outcome.pods == {"collect": 50, "validate": 50, "detect": 50, "assess": 50, "record": 50}
    assert outcome.requests["pictures"].dear == 200
    assert outcome.backlog == 1


def test_pictures_of_a_burst_share_a_run() -> None:
    cameras = Cameras(1, 60, burst=6, hours=EVEN)
    outcome = simulate(Site(cameras, VAST))
    assert (outcome.pictures, outcome.runs, outcome.largest_shard) == (60, 10, 6)


@pytest.mark.parametrize("pictures", [1, 300, 3000])
def test_nothing_is_lost(pictures: int) -> None:
    outcome = simulate(site(pictures))
    assert (outcome.pictures, outcome.unfinished, outcome.backlog_at_midnight) == (pictures, 0, 0)
    assert outcome.shards * outcome.pictures_a_shard == pytest.approx(pictures)
    assert outcome.pods["validate"] == outcome.pods["detect"] == outcome.pods["assess"] == outcome.shards
    assert outcome.pods["collect"] == outcome.pods["record"] == outcome.runs
    assert outcome.latency_of_the_day.alerts == outcome.events == outcome.requests["events"].dear // 10


def test_the_quickest_alert_takes_what_its_steps_take() -> None:
    rates = Rates()
    outcome = simulate(replace(site(200), cameras=Cameras(100, 2, hours=EVEN, events=1.0)))
    steps = rates.pod * (1 + 4) + 2 * rates.listing + rates.run_before + rates.collect + rates.validate + rates.detect
    assert outcome.latency_of_the_day.half == pytest.approx(steps + 0.5, abs=1)
    assert outcome.events == pytest.approx(200, abs=40)  # as chance has it


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert simulate(site(400)) == simulate(site(400))
    assert simulate(site(400)) != simulate(site(400), seed=1)


def test_deployments_side_by_side() -> None:
    one, three = simulate(site(400)), simulate(site(400), 3)
    assert (three.pictures, three.shards, three.events) == (3 * one.pictures, 3 * one.shards, 3 * one.events)
    assert three.total.dollars == pytest.approx(3 * one.total.dollars)
    assert three.latency_of_the_day.half == one.latency_of_the_day.half
    assert [bound.share for bound in three.bounds] == [bound.share for bound in one.bounds]
    with pytest.raises(ValueError, match="expected a deployment or more"):
        simulate(site(1), 0)


# A day in slow motion has as many of everything, but fewer runs to simulate.
SLOW = Rates(*(200.0, 9.0, 160.0, 160.0, 80.0, 9.0), collect=1 / 5, validate=2.0, detect=1.0, assess=0.1, mail=1.0)
FEW = Deployment(max_shards=10, batch_objects=200, live_runs=16)
TWO = replace(FEW, live_runs=2)
SLOWLY: dict[str, Any] = {"rates": SLOW, "deployment": FEW}

# Each with one bound that is tight, and what it is called.
TIGHT = [
    (WATCH, {"rates": replace(SLOW, collect=40)}),
    ("live runs", {"deployment": replace(FEW, live_runs=1)}),
    ("cores of the nodes", {"cluster": replace(VAST, nodes=1, node_cores=1, pods_a_minute=1e6), "deployment": TWO}),
    ("pods at once", {"cluster": replace(VAST, pods=1), "deployment": TWO}),
    ("tasks at once", {"cluster": replace(VAST, workers=1), "deployment": TWO}),
    ("pods a minute", {"cluster": replace(VAST, pods_a_minute=0.001)}),
    ("Airflow's schedulers", {"cluster": replace(VAST, airflow_cores=0.3)}),
    *[
        (f"pods of {stage}", {"cluster": replace(VAST, slots={**VAST.slots, stage: 1})})
        for stage in ("validate", "detect", "assess")
    ],
    ("the mail API", {"cluster": replace(VAST, mails_a_second=0.0001)}),
    ("S3: GET, HEAD", {"cluster": replace(VAST, cheap_a_second=0.5, prefixes=1)}),
]


@pytest.mark.parametrize(("name", "tight"), TIGHT, ids=[name for name, _ in TIGHT])
def test_the_tight_bound_is_the_first(name: str, tight: dict[str, Any]) -> None:
    assert ceilings(site(1000, **SLOWLY | tight))[0].name == name


# Those that the simulated day itself feels; requests and mails are only counted.
@pytest.mark.parametrize(("name", "tight"), TIGHT[:-2], ids=[name for name, _ in TIGHT[:-2]])
def test_a_day_keeps_up_below_its_lowest_bound_and_not_above_it(name: str, tight: dict[str, Any]) -> None:
    del name
    tight = SLOWLY | tight
    first = ceilings(site(1, cameras=1, **tight))[0].pictures_a_second * 86_400
    below, above = (simulate(site(round(first * share), **tight)) for share in (0.6, 1.8))
    assert below.keeps_up
    assert not above.keeps_up
    assert above.backlog_at_midnight + above.unfinished > 5 * (below.backlog_at_midnight + below.unfinished)


@pytest.mark.parametrize(
    "bad",
    [
        {"cluster": replace(VAST, nodes=0)},
        {"cluster": replace(VAST, slots={"validate": 1})},
        {"cluster": Cluster(nodes=1, node_cores=0.5)},
        {"cluster": replace(VAST, airflow_cores=-1)},
        {"deployment": Deployment(live_runs=0)},
        {"deployment": Deployment(max_shards=0)},
        {"deployment": Deployment(look_seconds=0)},
        {"rates": Rates(pod=0)},
        {"rates": Rates(task=float("nan"))},
        {"cameras": Cameras(-1)},
        {"cameras": Cameras(1, -1)},
        {"cameras": Cameras(1, burst=0)},
        {"cameras": Cameras(1, events=1.1)},
        {"cameras": Cameras(1, looks=-0.1)},
        {"cameras": Cameras(1, picture_bytes=0)},
    ],
)
def test_sites_that_cannot_be(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(site(1), **bad)


def test_defaults_are_those_of_the_deployment() -> None:
    from nightjar.settings.collect import CollectSettings
    from operators.settings import DeploymentSettings

    fields = {name: field.default for name, field in DeploymentSettings.model_fields.items()}
    fields |= {name: field.default for name, field in CollectSettings.model_fields.items()}
    fields["look_seconds"] = fields["watch_look_seconds"]
    for name in ("live_runs", "max_shards", "shard_work", "batch_objects", "batch_bytes", "look_seconds"):
        assert getattr(Deployment(), name) == fields[name], name
