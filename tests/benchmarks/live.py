"""One picture through the whole deployment, from landing to the alert in the outbox; and each stage's memory.

The deployment is the one of `make up`: SeaweedFS, Airflow's scheduler, the stages' images, in a folder of its own.
"""

import io
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from PIL import Image

from nightjar.domain.release import DESCRIPTION, VARIABLE
from nightjar.domain.stages import STAGES
from nightjar.runtime.airflow_api import AirflowApi
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.health import HEALTH
from nightjar.stores.runs import LIVE, WATCH, run_prefix, shard_prefix, stage_prefix
from nightjar.stores.troubles import TROUBLES
from nightjar_local import deployment, images, samples, settings
from nightjar_local.demo import upload
from nightjar_local.deployment import Deployment
from nightjar_local.layout import IMAGES
from nightjar_local.samples import Sample
from nightjar_local.scenes import PICTURES
from nightjar_local.summary import Bucket
from tests.benchmarks.memory import watch_peaks_mib
from tests.benchmarks.rows import Asked, Row

LIMIT = 15.0  # seconds, on two quiet cores
DETECT_LIMIT = 500.0  # MiB
TIMEOUT = 180.0
# All of them have a rule that calls people unsafe; a camera each, so that each picture is an event of its own.
CAMERAS = ("alice-porch", "bob-store", "bob-lobby", "carol-drive")
DROP_ZONE = "bench-incoming/"  # of the collect that is measured; the deployment does not look at it
# Another value for one setting of each stage that keeps what it knows, so that it does all of its work again.
AGAIN = {"validate": {"NIGHTJAR_JPEG_QUALITY": "86"}}


def rows(say: Callable[[str], None]) -> list[Row]:
    """Seconds to the alert and by task; peak memory by stage."""
    value = images.build_all()
    with (
        tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder,
        deployment.running(Path(folder), settings.for_once()) as running,
        running.api() as api,
    ):
        upload(running.access, [])
        api.set_variable(VARIABLE, json.dumps(value), DESCRIPTION)
        api.start_dags([LIVE, WATCH], check=running.check)
        measured: list[tuple[float, str]] = []
        batch = None
        for camera in CAMERAS:
            say(f"live: one picture of {camera}")
            seconds = _seconds_to_alert(running, camera)
            batch = _wait_for_live(running, api, not_yet=batch)
            measured.append((seconds, batch))
        median, batch = statistics.median_low(measured[1:])  # the first one warms up
        found = [
            Row(
                "live: one picture landed to alert in the outbox",
                median,
                "s",
                LIMIT,
                "limit",
                1.0,
                Asked.AT_MOST,
                figure="one picture, from landing to the alert in the outbox",
            ),
            *_by_task(api, batch),
        ]
        say("live: the demo's footage, for the stages' memory")
        footage = samples.footage()
        upload(running.access, footage)
        batch = _wait_for_live(running, api, not_yet=measured[-1][1])
        found += list(_memory(running, value, batch, footage, say))
    return found


def _seconds_to_alert(running: Deployment, camera: str) -> float:
    """Drop one picture of a person and wait for the message."""
    bucket = Bucket(running.access)
    before = set(bucket.keys("outbox/"))
    buffer = io.BytesIO()
    with Image.open(samples.unpacked() / PICTURES / "astronaut.png") as picture:
        picture.convert("RGB").save(buffer, "JPEG", quality=92)
    _put(running, {f"{INCOMING}{camera}-{int(time.time())}.jpg": buffer.getvalue()})
    landed = time.monotonic()
    while time.monotonic() - landed < TIMEOUT:
        if set(bucket.keys("outbox/")) - before:
            return time.monotonic() - landed
        running.check()
        time.sleep(0.1)
    raise RuntimeError(f"no alert within {TIMEOUT:.0f} s")


def _put(running: Deployment, objects: Mapping[str, bytes]) -> None:
    client = running.access.client()
    for key, body in objects.items():
        client.put_object(Bucket=running.access.bucket, Key=key, Body=body)


