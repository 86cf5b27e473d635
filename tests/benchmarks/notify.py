"""The notify stage as a program, from events and pictures on S3 to a mail API that takes its time for each answer."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nightjar.domain.names import Camera
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.stage import StageContext, run
from nightjar.stores.runs import stage_prefix
from nightjar_assess.stage import assess
from nightjar_local.images import build
from nightjar_local.layout import IMAGES
from nightjar_local.seaweedfs import running
from nightjar_local.sendgrid_double import Reply, SendGridDouble
from tests.benchmarks.memory import watch_peaks_mib
from tests.benchmarks.rows import Asked, Row
from tests.bucket import sha256_of
from tests.images.detect.shards import sample_pictures
from tests.scenes import SHARD, after, detection, start_run

ALERTS = 1000
ANSWER = 0.2  # seconds
LIMIT = 20.0  # seconds
ROUNDS = 3
RULES = """\
version: 1
event_gap_seconds: 60
rules:
  300: {{name: anybody, unsafe: [person], min_probability: 0.5}}
users:
  alice: {{email: alice@example.com, timezone: Europe/Berlin, rules: [300], devices: {{{devices}}}}}
"""
_WRITERS = 16

Say = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """Runs on a bucket, each with ALERTS events that wait for their alert, and the image under test."""

    image: Path
    runs: tuple[StageContext, ...]


def rows(say: Say) -> list[Row]:
    """The benchmark of notify."""
    with _bench(say) as bench, SendGridDouble() as api:
        api.default = Reply(202, seconds=ANSWER, headers={"X-Message-Id": "bench"})
        seconds: list[float] = []
        peaks: list[float] = []
        for context in bench.runs:
            took, peak = _notify(bench, context, api)
            seconds.append(took)
            peaks.append(peak)
            say(f"notify: {ALERTS} alerts in {took:.1f} s, {api.most_at_once} at once, peak {peak:.0f} MiB")
            api.received.clear()
    name = f"notify: {ALERTS:,} alerts, {ANSWER * 1000:.0f} ms an answer, S3 to mail API"
    return [
        Row(
            name,
            min(seconds),
            "s",
            LIMIT,
            "limit",
            1.0,
            Asked.AT_MOST,
            figure="1,000 alerts, with a mail API that answers in 200 ms",
        ),
        Row("notify: its peak memory", max(peaks), "MiB"),
    ]


@contextmanager
def _bench(say: Say) -> Iterator[Bench]:
    say("notify: building the image, if it is not there")
    image = IMAGES / "notify" / build("notify")
    data = [jpeg for name, jpeg in sample_pictures().items() if not name.startswith("carphone")]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "s3") as access:
        os.environ |= access.environment()
        store = S3Store(StoreSettings())
        runs = []
        for number in range(ROUNDS):
            say(f"notify: storing the {ALERTS} events of round {number + 1} of {ROUNDS}")
            runs.append(_assessed(store, number, data))
        yield Bench(image, tuple(runs))


def _assessed(store: S3Store, number: int, data: list[bytes]) -> StageContext:
    """A run with ALERTS events, each of a camera of its own, as assess leaves it; the context of its notify stage."""
    cameras = [Camera("alice", f"r{number}c{n}") for n in range(ALERTS)]
    seen = [
        detection(
            cameras[n],
            after(float(n)),
            {"person": 0.9},
            sha256=sha256_of(data[n % len(data)]),
        )
        for n in range(ALERTS)
    ]

    def put(index: int) -> None:
        store.put(seen[index].picture.standard_key, data[index % len(data)])

    for _ in in_parallel(put, range(ALERTS), _WRITERS):
        pass
    rules = RULES.format(devices=", ".join(f"{camera.device}: {{}}" for camera in cameras))
    context = start_run(store, f"r{number}", seen, rules)
    run(assess, context)
    output = stage_prefix(context.run_prefix, "notify", SHARD)
    return replace(context, stage="notify", input_prefix=context.output_prefix, output_prefix=output)


def _notify(bench: Bench, context: StageContext, api: SendGridDouble) -> tuple[float, float]:
    """Seconds and peak MiB of the stage as a process; raises unless every event was alerted once."""
    environment = {
        **os.environ,
        "NIGHTJAR_IMAGE": "localhost/bench/notify:b1",
        "NIGHTJAR_RUN": context.run,
        "NIGHTJAR_MAIL_FROM": "nightjar@example.com",
        "NIGHTJAR_ALERT_MAX_AGE": str(3660 * 86_400),
        "SENDGRID_API_KEY": "SG.bench",
        "SENDGRID_API_URL": api.url,
    }
    prefixes = ["--input-prefix", context.input_prefix, "--output-prefix", context.output_prefix]
    argv = [str(bench.image / "venv/bin/python"), "-m", "nightjar_notify", *prefixes]
    with tempfile.TemporaryFile("w+") as said:
        began = time.monotonic()
        process = subprocess.Popen(
            [*argv, "--release", str(context.release_key)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=said,
            text=True,
        )
        peak = max(watch_peaks_mib(process))
        took = time.monotonic() - began
        said.seek(0)
        if process.returncode:
            raise RuntimeError(f"the stage ended with {process.returncode}: {said.read()[-2000:]}")
    manifest, _ = read_manifest(context.store, context.output_prefix)
    if manifest.counts.outcomes != {"alerted:sent": ALERTS} or len(api.received) != ALERTS:
        raise RuntimeError(f"expected {ALERTS} alerts, got {len(api.received)} calls and {manifest.counts}")
    return took, peak
