"""The flow on the real scheduler: no camera holds up another, failed shards are put right, a folder has one run.

The stages are the small programs of `stage_programs`, which do wrong when told to; where it says so, the real ones.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.release import VARIABLE
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import LIVE, REPORT, WATCH, Runs
from nightjar.stores.standard import standard_key
from nightjar_local.layout import ROOT
from tests.end_to_end.cluster import file_batch
from tests.end_to_end.debian import skip
from tests.end_to_end.local_runtime import LIVE_RUNS, Local
from tests.end_to_end.one_after_the_other import outcome, outcomes_in_any_order
from tests.operators.stage_programs import REGISTRY, behave, misbehave

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RULES = b"""version: 1
event_gap_seconds: 60
rules:
  200: {name: intruder, unsafe: [person], min_probability: 0.6}
users:
  dave:
    email: dave@example.com
    timezone: Europe/Berlin
    rules: [200]
    devices: {thief1: {}, thief2: {}, thief3: {}}
"""
CAMERAS = ("alice-porch", "bob-thief", "carol-thief")
CAROL = CAMERAS.index("carol-thief")
DETECT = "shard.detect"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture(scope="module")
def began() -> datetime:
    """From when on the deployment is this file's: the one before it has let runs of nightjar_report fail."""
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def local(began: datetime, small_stages: Local) -> Local:
    RulesStore(small_stages.store).put(RULES)
    small_stages.airflow.start_dags([LIVE, WATCH], check=small_stages.deployment.check)
    small_stages.airflow.pause(REPORT, paused=True)
    return small_stages


@pytest.fixture(scope="module")
def reporting(local: Local) -> None:
    """From now on days are reported, which takes a run after each live run."""
    local.airflow.start_dags([REPORT], check=local.deployment.check)


@pytest.fixture
def detect(local: Local) -> Iterator[Path]:
    """The image of detect, which may be told to do wrong; after the test it does right, however that ended."""
    image = local.deployment.directory / "images" / "detect" / "test-1"
    yield image
    behave(image)


def name(camera: str, second: int) -> str:
    return f"{camera}-{int((START + timedelta(seconds=second)).timestamp())}.jpg"


def drop(local: Local, second: int, *cameras: str) -> float:
    """A picture of each camera lands; returns when, by the clock of `time.monotonic`."""
    for camera in cameras:
        local.store.put(f"{INCOMING}{name(camera, second)}", f"{camera} {second}".encode())
    return time.monotonic()


def is_alerted(local: Local, camera: str, second: int) -> bool:
    key = standard_key(Camera.parse(camera), START + timedelta(seconds=second))
    return local.store.head(f"outbox/{key}.txt") is not None


def wait_for_alert(local: Local, camera: str, second: int) -> float:
    """When somebody was told, by the clock of `time.monotonic`."""
    local.wait(f"an alert about {camera}", lambda: is_alerted(local, camera, second))
    return time.monotonic()


def watching(local: Local) -> str:
    """The state of the sensor of the watch run that is under way."""
    runs = [str(run["dag_run_id"]) for run in local.airflow.runs(WATCH) if run["state"] == "running"]
    return str(local.airflow.states(WATCH, runs[0])["wait_for_footage"]) if runs else "none"


def run_of(local: Local, camera: str, second: int) -> str:
    """The live run that works on this picture."""
    for run in local.airflow.runs(LIVE):
        lines, _ = Runs(local.store).live(str(run["dag_run_id"])).batch()
        if any(line.source.key == f"{INCOMING}{name(camera, second)}" for line in lines):
            return str(run["dag_run_id"])
    return ""


def wait_for_run_of(local: Local, camera: str, second: int) -> str:
    local.wait(f"a live run over {camera}", lambda: bool(run_of(local, camera, second)))
    return run_of(local, camera, second)


@pytest.fixture(scope="module")
def allowed(local: Local) -> float:
    """Seconds from landing to alert: 30, or on a busy machine, three times what an alert takes when nothing hangs.

    That nobody waits for what hangs is seen from the tries; this bound is about everything else that may wait.
    """
    landed = drop(local, 0, "bob-thief")
    seconds = wait_for_alert(local, "bob-thief", 0) - landed
    return max(30.0, 3 * seconds)


