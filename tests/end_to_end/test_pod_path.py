"""The very DAGs with their stages as pods, on the real scheduler: what goes well, what fails, what comes again.

The real stages work on real footage once. Where something goes wrong the stages are the small programs of
`stage_programs`, which keep the contract of a stage, and the cluster does to their pods what befalls them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from nightjar.domain.layout import digest
from nightjar.domain.release import VARIABLE
from nightjar.domain.reproduction.answer import Verdict
from nightjar.domain.reproduction.request import REPRODUCED
from nightjar.domain.stages import STAGES
from nightjar.runtime.manifests import all_refs
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.reproductions import Reproductions
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import HISTORY, LIVE, PATROL, REPORT, REPRODUCE, WATCH, Runs
from nightjar_local import samples
from nightjar_local.images import build_all
from nightjar_local.layout import IMAGES, ROOT
from nightjar_local.sendgrid_double import SendGridDouble
from tests.end_to_end.cluster import Cluster, file_batch, pod_of, running
from tests.kubernetes.admission import schema_violations
from tests.kubernetes.faults import OutOfMemory, Predicate, RunInstead, SlowStart, Vanish
from tests.kubernetes.images import image_store
from tests.kubernetes.pod_security import restricted_violations
from tests.operators.stage_programs import build_images

SHARDS = ("alice-porch", "alice-yard", "bob-lobby", "carol-thief")
SLEEP = RunInstead(("sleep", "60"))


pytestmark = pytest.mark.timeout(600)  # the first test waits until images are built and everything has started

DAY = date(2025, 11, 20)  # of what `names` gives
LONG_CAMERA = f"{'u' * 64}-{'d' * 64}"
UNTRUSTED = (
    "{{ 7 * 7 }}-porch-1763647500.jpg",
    "$(AWS_SECRET_ACCESS_KEY)-a-1763647500.jpg",
    f"{LONG_CAMERA}-1763647500.jpg",
)
MAIL_KEY = "SG.a-key-that-must-not-be-seen"
CHANNEL_TOKEN = "token-of-a-channel-that-must-not-be-seen"
AGAIN = "again"  # the reproduction of the real run
REAL_SHARDS = ("alice-porch", "bob-lobby", LONG_CAMERA)
LINEAGE = "lineage.jsonl"  # where OpenLineage's events go, in the cluster's directory
LINK_KEY = "key-of-links-that-must-not-be-seen-anywhere"
CHANNELS = {
    "CHANNELS_URLS": json.dumps({"oncall": f"json://127.0.0.1:9/{CHANNEL_TOKEN}"}),
    "CHANNELS_LINK_KEY": LINK_KEY,
}


def names(second: int) -> list[str]:
    """One still a camera."""
    return [f"{camera}-{1763647500 + second}.jpg" for camera in SHARDS]


def pod_of_stage(stage: str) -> Predicate:
    return lambda pod: bool(pod["metadata"]["labels"]["nightjar/stage"] == stage)


def say_and_exit(code: int, sentence: str) -> RunInstead:
    return RunInstead(("sh", "-c", f"echo {sentence!r} >&2; exit {code}"))


@pytest.fixture(scope="module")
def mail() -> Iterator[SendGridDouble]:
    with SendGridDouble() as api:
        yield api


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """An image store with the small programs, and the Variable that names them."""
    directory = tmp_path_factory.mktemp("images")
    return directory, build_images(directory)


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, mail: SendGridDouble, programs: tuple[Path, dict[str, str]]
) -> Iterator[Cluster]:
    """A cluster that can pull the images of the real stages and those of the small programs."""
    small, real = image_store(programs[0]), image_store(IMAGES)
    directory = tmp_path_factory.mktemp("cluster")
    transport = {"type": "file", "log_file_path": str(directory / LINEAGE), "append": True}
    started = running(
        directory,
        lambda image: small(image) or real(image),
        mail={"SENDGRID_API_KEY": MAIL_KEY},
        channels=CHANNELS,
        variables={
            "NIGHTJAR_MAIL_FROM": "nightjar@example.com",
            "SENDGRID_API_URL": mail.url,
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        },
    )
    with started as cluster, pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.access.environment().items():
            patch.setenv(name, value)
        RulesStore(S3Store(StoreSettings())).put((ROOT / "local" / "rules.yaml").read_bytes())
        cluster.airflow.set_variable(VARIABLE, json.dumps(build_all()), "the images of the stages")
        cluster.airflow.start_dags([LIVE, HISTORY, REPORT], check=cluster.deployment.check)
        yield cluster


@pytest.fixture(scope="module")
def store(cluster: Cluster) -> S3Store:
    return S3Store(StoreSettings())


@pytest.fixture(scope="module")
def real_run(cluster: Cluster) -> str:
    """The outcome of the watch and the real stages on real footage and on names that nobody should trust."""
    shots = [shot for shot in samples.footage() if shot.body and shot.name.startswith(("alice-porch", "bob-lobby"))]
    picture = next(shot.body for shot in shots if shot.name.endswith(".jpg"))
    drop = {shot.name: shot.body for shot in shots if shot.name.endswith(".jpg")}
    drop |= dict.fromkeys(UNTRUSTED, picture)
    cluster.kubernetes.faults.add(pod_of_stage("validate"), SlowStart(5), times=3)
    for name, body in drop.items():
        cluster.access.client().put_object(Bucket=cluster.access.bucket, Key=f"{INCOMING}{name}", Body=body)
    cluster.airflow.start_dags([WATCH], check=cluster.deployment.check)  # now, so that one batch has it all
    cluster.wait("a run of nightjar_live", lambda: bool(cluster.airflow.runs(LIVE)))
    run = str(cluster.airflow.runs(LIVE)[0]["dag_run_id"])
    cluster.wait_for_run(LIVE, run)
    cluster.airflow.start_dags([PATROL], check=cluster.deployment.check)
    cluster.airflow.trigger(PATROL, "patrol", {})
    assert cluster.wait_for_run(PATROL, "patrol") == "success", cluster.airflow.complaints(PATROL, "patrol")
    return run


@pytest.fixture(scope="module")
def troubled_runs(
    cluster: Cluster, store: S3Store, programs: tuple[Path, dict[str, str]], real_run: str
) -> dict[str, str]:
    """Runs of `nightjar_live`, by what befalls them, one of history and a reproduction, at once and to their end.

    `real_run` has ended before: the small programs are now what every new run is pinned to.
    """
    cluster.airflow.set_variable(VARIABLE, json.dumps(programs[1]), "the images of the stages")
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
    cluster.airflow.trigger_over(HISTORY, "one-day", DAY)
    cluster.airflow.trigger(REPRODUCE, AGAIN, {"run": real_run})
    for run in runs.values():
        cluster.wait_for_run(LIVE, run)
    assert cluster.wait_for_run(HISTORY, "one-day") == "success"
    assert cluster.wait_for_run(REPRODUCE, AGAIN) == "success", cluster.airflow.complaints(REPRODUCE, AGAIN)
    return runs


def test_real_footage_goes_from_the_drop_zone_through_pods_to_alerts(
    cluster: Cluster, store: S3Store, real_run: str, mail: SendGridDouble
) -> None:
    assert cluster.wait_for_run(LIVE, real_run) == "success", cluster.airflow.complaints(LIVE, real_run)
    assert list(store.list_objects(INCOMING)) == []
    assert Runs(store).live(real_run).account().counts.total("detected") > 0
    assert mail.received
    assert {message.authorization for message in mail.received} == {f"Bearer {MAIL_KEY}"}


def test_names_that_nobody_should_trust_end_in_quarantine(cluster: Cluster, store: S3Store, real_run: str) -> None:
    reasons = [
        json.loads(store.get(entry.key)[0])
        for entry in store.list_objects("quarantine/")
        if entry.key.endswith("/reason.json")
    ]
    assert {name for name in UNTRUSTED if any(name in json.dumps(reason) for reason in reasons)} == set(UNTRUSTED)
    assert not any("{{" in json.dumps(pod) or "$(" in json.dumps(pod) for pod in cluster.kubernetes.store.created)
    made = [pod["metadata"] for pod in cluster.pods(real_run, "validate")]
    made = [each for each in made if each["labels"]["dag_id"] == LIVE]
    assert sorted(each["annotations"]["nightjar/shard"] for each in made) == sorted(REAL_SHARDS)
    assert {each["labels"]["nightjar/shard"] for each in made} == {digest(shard) for shard in REAL_SHARDS}


def test_each_stage_is_told_to_openlineage_as_its_manifest_says(
    cluster: Cluster, store: S3Store, real_run: str
) -> None:
    events = [json.loads(line) for line in (cluster.directory / LINEAGE).read_text().splitlines()]
    started = {event["run"]["runId"] for event in events if event["eventType"] == "START"}
    run = Runs(store).live(real_run)
    for stage in ("validate", "detect", "assess", "notify"):
        told = {}
        for event in events:
            of_stage = event["run"]["facets"].get("nightjar", {})
            if (of_stage.get("run"), of_stage.get("stage")) == (f"{LIVE}/{real_run}", stage):
                assert (event["job"]["name"], event["eventType"]) == (f"{LIVE}.shard.{stage}", "COMPLETE")
                told[of_stage["shard"]] = event
        assert sorted(told) == sorted(shard for shard in REAL_SHARDS if run.has_manifest(stage, shard)) != []
        for shard, event in told.items():
            manifest, _ = run.manifest(stage, shard)
            refs = all_refs(store, manifest)
            assert event["run"]["runId"] in started
            assert event["run"]["facets"]["nightjar"]["image"] == manifest.image
            assert objects_by_folder(event["inputs"]) == Counter(ref.key.partition("/")[0] for ref in refs.inputs)
            assert objects_by_folder(event["outputs"]) == Counter(ref.key.partition("/")[0] for ref in refs.objects)


def objects_by_folder(datasets: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The number of objects that OpenLineage was told of, by the folder of the bucket that is a dataset."""
    assert {each["namespace"] for each in datasets} <= {"s3://nightjar"}
    return {each["name"]: each["facets"]["nightjar_objects"]["number"] for each in datasets}


