"""The pod of every stage: what is in it, what is not, and that untrusted names stay what they are."""

import json

import kubernetes_validate
import pytest

from nightjar.domain.batch import Footage
from nightjar.domain.layout import digest
from nightjar.domain.manifest import TaskRef
from nightjar.domain.shards import most_pictures
from nightjar.domain.stages import STAGES
from nightjar.errors import InputError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.settings.validate import ValidateSettings
from operators.settings import deployment
from operators.stage import StageOperator
from tests.operators.conftest import make_context
from tests.operators.stage_pods import (
    RUN,
    SECRET,
    SHARD,
    SHARDED,
    fill,
    left_by,
    operator,
    pin,
    shard_of_three,
    stage_pod,
)
from tests.operators.stage_programs import REGISTRY

pytestmark = pytest.mark.usefixtures("no_cluster")


@pytest.fixture
def store() -> MemoryStore:
    """A bucket with a shard of two stills and a short video."""
    return shard_of_three()


@pytest.mark.parametrize("stage", STAGES)
def test_pod(stage: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("SENDGRID_API_KEY", SECRET)
    monkeypatch.setenv("CHANNELS_URLS", SECRET)
    monkeypatch.setenv("CHANNELS_LINK_KEY", SECRET)
    pod = stage_pod(store, stage)
    kubernetes_validate.validate(pod, "1.36", strict=True)
    [container] = pod["spec"]["containers"]
    assert container["command"] == ["python", "-m", f"nightjar_{stage}"]
    output = f"{RUN}{stage}/alice-porch/" if stage in SHARDED else f"{RUN}{stage}/"
    assert container["args"] == ["--input-prefix", SHARD, "--output-prefix", output, "--release", f"{RUN}release.json"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    assert environment == {
        "NIGHTJAR_LONG_SIDE": "640",
        "NIGHTJAR_MAIL_FROM": "$$(AWS_SECRET_ACCESS_KEY)@example.com",  # Kubernetes does not expand this
        "NIGHTJAR_BUCKET": "nightjar",
        "NIGHTJAR_SECRETS_DIR": "/etc/nightjar/secrets",
        "NIGHTJAR_IMAGE": f"{REGISTRY}/{STAGES[stage].image}:1.0.0",
        "NIGHTJAR_RUN": "20261120T130500Z-0123456789ab",
        **({"NIGHTJAR_SHARD": "alice-porch"} if stage in SHARDED else {}),
        "NIGHTJAR_TASK": environment["NIGHTJAR_TASK"],
    }
    task = TaskRef.model_validate_json(environment["NIGHTJAR_TASK"])
    assert task == TaskRef(dag_id="dag", run_id=make_context()["run_id"], task_id="task", pod=f"nightjar-{stage}")
    assert container["image"] == environment["NIGHTJAR_IMAGE"]
    # No config map can change what a release has pinned.
    assert not container.get("envFrom")
    names = ["nightjar-s3", *(["nightjar-sendgrid", "nightjar-channels"] if stage in ("notify", "tell") else [])]
    secrets = [volume for volume in pod["spec"]["volumes"] if "secret" in volume]
    assert [volume["secret"] for volume in secrets] == [
        {"secretName": name, "optional": True, "defaultMode": 0o440} for name in names
    ]
    mounts = [mount for mount in container["volumeMounts"] if mount["name"] != "scratch"]
    assert mounts == [
        {"name": volume["name"], "mountPath": f"/etc/nightjar/secrets/{name}", "readOnly": True}
        for volume, name in zip(secrets, names, strict=True)
    ]
    assert SECRET not in json.dumps(pod)


@pytest.mark.parametrize("stage", STAGES)
def test_secrets_as_variables_for_stages_that_know_no_files(
    stage: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_SECRET_FILES", "false")
    pod = stage_pod(store, stage)
    kubernetes_validate.validate(pod, "1.36", strict=True)
    [container] = pod["spec"]["containers"]
    # Nothing but secrets comes by reference: no config map can change what a release has pinned.
    assert [set(source) for source in container["envFrom"]] == [{"secretRef"}] * len(container["envFrom"])
    names = [source["secretRef"]["name"] for source in container["envFrom"]]
    assert names == [
        "nightjar-s3",
        *(["nightjar-sendgrid", "nightjar-channels"] if stage in ("notify", "tell") else []),
    ]
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["scratch"]
    assert "NIGHTJAR_SECRETS_DIR" not in {variable["name"] for variable in container["env"]}


@pytest.mark.parametrize("stage", STAGES)
def test_pod_is_restricted(stage: str, store: MemoryStore) -> None:
    pod = stage_pod(store, stage)["spec"]
    [container] = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    writable = [mount for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == [{"name": "scratch", "mountPath": "/tmp"}]
    assert pod["terminationGracePeriodSeconds"] == 60
    assert set(container["resources"]) == {"requests", "limits"}


def test_a_setting_that_changes_in_mid_run_changes_nothing(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stage_pod(store, "validate")["spec"]["containers"][0]["env"]
    monkeypatch.setenv("NIGHTJAR_LONG_SIDE", "1024")
    assert stage_pod(store, "validate")["spec"]["containers"][0]["env"] == before


def test_the_image_is_the_release_s(store: MemoryStore) -> None:
    task = operator("validate", release=pin(store, tag="2.0.0"))
    assert task.assign(store).image == f"{REGISTRY}/validate:2.0.0"


def test_a_run_that_is_pinned_to_another_release_by_now_is_refused(store: MemoryStore) -> None:
    task = operator("validate", release=pin(store))
    pin(store, start="7")
    with pytest.raises(UsageError, match=r"another DAG run, or a later start of this one, has taken up 20261120T"):
        task.assign(store)
    with pytest.raises(InputError, match=r"release\.json"):
        operator("validate", release="7" * 64).assign(MemoryStore())


def test_collect_has_no_release_and_goes_by_the_settings_of_now(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_BATCH_OBJECTS", "7")
    [container] = stage_pod(store, "collect", "incoming/", release=None)["spec"]["containers"]
    assert "--release" not in container["args"]
    assert {"name": "NIGHTJAR_BATCH_OBJECTS", "value": "7"} in container["env"]


def test_history_has_a_day(store: MemoryStore) -> None:
    [container] = stage_pod(store, "record", day="2026-11-20")["spec"]["containers"]
    assert container["args"][-2:] == ["--day", "2026-11-20"]


@pytest.mark.parametrize(
    ("stage", "before", "outcomes", "seconds"),
    [
        pytest.param("validate", None, {}, 300 + 2 * 452, id="two stills, and a video"),
        pytest.param("detect", "validate", {"standard": 900, "quarantined": 100}, 300 + 900, id="only what passed"),
        pytest.param("detect", "validate", {"standard": 0}, 300, id="nothing to do"),
        pytest.param("detect", "validate", {"standard": 100_000}, 3600, id="capped"),
        pytest.param("assess", "detect", {"detected": 1000}, 300 + 100, id="a tenth of a second each"),
        pytest.param("notify", "assess", {"threat": 3, "safe": 1}, 300 + 300 + 2, id="and the mail API's patience"),
        pytest.param("record", "reconcile", {"detected": 9}, 3600, id="does not depend on pictures"),
    ],
)
def test_the_time_bound_follows_the_expected_work(
    store: MemoryStore, stage: str, before: str | None, outcomes: dict[str, int], seconds: int
) -> None:
    prefix = left_by(store, before, **outcomes) if before else SHARD
    assert stage_pod(store, stage, prefix)["spec"]["activeDeadlineSeconds"] == seconds


def test_a_video_that_uses_up_its_decoder_is_refused_before_its_shard_is_stopped(no_cluster: None) -> None:
    """Else the whole shard would fail for good, however often it is cleared, and nobody hear of its other pictures."""
    key = "footage/2023/11/14/22/alice-porch-1700000000.mp4"
    video = Footage.model_validate({"key": key, "version_id": "1", "size": 9, "sha256": ""})
    for videos in (1, 2, 3):
        bound = deployment().seconds(STAGES["validate"], most_pictures([video] * videos))
        assert bound >= videos * ValidateSettings().video_seconds + 60


def test_bounds_are_set_by_the_deployment(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_STAGE_SECONDS", "600")
    monkeypatch.setenv("NIGHTJAR_STAGE_START_SECONDS", "10")
    assert stage_pod(store, "validate")["spec"]["activeDeadlineSeconds"] == 600
    fill(store, SHARD, "alice-porch-1763647500.jpg")
    assert stage_pod(store, "validate")["spec"]["activeDeadlineSeconds"] == 12


@pytest.mark.parametrize(
    "shard", ["alice-porch", "alice-porch.12", "pack-0001", "a" * 64 + "-porch", "_alice-porch", "alice-porch_"]
)
def test_a_shard_is_a_label_only_hashed_and_readable_in_an_annotation(store: MemoryStore, shard: str) -> None:
    fill(store, f"{RUN}shards/{shard}/", "alice-porch-1763647500.jpg")
    pod = stage_pod(store, "validate", f"{RUN}shards/{shard}/")
    kubernetes_validate.validate(pod, "1.36", strict=True)
    assert pod["metadata"]["labels"]["nightjar/shard"] == digest(shard)
    assert shard not in json.dumps(pod["metadata"]["labels"])
    assert pod["metadata"]["annotations"] == {"nightjar/shard": shard}


@pytest.mark.parametrize(
    "name", ["{{ 7 * 7 }}", "$(AWS_SECRET_ACCESS_KEY)", "a b", "a;b", "a\nb", "ä", "", "x" * 2000, "'", "--day"]
)
def test_a_name_that_is_not_safe_never_reaches_a_pod(store: MemoryStore, name: str) -> None:
    prefix = f"{RUN}shards/{name}/"
    if name in ("", "--day"):  # harmless: a path, not a flag of its own
        assert stage_pod(store, "record", prefix)["spec"]["containers"][0]["args"][1] == prefix
        return
    with pytest.raises(UsageError, match="expected --input-prefix of letters"):
        stage_pod(store, "record", prefix)


def test_nothing_from_outside_is_a_template() -> None:
    ours = {"image", "release", "run_prefix", "input_prefix", "day", "reproduction"}
    assert set(StageOperator.template_fields) == ours


def test_no_stage() -> None:
    with pytest.raises(UsageError, match="expected a stage, one of collect, "):
        StageOperator(task_id="x", stage="transcode", image="x", run_prefix="r/", input_prefix="i/")