def test_a_camera_that_hangs_holds_back_nobody(local: Local, detect: Path, allowed: float) -> None:
    """Neither in its own batch nor in the next one; it is stopped at its bound, tried once more and then alerted."""
    misbehave(detect, kind="hang", shard="carol-thief", times=1)
    landed = drop(local, 60, *CAMERAS)
    first = wait_for_run_of(local, "carol-thief", 60)
    assert run_of(local, "bob-thief", 60) == first
    hangs = f"{DETECT}[carol-thief]"
    local.wait("detect to hang", lambda: local.airflow.states(LIVE, first).get(hangs) == "running")
    landed_later = drop(local, 61, "bob-thief")
    assert wait_for_alert(local, "bob-thief", 60) - landed < allowed
    assert wait_for_alert(local, "bob-thief", 61) - landed_later < allowed
    assert local.airflow.state(LIVE, first) == "running"
    assert not is_alerted(local, "carol-thief", 60)
    assert tries(local, first)[hangs] == 1, "expected both alerts before what hangs was given up"
    wait_for_alert(local, "carol-thief", 60)
    local.wait_for_success(LIVE, first)
    local.wait_for_success(LIVE, run_of(local, "bob-thief", 61))
    assert tries(local, first)[hangs] == 2
    assert outcomes(local, first) == {"detected": 3}
    assert local.airflow.states(LIVE, first)["shard.notify[alice-porch]"] == "skipped", "expected no pod without events"


def test_the_watch_holds_back_at_the_allowed_number_of_live_runs(local: Local, detect: Path) -> None:
    misbehave(detect, kind="wait")
    held = []
    for camera in ("alice-thief", "bob-thief")[:LIVE_RUNS]:
        drop(local, 120, camera)
        held.append(wait_for_run_of(local, camera, 120))
    local.wait("a watch run that has not collected", lambda: watching(local) == "deferred")
    drop(local, 120, "carol-thief")
    time.sleep(5)
    drop(local, 120, "carol-porch")
    time.sleep(5)
    assert watching(local) == "deferred"
    assert len(local.contents(INCOMING)) == 2, "expected what landed to stay there"
    assert sum(run["state"] in ("queued", "running") for run in local.airflow.runs(LIVE)) == LIVE_RUNS
    behave(detect)
    wait_for_alert(local, "carol-thief", 120)
    # The footage that landed meanwhile has made one batch.
    assert run_of(local, "carol-thief", 120) == run_of(local, "carol-porch", 120)
    for run in (*held, run_of(local, "carol-thief", 120)):
        local.wait_for_success(LIVE, run)


def test_a_live_run_that_fails_does_not_stop_the_watch(local: Local, detect: Path, allowed: float) -> None:
    misbehave(detect, kind="exit", code=65, shard="alice-thief")
    drop(local, 180, "alice-thief")
    failed = wait_for_run_of(local, "alice-thief", 180)
    landed = drop(local, 180, "bob-thief")
    assert wait_for_alert(local, "bob-thief", 180) - landed < allowed
    assert local.wait_for_end(LIVE, failed) == "failed"
    behave(detect)
    # No watch run is red, neither for this nor for what hung before.
    assert {str(run["state"]) for run in local.airflow.runs(WATCH)} <= {"success", "running", "queued"}


def test_clearing_a_shard_with_its_downstream_does_what_is_missing(local: Local, detect: Path) -> None:
    run = failed_run(local, detect, 240)
    assert outcomes(local, run) == {"detected": 2, "failed:detect": 1}
    assert is_alerted(local, "bob-thief", 240) and not is_alerted(local, "carol-thief", 240)
    assert "1 task failed: shard.detect_2" in close_run_says(local, run)
    [refused] = [
        task for task in local.airflow.tasks(LIVE, run) if task["state"] == "failed" and task["map_index"] >= 0
    ]
    assert local.airflow.last_line(refused).startswith("stage detect ended with exit code 65: ")
    task = f"tasks/shard.detect/mapped/{refused['map_index']}"
    assert local.airflow.buttons(refused) == {
        "Footage and pictures": f"dags/{LIVE}/runs/{run}/{task}/plugin/nightjar-task",
        "The whole run": f"dags/{LIVE}/runs/{run}/plugin/nightjar-run",
    }
    before = tries(local, run)
    called = call_as_documented(local, run)
    assert '"rendered_map_index":"carol-thief"' in called, "expected the camera beside the index"
    local.wait_for_success(LIVE, run)
    assert outcomes(local, run) == {"detected": 3}
    assert is_alerted(local, "carol-thief", 240)
    again = {task for task, number in tries(local, run).items() if number > before.get(task, 0)}
    carol = {f"shard.{stage}[carol-thief]" for stage in ("detect", "assess", "notify")}
    assert again == {*carol, "reconcile", "record", "close_run"}


