"""The pod of every stage: what is in it, what is not, and that untrusted names stay what they are."""

import json
from typing import Any

import kubernetes_validate
import pytest
from kubernetes.client import ApiClient

from nightjar.domain.layout import digest
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import UsageError
from operators.stage import StageOperator
from tests.operators.conftest import make_context

RUN = "runs/nightjar_live/20261120T130500Z-0123456789ab/"
SHARD = f"{RUN}shards/alice-porch/"
SECRET = "do-not-tell"

pytestmark = pytest.mark.usefixtures("no_cluster")


def stage_pod(stage: str, input_prefix: str = SHARD, run_prefix: str = RUN, **options: Any) -> dict[str, Any]:
    """The pod of a stage as the API gets it."""
    image = f"registry.example.com/nightjar/{stage}:1.0.0"
    operator = StageOperator(
        task_id=stage, stage=stage, image=image, run_prefix=run_prefix, input_prefix=input_prefix, **options
    )
    pod = operator.build_pod_request_obj(make_context(), dry_run=True)
    made: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)
    return made


@pytest.mark.parametrize("stage", STAGE_IMAGES)
def test_pod(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("SENDGRID_API_KEY", SECRET)
    pod = stage_pod(stage)
    kubernetes_validate.validate(pod, "1.36", strict=True)
    [container] = pod["spec"]["containers"]
    assert container["command"] == ["python", "-m", f"nightjar_{stage}"]
    sharded = stage in ("validate", "detect")
    output = f"{RUN}{stage}/alice-porch/" if sharded else f"{RUN}{stage}/"
    assert container["args"] == ["--input-prefix", SHARD, "--output-prefix", output, "--release", f"{RUN}release.json"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    assert environment == {
        "NIGHTJAR_BUCKET": "nightjar",
        "NIGHTJAR_IMAGE": f"registry.example.com/nightjar/{stage}:1.0.0",
        "NIGHTJAR_RUN": "20261120T130500Z-0123456789ab",
        **({"NIGHTJAR_SHARD": "alice-porch"} if sharded else {}),
    }
    secrets = [source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source]
    assert secrets == ["nightjar-s3", *(["nightjar-sendgrid"] if stage == "notify" else [])]
    assert SECRET not in json.dumps(pod)


@pytest.mark.parametrize("stage", STAGE_IMAGES)
def test_pod_is_restricted(stage: str) -> None:
    pod = stage_pod(stage)["spec"]
    [container] = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["volumeMounts"] == [{"name": "scratch", "mountPath": "/tmp"}]
    assert pod["activeDeadlineSeconds"] == 3600
    assert pod["terminationGracePeriodSeconds"] == 60
    assert set(container["resources"]) == {"requests", "limits"}


def test_collect_has_no_release_and_history_a_day() -> None:
    assert "--release" not in stage_pod("collect", "incoming/", pinned=False)["spec"]["containers"][0]["args"]
    assert stage_pod("report", day="2026-11-20")["spec"]["containers"][0]["args"][-2:] == ["--day", "2026-11-20"]


@pytest.mark.parametrize(
    "shard", ["alice-porch", "alice-porch.12", "pack-0001", "a" * 64 + "-porch", "_alice-porch", "alice-porch_"]
)
def test_a_shard_is_a_label_only_hashed_and_readable_in_an_annotation(shard: str) -> None:
    pod = stage_pod("validate", f"{RUN}shards/{shard}/")
    kubernetes_validate.validate(pod, "1.36", strict=True)
    assert pod["metadata"]["labels"]["nightjar/shard"] == digest(shard)
    assert shard not in json.dumps(pod["metadata"]["labels"])
    assert pod["metadata"]["annotations"] == {"nightjar/shard": shard}


@pytest.mark.parametrize(
    "name", ["{{ 7 * 7 }}", "$(AWS_SECRET_ACCESS_KEY)", "a b", "a;b", "a\nb", "ä", "", "x" * 2000, "'", "--day"]
)
def test_a_name_that_is_not_safe_never_reaches_a_pod(name: str) -> None:
    prefix = f"{RUN}shards/{name}/"
    if name in ("", "--day"):  # harmless: a path, not a flag of its own
        assert stage_pod("assess", prefix)["spec"]["containers"][0]["args"][1] == prefix
        return
    with pytest.raises(UsageError, match="expected --input-prefix of letters"):
        stage_pod("assess", prefix)


def test_nothing_from_outside_is_a_template() -> None:
    assert set(StageOperator.template_fields) == {"image", "run_prefix", "input_prefix", "day"}


def test_resources_are_set_by_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_STAGE_RESOURCES", '{"detect": {"cpu": "4", "memory": "3Gi"}}')
    found = stage_pod("detect")["spec"]["containers"][0]["resources"]
    assert (found["requests"]["cpu"], found["limits"]["memory"]) == ("4", "3Gi")
    assert stage_pod("validate")["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "1"


def test_parallelism_is_set_by_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_MAX_PARALLEL_DETECT", "7")
    bounds = {
        stage: StageOperator(
            task_id=stage, stage=stage, image="x", run_prefix="r/", input_prefix="i/"
        ).max_active_tis_per_dag
        for stage in STAGE_IMAGES
    }
    assert bounds == {**dict.fromkeys(STAGE_IMAGES, None), "detect": 7}


def test_no_stage() -> None:
    with pytest.raises(ValueError, match="expected a stage, one of collect, "):
        StageOperator(task_id="x", stage="transcode", image="x", run_prefix="r/", input_prefix="i/")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("NIGHTJAR_RUNTIME", "docker", "NIGHTJAR_RUNTIME"),
        ("NIGHTJAR_RUNTIME", "local", "needs NIGHTJAR_IMAGE_STORE"),
        ("NIGHTJAR_MAX_SHARDS", "2000", "NIGHTJAR_MAX_SHARDS"),
        ("NIGHTJAR_STAGE_RESOURCES", '{"detect": {"cpu": "many", "memory": "1Gi"}}', "NIGHTJAR_STAGE_RESOURCES"),
        ("NIGHTJAR_NAMESPACE", "Not A Name", "NIGHTJAR_NAMESPACE"),
    ],
)
def test_settings_that_are_wrong(name: str, value: str, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTJAR_IMAGE_STORE", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=complaint):
        stage_pod("detect")
