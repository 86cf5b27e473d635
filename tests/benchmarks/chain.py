"""Pictures an hour of one machine with everything on it: S3's server, Airflow, and every stage in its image.

Footage of many cameras has landed, 1080p stills, when the watch begins; it ends when the last live run has ended. By
stage it is pictures a second of each process, one beside the other and beside Airflow, from their manifests.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nightjar.domain.release import DESCRIPTION, VARIABLE
from nightjar.domain.stages import SHARD_STAGES
from nightjar.runtime.airflow_api import AirflowApi
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.store import ObjectStore
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import LIVE, WATCH, run_prefix, stage_prefix
from nightjar_local import deployment, images, settings
from nightjar_local.demo import put_footage
from nightjar_local.deployment import Deployment
from nightjar_local.samples import Sample
from tests.benchmarks.rows import Row
from tests.benchmarks.validate import DIFFERENT, large
from tests.images.detect.shards import sample_pictures

PICTURES = 1000
CAMERAS = [f"bob-camera{number:02}" for number in range(10)]
SPACING = 60  # seconds from one picture of a camera to its next: each is looked at by itself
TIMEOUT = 1200.0
_DEVICES = ", ".join(f"{camera.partition('-')[2]}: {{}}" for camera in CAMERAS)
RULES = f"""\
version: 1
rules:
  300: {{name: anybody, unsafe: [person], min_probability: 0.5}}
users:
  bob: {{email: bob@example.com, timezone: UTC, rules: [300], devices: {{{_DEVICES}}}}}
"""

Say = Callable[[str], None]


def rows(say: Say) -> list[Row]:
    """Pictures an hour, and a second by stage."""
    value = images.build_all()
    with (
        tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder,
        deployment.running(Path(folder), settings.for_once()) as running,
        running.api() as api,
    ):
        os.environ |= running.access.environment()
        store = S3Store(StoreSettings())
        RulesStore(store).put(RULES.encode())
        say(f"chain: {PICTURES:,} pictures of {len(CAMERAS)} cameras land")
        put_footage(running.access, list(_footage()))
        api.set_variable(VARIABLE, json.dumps(value), DESCRIPTION)
        began = time.monotonic()
        api.start_dags([LIVE, WATCH], check=running.check)
        batches = _wait(running, api)
        seconds = time.monotonic() - began
        say(f"chain: {seconds:.0f} s in {len(batches)} live runs")
        return [
            Row(
                "the whole chain, Airflow and S3 beside it",
                PICTURES / seconds * 3600,
                "pictures an hour",
                figure="the whole chain on this machine, Airflow and S3 beside it, 1080p stills",
            ),
            *_by_stage(store, batches),
        ]


def _footage() -> Iterator[Sample]:
    """Stills of all cameras, in the past hours; none are alike in name, and few in content."""
    pictures = [data for name, data in sample_pictures().items() if not name.startswith("carphone")]
    bodies = [large(pictures[number % len(pictures)], number) for number in range(DIFFERENT)]
    last = int(time.time())
    for number in range(PICTURES):
        at = last - number // len(CAMERAS) * SPACING
        yield Sample(f"{CAMERAS[number % len(CAMERAS)]}-{at}.jpg", bodies[number % DIFFERENT])


def _wait(running: Deployment, api: AirflowApi) -> list[str]:
    """The live runs, once they have ended and nothing waits any more."""
    client, deadline = running.access.client(), time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        runs = api.runs(LIVE)
        if failed := [run["dag_run_id"] for run in runs if run["state"] == "failed"]:
            raise RuntimeError(f"live runs failed: {', '.join(failed)}")
        waits = client.list_objects_v2(Bucket=running.access.bucket, Prefix=INCOMING, MaxKeys=1)["KeyCount"]
        if runs and not waits and all(run["state"] == "success" for run in runs):
            return [str(run["dag_run_id"]) for run in runs]
        running.check()
        time.sleep(0.5)
    raise RuntimeError(f"the live runs did not end within {TIMEOUT:.0f} s")


def _by_stage(store: ObjectStore, batches: list[str]) -> Iterator[Row]:
    """Pictures a second of a process of each stage, its start not included."""
    for stage in (*SHARD_STAGES[:3], "record"):
        manifests = [
            read_manifest(store, folder)[0]
            for batch in batches
            for prefix in [stage_prefix(run_prefix(LIVE, batch), stage)]
            for folder in store.list_folders(prefix) or [prefix]
        ]
        seconds = sum(manifest.seconds for manifest in manifests)
        yield Row(
            f"the whole chain: {stage}, {len(manifests)} processes",
            PICTURES / seconds,
            "pictures/s of a process",
            figure=f"the whole chain: {stage}",
        )