def test_clearing_only_what_failed_is_noticed(local: Local, detect: Path) -> None:
    run = failed_run(local, detect, 300)
    local.airflow.clear_failed(LIVE, run)
    assert local.wait_for_end(LIVE, run) == "failed"
    assert local.airflow.states(LIVE, run)[f"{DETECT}[carol-thief]"] == "success"
    assert "clear it and what is downstream of it" in close_run_says(local, run)


def test_a_second_run_of_what_is_worked_on_is_refused_until_the_first_has_ended(local: Local, detect: Path) -> None:
    misbehave(detect, kind="wait", shard="carol-thief")
    batch = file_batch(local.store, [name(camera, 360) for camera in CAMERAS])
    local.airflow.trigger(LIVE, batch, {"batch_id": batch})
    local.wait("its shards", lambda: local.airflow.states(LIVE, batch).get("plan_shards") == "success")
    local.airflow.trigger(LIVE, "by-hand", {"batch_id": batch})
    local.wait("the refusal", lambda: local.airflow.states(LIVE, "by-hand")["freeze_release"] == "failed")
    [task] = [task for task in local.airflow.tasks(LIVE, "by-hand") if task["task_id"] == "freeze_release"]
    sentence = (
        f"run {batch} is working on {batch}: wait for its end, then clear this run if there is something left to do"
    )
    assert local.airflow.last_line(task) == sentence
    assert task["try_number"] <= task["max_tries"], "expected no retry of a refusal; there was none left to take"
    assert local.airflow.state(LIVE, batch) == "running"
    behave(detect)
    local.wait_for_success(LIVE, batch)  # nothing of it was touched
    local.wait_for_end(LIVE, "by-hand")
    # Nothing ran, so nothing is green.
    states = local.airflow.states(LIVE, "by-hand")
    assert set(states.values()) == {"failed", "upstream_failed", "skipped"}
    assert {task for task, state in states.items() if state == "failed"} == {"freeze_release", "close_run"}
    assert "1 task failed: freeze_release" in close_run_says(local, "by-hand")
    call_as_documented(local, "by-hand", whole=True)
    local.wait("the second to end", lambda: local.airflow.state(LIVE, "by-hand") == "success")
    assert outcomes(local, batch) == {"detected": 3}


def test_broken_rules_are_a_red_task_under_a_green_run(local: Local) -> None:
    rules = RulesStore(local.store)
    rules.put(RULES.replace(b"unsafe:", b"unsave:"))
    try:
        drop(local, 420, "alice-thief")
        wait_for_alert(local, "alice-thief", 420)
        run = run_of(local, "alice-thief", 420)
        local.wait_for_success(LIVE, run)
    finally:
        rules.put(RULES)
    states = local.airflow.states(LIVE, run)
    assert {task for task, state in states.items() if state == "failed"} == {"rules_in_force"}
    [task] = [task for task in local.airflow.tasks(LIVE, run) if task["task_id"] == "rules_in_force"]
    assert local.airflow.last_line(task).startswith(
        "warning: the last good rules are used: config/rules.yaml is wrong: line 4"
    )
    assert len(Runs(local.store).live(run).release()[0].rules_problems) == 2


