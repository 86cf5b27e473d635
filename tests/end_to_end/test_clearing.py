"""A shard that failed is put right and cleared: it and all below it are done again, and nothing else.

What one run works on, no other does meanwhile.

The stages are the small programs of `stage_programs`, which do wrong when told to.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nightjar.domain.layout import LIVE, run_prefix
from nightjar.runtime.manifests import read_manifest
from tests.end_to_end.cluster import file_batch
from tests.end_to_end.local_runtime import Local, running
from tests.operators.stage_programs import MISBEHAVE, misbehave

CAMERAS = ("alice-porch", "bob-thief", "carol-thief")
DETECT = "shard.detect"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A deployment of small stages."""
    directory = tmp_path_factory.mktemp("clearing")
    with running(directory, programs=directory / "images") as local:
        local.airflow.start_dags([LIVE], check=local.deployment.check)
        yield local


def failed_run(local: Local, second: int) -> str:
    """A run in which detect refused one of three cameras; afterwards it would not any more."""
    detect = local.home.parent / "images" / "detect" / "test-1"
    misbehave(detect, kind="exit", code=65, shard="carol-thief")
    run = file_batch(local.store, [f"{camera}-{1763647500 + second}.jpg" for camera in CAMERAS])
    local.airflow.trigger(LIVE, run, {"batch_id": run})
    assert local.wait_for_end(LIVE, run) == "failed"
    (detect / MISBEHAVE).unlink()
    return run


def outcomes(local: Local, run: str) -> dict[str, int]:
    return dict(read_manifest(local.store, f"{run_prefix(LIVE, run)}reconcile/")[0].counts.outcomes)


def tries(local: Local, run: str) -> dict[str, int]:
    """How often each task has been tried, mapped ones by their camera."""
    return {
        f"{task['task_id']}[{task['rendered_map_index']}]" if task["map_index"] >= 0 else task["task_id"]: task[
            "try_number"
        ]
        for task in local.airflow.tasks(LIVE, run)
    }


def close_run_says(local: Local, run: str) -> str:
    [task] = [task for task in local.airflow.tasks(LIVE, run) if task["task_id"] == "close_run"]
    return local.airflow.log(task)


def test_clearing_a_shard_with_its_downstream_does_what_is_missing(local: Local) -> None:
    run = failed_run(local, 0)
    assert outcomes(local, run) == {"detected": 2, "failed:detect": 1}
    assert len(local.contents("outbox/")) == 1  # bob heard about his thief although carol's shard failed
    assert "1 tasks failed: shard.detect_2" in close_run_says(local, run)
    before = tries(local, run)

    local.airflow.clear_task(LIVE, run, DETECT, CAMERAS.index("carol-thief"), downstream=True)
    local.wait_for_success(LIVE, run)
    assert outcomes(local, run) == {"detected": 3}
    assert len(local.contents("outbox/")) == 2
    again = {name for name, number in tries(local, run).items() if number > before[name]}
    # shards_done is the scheduler's own work, which counts no tries.
    expected = {f"{DETECT}[carol-thief]", "reconcile", "assess", "notify", "report", "close_run"}
    assert again - {"shards_done"} == expected


def test_clearing_only_what_failed_is_noticed(local: Local) -> None:
    run = failed_run(local, 60)
    local.airflow.clear_failed(LIVE, run)
    assert local.wait_for_end(LIVE, run) == "failed"
    assert local.airflow.states(LIVE, run)[f"{DETECT}[carol-thief]"] == "success"
    assert "shard carol-thief changed after reconcile: clear it and what is downstream" in close_run_says(local, run)


def test_a_second_run_of_what_is_worked_on_is_refused_until_the_first_has_ended(local: Local) -> None:
    detect = local.home.parent / "images" / "detect" / "test-1"
    misbehave(detect, kind="hang", shard="carol-thief")
    batch = file_batch(local.store, [f"{camera}-{1763647500 + 120}.jpg" for camera in CAMERAS])
    local.airflow.trigger(LIVE, batch, {"batch_id": batch})
    local.wait("its shards", lambda: local.airflow.states(LIVE, batch).get("plan_shards") == "success")

    local.airflow.trigger(LIVE, "by-hand", {"batch_id": batch})
    local.wait("the refusal", lambda: local.airflow.states(LIVE, "by-hand")["freeze_release"] == "failed")
    [task] = [task for task in local.airflow.tasks(LIVE, "by-hand") if task["task_id"] == "freeze_release"]
    assert f"run {batch} is working on {batch}: wait for its end" in local.airflow.log(task)
    assert task["try_number"] == 1
    assert local.airflow.state(LIVE, batch) == "running"

    (detect / MISBEHAVE).unlink()
    local.airflow.mark_failed(LIVE, batch)
    local.wait_for_end(LIVE, "by-hand")
    local.airflow.clear(LIVE, "by-hand")
    local.wait("the second to end", lambda: local.airflow.state(LIVE, "by-hand") == "success")
    assert outcomes(local, batch) == {"detected": 3}
