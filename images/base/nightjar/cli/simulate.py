"""`nightjar simulate`: what a day of so many cameras asks of a deployment, and where it stops. Asks no bucket."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Any

from nightjar.errors import UsageError

if TYPE_CHECKING:
    from nightjar.domain.simulation.site import Site


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `simulate` to the command line."""
    simulate = commands.add_parser(
        "simulate",
        help="a day of so many cameras: shards, pods, S3's bill, how late alerts are, what saturates first",
        description="Simulate a day: pictures land by the hour, the watch makes batches of them, the planner cuts "
        "these into shards, and their pods run under the bounds of the cluster. The same flags give the same day. The "
        "defaults are those of the settings, of the chart and of `make bench`; measure rates on your own nodes.",
    )
    add = simulate.add_argument
    add("--cameras", type=_whole, required=True, metavar="N", help="cameras")
    add("--pictures-per-camera-day", type=_number, default=50.0, metavar="N", help="default: 50")
    add("--nodes", type=_number, required=True, metavar="N", help="nodes for stages, of all deployments together")
    add("--deployments", type=_whole, default=1, metavar="N", help="separate ones, with a bucket each; default: 1")
    add(
        "--hours",
        default="evening",
        metavar="W,W,…",
        help="24 weights from 0 o'clock on, `even` or `evening` (default)",
    )
    add("--burst", type=_whole, default=1, metavar="N", help="pictures of a camera that land together; default: 1")
    add("--events", type=_number, default=0.01, metavar="SHARE", help="of pictures that begin an event; default: 0.01")
    add("--looks", type=_number, default=1.0, metavar="SHARE", help="of pictures that detect looks at; default: 1")
    add("--picture-kilobytes", type=_number, default=300.0, metavar="N", help="default: 300")
    add("--seed", type=_whole, default=0, metavar="N", help="of chance: which camera, which picture; default: 0")
    cluster = simulate.add_argument_group("the cluster (of each deployment)").add_argument
    cluster("--node-cores", type=_number, default=8.0, metavar="N", help="cores of a node for stages; default: 8")
    cluster("--airflow-cores", type=_number, default=2.0, metavar="N", help="cores of the schedulers; default: 2")
    cluster("--pods-a-minute", type=_number, default=120.0, metavar="N", help="that a node starts; default: 120")
    cluster("--pods-at-once", type=_whole, default=250, metavar="N", help="the quota; default: 250")
    cluster("--slots", default="", metavar="STAGE=N,…", help="stages.<stage>.parallel; default: as in the chart")
    cluster("--workers", type=_whole, default=0, metavar="N", help="tasks at once; default: deferred, so no bound")
    cluster("--s3-prefixes", type=_whole, default=8, metavar="N", help="among which S3 splits the bucket; default: 8")
    cluster("--mails-a-second", type=_number, default=100.0, metavar="N", help="that the mail API takes; default: 100")
    settings = simulate.add_argument_group("the settings NIGHTJAR_* of the same names").add_argument
    settings("--live-runs", type=_whole, default=4, metavar="N", help="default: 4")
    settings("--max-shards", type=_whole, default=100, metavar="N", help="default: 100")
    settings("--shard-work", type=_whole, default=2000, metavar="N", help="default: 2000")
    settings("--batch-objects", type=_whole, default=5000, metavar="N", help="default: 5000")
    settings("--watch-look-seconds", type=_number, default=1.0, metavar="S", help="default: 1")
    rates = simulate.add_argument_group("measured rates").add_argument
    rates("--pod-seconds", type=_number, default=4.6, metavar="S", help="a pod with nothing to do; default: 4.6")
    rates("--task-seconds", type=_number, default=0.9, metavar="S", help="cores of Airflow, a task; default: 0.9")
    rates("--collect-rate", type=_number, default=150.0, metavar="N", help="pictures a second, of a pod; default: 150")
    rates("--validate-rate", type=_number, default=50.0, metavar="N", help="pictures a second and core; default: 50")
    rates("--detect-rate", type=_number, default=110.0, metavar="N", help="pictures a second and core; default: 110")
    rates("--mail-rate", type=_number, default=50.0, metavar="N", help="alerts a second of a pod; default: 50")
    prices = simulate.add_argument_group("prices of S3, US dollars for 1,000 requests").add_argument
    prices("--price-put", type=_number, default=0.005, metavar="$", help="PUT, COPY, POST, LIST; default: 0.005")
    prices("--price-get", type=_number, default=0.0004, metavar="$", help="GET, HEAD; default: 0.0004")
    add("--format", choices=["text", "json"], default="text", help="default: text")
    simulate.set_defaults(run=run_simulate)