def test_two_runs_at_once_over_the_same_cameras_are_as_one_after_the_other(local: Local, reporting: None) -> None:
    """With the real assess and notify: the same events with the same ids, and each is alerted once.

    Of two events that a third one joins, only runs one after the other alert both: they cannot know yet.
    """
    tags: dict[str, Any] = dict.fromkeys(STAGE_IMAGES, "test-1") | {"assess": "real", "notify": "real"}
    local.airflow.set_variable(VARIABLE, json.dumps({"registry": REGISTRY, **tags}), "the images of the stages")
    cameras = ("dave-thief1", "dave-thief2", "dave-thief3")
    # One event that both runs see; two of the first run that the second one makes one; and one each of its own.
    seconds = ((0, 20, 40, 600, 700, 1000), (10, 30, 50, 650, 1200))
    batches = [file_batch(local.store, [name(c, s + 600) for c in cameras for s in run]) for run in seconds]
    for batch in batches:
        local.airflow.trigger(LIVE, batch, {"batch_id": batch})
    for batch in batches:
        local.wait_for_success(LIVE, batch)
    both = [run for run in local.airflow.runs(LIVE) if run["dag_run_id"] in batches]
    assert max(run["start_date"] for run in both) < min(run["end_date"] for run in both), "expected both at once"
    runs = [Runs(local.store).live(batch) for batch in batches]
    found = outcome(local.store, cameras)
    expected = outcomes_in_any_order(local.store, runs, cameras)
    for camera in cameras:
        [serial] = [each[camera] for each in expected if each[camera].events == found[camera].events][:1]
        assert found[camera].alerted <= serial.alerted
        assert len(found[camera].current) == 4
        for event in found[camera].current:
            assert {event.id, *(ref.id for ref in event.absorbed)} & found[camera].alerted
        assert len(list(local.store.list_versions("outbox/"))) == len(list(local.store.list_objects("outbox/")))


def test_days_are_reported_after_runs_recorded_something(local: Local, began: datetime, reporting: None) -> None:
    """By the Asset: a run of nightjar_report began after the last live run recorded, and reported all that it did."""
    recorded = [run for run in local.airflow.runs(LIVE) if run["state"] == "success"]

    def pages() -> Sequence[str]:
        return list(json.loads(local.contents("reports/")["reports/page.json"]))

    local.wait("the page", lambda: len(pages()) >= len(recorded) > 5)
    reports = [run for run in local.airflow.runs(REPORT) if datetime.fromisoformat(run["run_after"]) > began]
    assert {str(run["run_type"]) for run in reports} >= {"asset_triggered"}
    assert "failed" not in {str(run["state"]) for run in reports}


def failed_run(local: Local, detect: Path, second: int) -> str:
    """A run in which detect refused one of three cameras; afterwards it would not any more."""
    misbehave(detect, kind="exit", code=65, shard="carol-thief")
    run = file_batch(local.store, [name(camera, second) for camera in CAMERAS])
    local.airflow.trigger(LIVE, run, {"batch_id": run})
    assert local.wait_for_end(LIVE, run) == "failed"
    behave(detect)
    return run


def outcomes(local: Local, run: str) -> dict[str, int]:
    return dict(Runs(local.store).live(run).account().counts.outcomes)


def tries(local: Local, run: str) -> dict[str, int]:
    """How often each task has been tried, mapped ones by their camera."""
    return {
        f"{task['task_id']}[{task['rendered_map_index']}]" if task["map_index"] >= 0 else task["task_id"]: task[
            "try_number"
        ]
        for task in local.airflow.tasks(LIVE, run)
    }


def call_as_documented(local: Local, run: str, whole: bool = False) -> str:
    """Do what docs/operate.md says about Airflow's API, for the shard of carol or the `whole` run."""
    if shutil.which("curl") is None:
        skip("THE CALLS IN THE DOCS ARE NOT TESTED here: first apt-get install curl")
    section = (ROOT / "docs" / "operate.md").read_text().split("## Call Airflow's API\n")[1].split("\n## ")[0]
    signing_in, of_tasks = section.split("`/auth/token`")
    of_tasks, of_runs = of_tasks.split("Clear a whole run")
    lines = (signing_in + (of_runs if whole else of_tasks)).splitlines()
    script = "\n".join(line for line in lines if line.startswith("    ") and "AIRFLOW_URL=" not in line)
    assert script.count(f'["{DETECT}", 1]') == (0 if whole else 1)
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_URL": local.deployment.url,
        "PASSWORD": local.deployment.settings.password,
        "RUN": run,
    }
    script = script.replace(f'["{DETECT}", 1]', f'["{DETECT}", {CAROL}]')
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def close_run_says(local: Local, run: str) -> str:
    [task] = [task for task in local.airflow.tasks(LIVE, run) if task["task_id"] == "close_run"]
    return local.airflow.log(task)
