"""Which part of a deployment lets how many pictures through, if all others were without bounds.

Batches grow under load, so each bound is taken at full batches: then a pod, a run and a look of the watch carry as much
as they can. The least of these is what saturates first.
"""

from dataclasses import dataclass

from nightjar.domain.simulation.bill import (
    OF_CAMERA,
    OF_EVENT,
    OF_PICTURE,
    OF_REPORT,
    OF_RUN,
    OF_SHARD,
    TASKS,
    Requests,
)
from nightjar.domain.simulation.site import Site
from nightjar.domain.stages import SHARD_STAGES

WATCH = "the watch: one collect after the other"
RUN_TASKS = 10  # of a live run and its watch run, beside those of shards


@dataclass(frozen=True)
class Ceiling:
    """A bound: its name, the pictures a second that it lets through, and the settings that raise it."""

    name: str
    pictures_a_second: float
    raised_by: str


def ceilings(site: Site) -> list[Ceiling]:
    """All bounds, the lowest first."""
    batch, shards, cluster = site.batch, site.shards, site.cluster
    share = batch / shards  # pictures of a shard
    alerted = 1 - (1 - site.cameras.events) ** share  # share of shards with an event
    often = {stage: alerted if stage == "notify" else 1.0 for stage in SHARD_STAGES}
    seconds = {
        stage: site.seconds(stage, round(share), max(1, round(share * site.cameras.events))) for stage in SHARD_STAGES
    }
    core_seconds = sum(often[stage] * seconds[stage] * site.cores_of(stage) for stage in SHARD_STAGES)
    pods = sum(often.values()) * shards + 2  # and those of collect and record
    requests = requests_of_batch(site, batch, shards)
    events = batch * site.cameras.events
    run = site.rates.run_before + sum(seconds[stage] for stage in SHARD_STAGES[:3]) + site.rates.run_after
    watch = site.deployment.look_seconds / 2 + site.collect_seconds(batch, batch) + site.rates.hand_over
    found = [
        Ceiling(WATCH, batch / watch, "NIGHTJAR_BATCH_OBJECTS, or several deployments"),
        Ceiling("live runs", site.deployment.live_runs * batch / run, "NIGHTJAR_LIVE_RUNS, NIGHTJAR_BATCH_OBJECTS"),
        Ceiling("cores of the nodes", cluster.cores / (core_seconds * shards / batch), "nodes"),
        Ceiling(
            "pods at once",
            cluster.pods / (sum(often[s] * seconds[s] for s in SHARD_STAGES) * shards / batch),
            "stages.quota",
        ),
        Ceiling("pods a minute", cluster.nodes * cluster.pods_a_minute / 60 / (pods / batch), "nodes"),
        Ceiling(
            "Airflow's schedulers",
            cluster.airflow_cores / site.rates.task / ((TASKS * shards + RUN_TASKS) / batch),
            "airflow.scheduler.replicas and cores",
        ),
        Ceiling(
            "S3: PUT, COPY, POST, LIST",
            cluster.dear_a_second * cluster.prefixes / (requests.dear / batch),
            "several deployments",
        ),
        Ceiling(
            "S3: GET, HEAD", cluster.cheap_a_second * cluster.prefixes / (requests.cheap / batch), "several deployments"
        ),
    ]
    found += [
        Ceiling(
            f"pods of {stage}",
            cluster.slots[stage] / (often[stage] * seconds[stage] * shards / batch),
            f"stages.{stage}.parallel",
        )
        for stage in SHARD_STAGES
        if often[stage]
    ]
    if cluster.workers:
        held = sum(often[stage] * seconds[stage] for stage in SHARD_STAGES) * shards / batch
        found.append(Ceiling("tasks at once", cluster.workers / held, "airflow.parallelism, NIGHTJAR_DEFERRABLE"))
    if events:
        found.append(Ceiling("the mail API", cluster.mails_a_second / (events / batch), "another plan of the provider"))
    return sorted(found, key=lambda each: each.pictures_a_second)


def requests_of_batch(site: Site, pictures: int, shards: int) -> Requests:
    """Requests to S3 of a live run of a batch of so many pictures, with its report and alerts."""
    visits = min(pictures / site.cameras.burst, site.cameras.cameras)
    return (
        OF_RUN
        + OF_REPORT
        + OF_SHARD * shards
        + OF_CAMERA * visits
        + OF_PICTURE * pictures
        + OF_EVENT * (pictures * site.cameras.events)
    )