def run_simulate(given: argparse.Namespace) -> int:
    """Print the plan; returns 0, also when the deployment does not keep up."""
    from nightjar.cli.simulate_text import as_text
    from nightjar.domain.simulation.outcome import simulate

    chance = Random(given.seed)  # noqa: S311 - a day that can be repeated, and no secret
    try:
        outcome = simulate(site_of(given), chance, given.deployments)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if given.format == "json":
        document = {"keeps_up": outcome.keeps_up, **asdict(outcome)}
        sys.stdout.write(f"{json.dumps(document, indent=2)}\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in as_text(outcome))
    return 0


def site_of(given: argparse.Namespace) -> "Site":
    """One of the deployments: its share of the cameras and nodes. Raises ValueError and UsageError."""
    from nightjar.domain.simulation import site
    from nightjar.domain.simulation.bill import Prices

    if given.deployments < 1:
        raise UsageError(f"expected --deployments of at least 1, got {given.deployments}")
    for name in ("burst", "collect_rate", "validate_rate", "detect_rate", "mail_rate"):
        if getattr(given, name) <= 0:
            raise UsageError(f"expected --{name.replace('_', '-')} above 0, got {getattr(given, name):g}")
    cluster = site.Cluster(
        nodes=given.nodes / given.deployments,
        node_cores=given.node_cores,
        airflow_cores=given.airflow_cores,
        pods_a_minute=given.pods_a_minute,
        pods=given.pods_at_once,
        slots=_slots(given.slots, site.Cluster().slots),
        workers=given.workers,
        prefixes=given.s3_prefixes,
        mails_a_second=given.mails_a_second / given.deployments,
    )
    return site.Site(
        site.Cameras(
            cameras=ceil(given.cameras / given.deployments),
            pictures_per_day=given.pictures_per_camera_day,
            burst=given.burst,
            hours=_hours(given.hours),
            looks=given.looks,
            events=given.events,
            picture_bytes=round(given.picture_kilobytes * 1000),
        ),
        cluster,
        site.Deployment(
            live_runs=given.live_runs,
            max_shards=given.max_shards,
            shard_work=given.shard_work,
            batch_objects=given.batch_objects,
            look_seconds=given.watch_look_seconds,
        ),
        site.Rates(
            pod=given.pod_seconds,
            task=given.task_seconds,
            collect=1 / given.collect_rate,
            validate=1 / given.validate_rate,
            detect=1 / given.detect_rate,
            mail=1 / given.mail_rate,
        ),
        Prices(given.price_put, given.price_get),
    )


def _hours(text: str) -> tuple[float, ...]:
    from nightjar.domain.simulation.arrivals import PROFILES

    if text in PROFILES:
        return PROFILES[text]
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        expected = f"expected --hours of 24 numbers with commas between them, or {' or '.join(PROFILES)}"
        raise UsageError(f"{expected}, got {text!r}") from None


def _slots(text: str, default: Any) -> dict[str, int]:
    slots = dict(default)
    for word in filter(None, text.split(",")):
        stage, _, number = word.partition("=")
        if stage not in slots or not number.isascii() or not number.isdigit():
            raise UsageError(f"expected --slots like validate=16, of {', '.join(slots)}, got {word!r}")
        slots[stage] = int(number)
    return slots


def _at_least_0(kind: Callable[[str], Any], expected: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = -1
        if not 0 <= value <= 1e12:
            raise argparse.ArgumentTypeError(f"expected {expected} of 0 to 1,000,000,000,000, got {text!r}")
        return value

    return parse


_whole = _at_least_0(int, "a whole number")
_number = _at_least_0(float, "a number")