def test_a_run_that_is_done_again_in_pods_gives_the_same_bytes(
    cluster: Cluster, store: S3Store, real_run: str, troubled_runs: dict[str, str]
) -> None:
    answer = Reproductions(store).answer(AGAIN)
    assert answer is not None
    assert (answer.verdict, answer.run) == (Verdict.SAME, f"{LIVE}/{real_run}")
    assert sorted(shard.name for shard in answer.shards) == sorted(REAL_SHARDS)
    made = [pod for pod in cluster.kubernetes.store.created if pod["metadata"]["labels"]["dag_id"] == REPRODUCE]
    assert Counter(pod["metadata"]["labels"]["nightjar/stage"] for pod in made) == dict.fromkeys(REPRODUCED, 3)
    for pod in made:
        arguments = pod["spec"]["containers"][0]["args"]
        shard = pod["metadata"]["annotations"]["nightjar/shard"]
        assert arguments[-2:] == ["--reproduction", f"reproductions/{AGAIN}/shards/{shard}/"]
        secrets = {volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if "secret" in volume}
        assert secrets == {"nightjar-s3"}, "expected no key by which somebody could be told"


def test_shards_are_worked_on_at_once(cluster: Cluster, real_run: str) -> None:
    validations = [task for task in cluster.airflow.tasks(LIVE, real_run) if task["task_id"] == "shard.validate"]
    last_start = max(datetime.fromisoformat(task["start_date"]) for task in validations)
    assert len(validations) == 3
    assert all(datetime.fromisoformat(task["end_date"]) > last_start for task in validations)


