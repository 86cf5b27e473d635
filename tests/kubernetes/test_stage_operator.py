"""StageOperator in its Kubernetes runtime, direct and deferred: real pods' processes, a real S3 server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred
from kubernetes.client import ApiException

from nightjar.domain.batch import Footage
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.stores.runs import Run, run_prefix, stage_prefix
from nightjar_local.seaweedfs import S3Access
from operators.failures import StageFailedError
from operators.stage import StageOperator
from tests.kubernetes.faults import Evict, OutOfMemory, PodFault, RunInstead, Vanish
from tests.kubernetes.images import image_store
from tests.kubernetes.pod_security import restricted_violations
from tests.kubernetes.server import ApiServer
from tests.operators.conftest import TaskStates
from tests.operators.stage_programs import REGISTRY, build_image, misbehave
from tests.operators.worked import pin

RUN = run_prefix("nightjar_live", "20261120T130500Z-0123456789ab")
SHARD_NAME = "alice-porch"
OUTPUT = stage_prefix(RUN, "validate", SHARD_NAME)
SLEEP = RunInstead(("sleep", "60"))

Attempt = Callable[..., "TaskInstance"]


class TaskInstance(SimpleNamespace):
    """As much of a task instance as the operator looks at; remembers what is pushed."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        assert (task_ids, map_indexes) == (self.task_id, self.map_index)
        return self.pushed[key]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A local image store with the small stage that does nothing but keep the contract of validate."""
    build_image(tmp_path / "images", "validate", "test-1")
    return tmp_path / "images"


@pytest.fixture
def api_server(tmp_path: Path, images: Path, seaweedfs: S3Access) -> Iterator[ApiServer]:
    secrets = {name: value for name, value in seaweedfs.environment().items() if name.startswith("AWS_")}
    with ApiServer(image_store(images), tmp_path / "pods", {"nightjar-s3": secrets}) as server:
        yield server


@pytest.fixture(params=["direct", "deferred"])
def attempt(
    request: pytest.FixtureRequest, kubeconfig: Path, s3_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> Attempt:
    """Runs one attempt of a task over a shard with one picture, in both modes of the operator."""
    extra = {"in_cluster": False, "kube_config_path": str(kubeconfig)}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    monkeypatch.setenv("NIGHTJAR_RUNTIME", "kubernetes")
    monkeypatch.setenv("NIGHTJAR_DEFERRABLE", str(request.param == "deferred"))
    key = "footage/2025/11/20/14/alice-porch-1763647500.jpg"
    line = Footage.model_validate({"key": key, "version_id": "1", "size": 1, "sha256": "0" * 64})
    shard = Run(s3_store, RUN).write_shard(SHARD_NAME, [line])
    states = TaskStates()

    def run(
        try_number: int = 1,
        tag: str = "test-1",
        meanwhile: Callable[[], None] | None = None,
        tag_meanwhile: str | None = None,
        **options: Any,
    ) -> TaskInstance:
        ti = TaskInstance(
            dag_id="nightjar_live",
            task_id="v",
            map_index=0,
            try_number=try_number,
            start_date=datetime.now(UTC),
            pushed={},
            max_tries=5,
            task=SimpleNamespace(retries=5),
        )
        context: Any = {
            "ti": ti,
            "task_instance": ti,
            "run_id": "{{ run }}",
            "dag": None,
            "task_state_store": states,
        }
        release = pin(s3_store, run=RUN, tag=tag, start=1 if tag == "test-1" else 2)

        def task(tag: str) -> StageOperator:
            return StageOperator(
                task_id="v",
                stage="validate",
                image=f"{REGISTRY}/validate:{tag}",
                release=release,
                run_prefix=RUN,
                input_prefix=shard,
                termination_grace_period=1,
                startup_check_interval_seconds=0.2,
                poll_interval=0.3,
                **options,
            )

        try:
            task(tag).execute(context)
        except TaskDeferred as deferred:
            if meanwhile:
                meanwhile()
            # As in Airflow, where a task comes back in another process, with its templates rendered anew.
            resume = getattr(task(tag_meanwhile or tag), deferred.method_name)
            resume(context, asyncio.run(_first_event(deferred.trigger)))
        return ti

    return run


async def _first_event(trigger: Any) -> dict[str, Any]:
    events = trigger.run()
    try:
        return dict((await anext(events)).payload)
    finally:
        await events.aclose()
        await trigger.cleanup()


def test_a_stage_runs_and_is_proven(attempt: Attempt, api_server: ApiServer, s3_store: S3Store) -> None:
    ti = attempt()
    manifest, _ = read_manifest(s3_store, OUTPUT)
    assert manifest.counts.outcomes == {"standard": 1}
    assert ti.pushed["return_value"] == OUTPUT
    assert api_server.store.select(None) == []
    [pod] = api_server.store.created
    assert restricted_violations(pod) == []


def test_an_image_that_is_set_meanwhile_is_not_that_of_this_attempt(attempt: Attempt) -> None:
    """The image of collect is a template of the Variable, which may be changed while its pod works."""
    assert attempt(tag_meanwhile="test-9").pushed["return_value"] == OUTPUT


@pytest.mark.parametrize("code", [64, 65])
def test_what_a_person_must_mend_is_not_retried(
    attempt: Attempt, images: Path, code: int, api_server: ApiServer
) -> None:
    misbehave(images / "validate" / "test-1", kind="exit", code=code, sentence="the camera is not known")
    with pytest.raises(AirflowFailException, match=f"exit code {code}.*the camera is not known"):
        attempt()
    assert api_server.store.select(None)[0]["status"]["phase"] == "Failed"


@pytest.mark.parametrize("code", [1, 75])
def test_what_may_pass_is_retried(attempt: Attempt, images: Path, code: int, api_server: ApiServer) -> None:
    misbehave(images / "validate" / "test-1", kind="exit", code=code, times=1)
    with pytest.raises(AirflowException, match=f"exit code {code}") as failure:
        attempt()
    assert not isinstance(failure.value, AirflowFailException)
    attempt(try_number=2)
    assert len(api_server.store.created) == 2


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ([SLEEP, Vanish(2.5)], "is gone from the cluster|not found"),
        ([SLEEP, OutOfMemory(1)], "exit code 137: OOMKilled"),
        ([SLEEP, Evict(1)], "exit code 137: Evicted"),
        ([RunInstead(("true",))], "left no proof"),
    ],
)
def test_a_pod_that_is_lost_or_proves_nothing_fails_and_is_retried(
    attempt: Attempt, api_server: ApiServer, faults: list[PodFault], says: str
) -> None:
    api_server.faults.add(lambda _: True, *faults, times=1)
    with pytest.raises((AirflowException, ApiException), match=says) as failure:
        attempt()
    assert not isinstance(failure.value, AirflowFailException)
    attempt(try_number=2)


def test_a_pod_that_reaches_its_time_bound_is_tried_once_more(attempt: Attempt, api_server: ApiServer) -> None:
    api_server.faults.add(lambda _: True, SLEEP)
    with pytest.raises(StageFailedError, match="DeadlineExceeded"):
        attempt(active_deadline_seconds=2)
    with pytest.raises(AirflowFailException, match="DeadlineExceeded"):
        attempt(try_number=2, active_deadline_seconds=2)
    assert len(api_server.store.created) == 2


def test_the_deadline_of_a_pod_follows_its_shard(attempt: Attempt, api_server: ApiServer) -> None:
    attempt()
    [pod] = api_server.store.created
    assert pod["spec"]["activeDeadlineSeconds"] == 302  # 300 to start, 2 for its picture


@pytest.mark.parametrize("attempt", ["deferred"], indirect=True)
def test_a_deployment_that_is_set_up_wrong_meanwhile_is_not_tried_again(
    attempt: Attempt, api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AirflowFailException, match="NIGHTJAR_BUCKET"):
        attempt(meanwhile=lambda: monkeypatch.setenv("NIGHTJAR_BUCKET", "Not A Bucket"))


def test_the_manifest_of_an_earlier_attempt_proves_nothing(attempt: Attempt, api_server: ApiServer) -> None:
    attempt()
    api_server.faults.add(lambda _: True, RunInstead(("true",)))
    with pytest.raises(AirflowException, match="earlier attempt"):
        attempt()


def test_an_image_that_is_not_there_fails_and_leaves_no_pod_that_may_start_later(
    attempt: Attempt, api_server: ApiServer
) -> None:
    with pytest.raises(AirflowException, match="ImagePullBackOff"):
        attempt(tag="none")
    assert api_server.store.select(None) == []
