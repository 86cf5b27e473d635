"""The very DAGs with their stages as pods, on the real scheduler: what goes well, what fails, what comes again.

The stages are the small programs of `stage_programs`, which keep the contract of a stage; what goes wrong with a pod
is done to it by the cluster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from nightjar.domain.layout import INCOMING, LIVE, RULES_KEY, WATCH
from nightjar.domain.release import VARIABLE
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar_local.layout import ROOT
from tests.end_to_end.cluster import MAIL_KEY, Cluster, file_batch, pod_of, running
from tests.kubernetes.admission import schema_violations
from tests.kubernetes.faults import OutOfMemory, RunInstead, SlowStart, Vanish
from tests.kubernetes.images import image_store
from tests.kubernetes.pod_security import restricted_violations
from tests.operators.stage_programs import build_images

SHARDS = ("alice-porch", "alice-yard", "bob-lobby", "carol-thief")
SLEEP = RunInstead(("sleep", "60"))


def names(second: int) -> list[str]:
    """One still a camera."""
    return [f"{camera}-{1763647500 + second}.jpg" for camera in SHARDS]


def say_and_exit(code: int, sentence: str) -> RunInstead:
    return RunInstead(("sh", "-c", f"echo {sentence!r} >&2; exit {code}"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    variable = build_images(directory / "images")
    with running(directory, image_store(directory / "images")) as cluster, pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.access.environment().items():
            patch.setenv(name, value)
        rules = (ROOT / "local" / "rules.yaml").read_bytes()
        cluster.access.client().put_object(Bucket=cluster.access.bucket, Key=RULES_KEY, Body=rules)
        cluster.airflow.set_variable(VARIABLE, json.dumps(variable), "the images of the stages")
        cluster.airflow.start_dags([LIVE, WATCH], check=cluster.check)
        yield cluster


@pytest.fixture(scope="module")
def store(cluster: Cluster) -> S3Store:
    return S3Store(StoreSettings())


@pytest.fixture(scope="module")
def troubled_runs(cluster: Cluster, store: S3Store) -> dict[str, str]:
    """Runs of `nightjar_live`, by what befalls them, at once and to their end: going through them takes a while."""
    runs = {name: file_batch(store, names(second)) for second, name in enumerate(["refused", "retried"])}
    refused, retried = runs["refused"], runs["retried"]
    add = cluster.kubernetes.faults.add
    add(pod_of(refused, "validate", "alice-yard"), say_and_exit(65, "no such camera"))
    add(pod_of(refused, "validate", "bob-lobby"), say_and_exit(64, "no bucket"))
    add(pod_of(retried, "validate", "alice-porch"), say_and_exit(75, "S3 is away"), times=1)
    add(pod_of(retried, "validate", "alice-yard"), SLEEP, Vanish(4), times=1)
    add(pod_of(retried, "detect", "bob-lobby"), SLEEP, OutOfMemory(1), times=1)
    add(pod_of(retried, "detect", "carol-thief"), RunInstead(("true",)), times=1)
    for run in runs.values():
        cluster.airflow.trigger(LIVE, run, {"batch_id": run})
    for run in runs.values():
        cluster.wait_for_run(LIVE, run)
    return runs


def test_footage_goes_from_the_drop_zone_through_pods_to_alerts(cluster: Cluster, store: S3Store) -> None:
    cluster.kubernetes.faults.add(lambda pod: pod["metadata"]["labels"]["nightjar/stage"] == "validate", SlowStart(3))
    for name in names(100):
        cluster.access.client().put_object(Bucket=cluster.access.bucket, Key=f"{INCOMING}{name}", Body=b"x")
    cluster.wait("a run of nightjar_live", lambda: bool(cluster.airflow.runs(LIVE)))
    run = str(cluster.airflow.runs(LIVE)[0]["dag_run_id"])
    assert cluster.wait_for_run(LIVE, run) == "success", cluster.airflow.states(LIVE, run)
    assert [len(cluster.pods(run, stage)) for stage in ("validate", "detect", "assess", "notify", "report")] == [
        4,
        4,
        1,
        1,
        1,
    ]
    assert len(list(store.list_objects("outbox/"))) == 1
    assert list(store.list_objects(INCOMING)) == []

    validations = [task for task in cluster.airflow.tasks(LIVE, run) if task["task_id"] == "shard.validate"]
    last_start = max(datetime.fromisoformat(task["start_date"]) for task in validations)
    assert all(datetime.fromisoformat(task["end_date"]) > last_start for task in validations)


def test_a_stage_that_is_refused_its_input_is_not_retried_and_holds_nobody_back(
    cluster: Cluster, troubled_runs: dict[str, str]
) -> None:
    run = troubled_runs["refused"]
    states = cluster.airflow.states(LIVE, run)
    assert {name: state for name, state in states.items() if state != "success"} == {
        "shard.validate[alice-yard]": "failed",
        "shard.validate[bob-lobby]": "failed",
        "shard.detect[1]": "upstream_failed",
        "shard.detect[2]": "upstream_failed",
        "close_run": "failed",
    }
    assert len(cluster.pods(run, "validate")) == 4
    [failed] = [task for task in cluster.airflow.tasks(LIVE, run) if task["rendered_map_index"] == "alice-yard"]
    assert "exit code 65: no such camera" in cluster.airflow.log(failed)


@pytest.mark.parametrize(
    ("stage", "shard", "says"),
    [
        ("validate", "alice-porch", "exit code 75: S3 is away"),
        ("validate", "alice-yard", "is gone from the cluster"),
        ("detect", "bob-lobby", "exit code 137: OOMKilled"),
        ("detect", "carol-thief", "left no proof of its work"),
    ],
)
def test_a_pod_that_fails_vanishes_or_proves_nothing_is_tried_again(
    cluster: Cluster, troubled_runs: dict[str, str], stage: str, shard: str, says: str
) -> None:
    run = troubled_runs["retried"]
    assert cluster.wait_for_run(LIVE, run) == "success"
    assert len(cluster.pods(run, stage, shard)) == 2
    [task] = [
        task
        for task in cluster.airflow.tasks(LIVE, run)
        if (task["task_id"], task["rendered_map_index"]) == (f"shard.{stage}", shard)
    ]
    assert task["try_number"] == 2
    assert says in cluster.airflow.log({**task, "try_number": 1})


def test_every_pod_is_restricted_and_holds_no_secret(cluster: Cluster, troubled_runs: dict[str, str]) -> None:
    created = cluster.kubernetes.store.created
    stages = {pod["metadata"]["labels"]["nightjar/stage"] for pod in created}
    assert stages == {"collect", "validate", "detect", "assess", "notify", "report"}
    secret = {cluster.access.secret_access_key, cluster.access.access_key_id, MAIL_KEY}
    for pod in created:
        assert schema_violations(pod) == []
        assert restricted_violations(pod) == []
        assert not any(value in json.dumps(pod) for value in secret)