def test_a_stage_that_is_refused_its_input_is_not_retried_and_holds_nobody_back(
    cluster: Cluster, troubled_runs: dict[str, str]
) -> None:
    run = troubled_runs["refused"]
    states = cluster.airflow.states(LIVE, run)
    assert {name: state for name, state in states.items() if state != "success"} == {
        "shard.validate[alice-yard]": "failed",
        "shard.validate[bob-lobby]": "failed",
        **{f"shard.{stage}[{n}]": "upstream_failed" for stage in ("detect", "assess", "notify") for n in (1, 2)},
        "shard.notify[alice-porch]": "skipped",  # without events no pod is started
        "close_run": "failed",
    }
    assert [len(cluster.pods(run, stage)) for stage in ("validate", "detect", "assess", "notify")] == [4, 2, 2, 1]
    [failed] = [task for task in cluster.airflow.tasks(LIVE, run) if task["rendered_map_index"] == "alice-yard"]
    assert cluster.airflow.last_line(failed) == "stage validate ended with exit code 65: no such camera"


@pytest.mark.parametrize(
    ("stage", "shard", "says"),
    [
        ("validate", "alice-porch", "exit code 75: S3 is away"),
        ("validate", "alice-yard", "is gone from the cluster|not found"),
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
    assert re.search(says, cluster.airflow.last_line({**task, "try_number": 1}))


def test_every_pod_is_restricted(cluster: Cluster, troubled_runs: dict[str, str]) -> None:
    created = cluster.kubernetes.store.created
    labels = [pod["metadata"]["labels"] for pod in created]
    # No candidate is tried here; the pod of `compare` is looked at in tests/operators/test_pods.py.
    assert {each["nightjar/stage"] for each in labels} == set(STAGES) - {"compare"}
    assert {each["dag_id"] for each in labels} == {WATCH, LIVE, HISTORY, REPORT, PATROL, REPRODUCE}
    for pod in created:
        assert schema_violations(pod) == []
        assert restricted_violations(pod) == []


def test_no_secret_is_in_anything_that_the_runs_left(
    cluster: Cluster, store: S3Store, troubled_runs: dict[str, str], mail: SendGridDouble
) -> None:
    """Rendered fields, XCom and task states are in Airflow's database, exceptions in its logs."""
    assert mail.received  # the keys were there, and were used
    kubernetes = cluster.kubernetes.store
    left = {"pods": json.dumps([kubernetes.created, kubernetes.select(None), kubernetes.events("nightjar")]).encode()}
    files = [each for part in ("airflow", "logs") for each in (cluster.directory / part).rglob("*") if each.is_file()]
    left |= {str(file.relative_to(cluster.directory)): file.read_bytes() for file in files}
    left[LINEAGE] = (cluster.directory / LINEAGE).read_bytes()
    left |= {entry.key: store.get(entry.key)[0] for entry in store.list_objects("")}
    kinds = {"airflow.db", "attempt=1.log", "scheduler.log", "release.json", "pods"}
    assert kinds <= {name.rpartition("/")[2] for name in left}  # it was looked for where it might be
    secrets = (cluster.access.secret_access_key, MAIL_KEY, CHANNEL_TOKEN, LINK_KEY)
    assert {name for name, text in left.items() for secret in secrets if secret.encode() in text} == set()