def _wait_for_live(running: Deployment, api: AirflowApi, not_yet: str | None = None) -> str:
    """The id of the newest live run, once it and everything in the drop zone is done."""
    deadline = time.monotonic() + TIMEOUT * 2
    bucket = Bucket(running.access)
    while time.monotonic() < deadline:
        runs = api.runs(LIVE)
        if runs and runs[0]["dag_run_id"] != not_yet and not bucket.keys(INCOMING):
            if runs[0]["state"] == "failed":
                raise RuntimeError(f"live run {runs[0]['dag_run_id']} failed")
            if runs[0]["state"] == "success":
                return str(runs[0]["dag_run_id"])
        running.check()
        time.sleep(0.3)
    raise RuntimeError("no live run came to its end")


def _by_task(api: AirflowApi, batch: str) -> Iterator[Row]:
    """When each task of the live run began, and how long it took."""
    tasks = [task for task in api.tasks(LIVE, batch) if task["start_date"]]
    begun = min(str(task["start_date"]) for task in tasks)
    for task in sorted(tasks, key=lambda task: str(task["start_date"])):
        after = _seconds(begun, task["start_date"])
        yield Row(
            f"live:   {task['task_id']}, begun {after:.1f} s into its run",
            _seconds(task["start_date"], task["end_date"]),
            "s",
        )


def _seconds(start: str, end: str) -> float:
    first, last = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (start, end))
    return (last - first).total_seconds()


def _memory(
    running: Deployment, value: Mapping[str, str], batch: str, footage: Sequence[Sample], say: Callable[[str], None]
) -> Iterator[Row]:
    """Run each stage once more, as a process, on the demo's batch, and look at its peak."""
    run = run_prefix(LIVE, batch)
    _put(running, {f"{DROP_ZONE}{sample.name}": sample.body for sample in footage})
    for stage in (*list(STAGES)[1:], "collect"):  # collect last: its batch is for nobody
        say(f"memory: {stage}")
        image = STAGES[stage].image
        python = IMAGES / image / value[image] / "venv" / "bin" / "python"
        environment = {
            **running.access.environment(),
            **AGAIN.get(stage, {}),
            "PATH": f"{python.parent}:/usr/bin:/bin",
            "NIGHTJAR_IMAGE": f"{value['registry']}/{image}:{value[image]}",
            "NIGHTJAR_RUN": batch,
        }
        imported = _peak([str(python), "-c", f"import nightjar_{stage}.__main__"], environment)
        command = [str(python), "-m", f"nightjar_{stage}", *_arguments(stage, run)]
        peak = _peak(command, environment)
        what = "its imports" if imported > peak / 2 else "its work"
        name = f"memory: {stage}, {imported:.0f} MiB imported, so mostly {what}"
        if stage == "detect":
            yield Row(name, peak, "MiB", DETECT_LIMIT, "limit", 1.0, Asked.AT_MOST)
        else:
            yield Row(name, peak, "MiB")


def _arguments(stage: str, run: str) -> list[str]:
    release = ["--release", f"{run}release.json"]
    shard = "bob-store"  # stills and a video
    given = {
        "collect": (DROP_ZONE, "runs/nightjar_watch/bench/collect/"),
        "validate": (shard_prefix(run, shard), stage_prefix(run, "validate", shard)),
        "detect": (stage_prefix(run, "validate", shard), stage_prefix(run, "detect", shard)),
        "assess": (stage_prefix(run, "detect", shard), stage_prefix(run, "assess", shard)),
        "notify": (stage_prefix(run, "assess", shard), stage_prefix(run, "notify", shard)),
        "record": (stage_prefix(run, "reconcile"), stage_prefix(run, "record")),
        "report": ("records/", "runs/nightjar_report/bench/report/"),  # record has just left news for it
        "survey": (HEALTH, "runs/nightjar_patrol/bench/survey/"),
        "tell": (TROUBLES, "runs/nightjar_patrol/bench/tell/"),
    }
    source, target = given[stage]
    return ["--input-prefix", source, "--output-prefix", target, *(release if stage != "collect" else [])]


def _peak(command: list[str], environment: Mapping[str, str]) -> float:
    """MiB that the process, or the largest of its children, had resident at the most; raises on a bad end."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=said, text=True)
        peak = max(watch_peaks_mib(process))
        if process.returncode != 0:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said.read()[-2000:]}")
    return peak
