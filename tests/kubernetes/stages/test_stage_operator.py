"""StageOperator in its Kubernetes runtime, direct and deferred: real pods' processes, a real S3 server."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from kubernetes.client import ApiException

from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from operators.failures import StageFailedError
from tests.kubernetes.faults import Evict, OutOfMemory, PodFault, RunInstead, Vanish
from tests.kubernetes.pod_security import restricted_violations
from tests.kubernetes.server import ApiServer
from tests.kubernetes.stages.conftest import OUTPUT, SLEEP, Attempt
from tests.operators.stage_programs import REGISTRY, build_image, misbehave


def test_a_stage_runs_and_is_proven(attempt: Attempt, api_server: ApiServer, s3_store: S3Store) -> None:
    ti = attempt()
    manifest, _ = read_manifest(s3_store, OUTPUT)
    assert manifest.counts.outcomes == {"standard": 1}
    assert ti.pushed["return_value"] == OUTPUT
    assert api_server.store.select(None) == []
    [pod] = api_server.store.created
    assert restricted_violations(pod) == []


def test_a_pod_is_started_by_the_digest_of_its_image(
    attempt: Attempt, api_server: ApiServer, s3_store: S3Store
) -> None:
    digest = f"sha256:{'a' * 64}"
    assert attempt(digest=digest).pushed["return_value"] == OUTPUT
    [pod] = api_server.store.created
    image = f"{REGISTRY}/validate:test-1"
    assert pod["spec"]["containers"][0]["image"] == f"{image}@{digest}", "whatever is pushed over the tag is not run"
    manifest, _ = read_manifest(s3_store, OUTPUT)
    assert (manifest.image, manifest.image_digest) == (image, digest)


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
        ([SLEEP, Vanish(0.5)], "is gone from the cluster|not found"),
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


@pytest.mark.parametrize("attempt", ["direct"], indirect=True)
@pytest.mark.parametrize(
    ("runtime", "tag", "pods"),
    [
        pytest.param("worker", "test-1", 0, id="its image is in the worker's store"),
        pytest.param("worker", "test-2", 1, id="the release has another image"),
        pytest.param("pod", "test-1", 1, id="it is not asked for"),
    ],
)
def test_a_small_stage_needs_no_pod(
    attempt: Attempt,
    api_server: ApiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    runtime: str,
    tag: str,
    pods: int,
) -> None:
    build_image(tmp_path / "images", "validate", "test-2")
    build_image(tmp_path / "worker", "validate", "test-1")
    monkeypatch.setenv("NIGHTJAR_IMAGE_STORE", str(tmp_path / "worker"))
    monkeypatch.setenv("NIGHTJAR_STAGES", f'{{"validate": {{"runtime": "{runtime}"}}}}')
    assert attempt(tag=tag).pushed["return_value"] == OUTPUT
    assert len(api_server.store.created) == pods
