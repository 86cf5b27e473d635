"""The pod of every stage: what is in it, what is not, and that untrusted names stay what they are."""

import json
from typing import Any

import kubernetes_validate
import pytest
from kubernetes.client import ApiClient

from nightjar.domain.batch import Footage
from nightjar.domain.layout import digest
from nightjar.domain.manifest import Counts, Manifest
from nightjar.domain.release import Started
from nightjar.domain.shards import most_pictures
from nightjar.domain.stages import STAGES
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import write_lines, write_manifest
from nightjar.runtime.memory import MemoryStore
from nightjar.settings.validate import ValidateSettings
from nightjar.stores.runs import Run
from operators.pods import priority_class
from operators.settings import deployment
from operators.stage import StageOperator
from tests.bucket import release_of
from tests.operators.conftest import make_context
from tests.operators.stage_programs import REGISTRY
from tests.operators.worked import NOW

RUN = "runs/nightjar_live/20261120T130500Z-0123456789ab/"
SHARD = f"{RUN}shards/alice-porch/"
SECRET = "do-not-tell"
SETTINGS = {"NIGHTJAR_LONG_SIDE": "640", "NIGHTJAR_MAIL_FROM": "$(AWS_SECRET_ACCESS_KEY)@example.com"}
SHARDED = [stage.name for stage in STAGES.values() if stage.sharded]

pytestmark = pytest.mark.usefixtures("no_cluster")


@pytest.fixture
def store() -> MemoryStore:
    """A bucket with a shard of two stills and a short video."""
    store = MemoryStore()
    names = ("alice-porch-1763647500.jpg", "alice-porch-1763647501.jpg", "alice-porch-1763647502.mp4")
    fill(store, SHARD, *names)
    return store


def fill(store: MemoryStore, prefix: str, *names: str) -> None:
    footage = [
        Footage.model_validate({"key": f"footage/2025/11/20/14/{name}", "version_id": "1", "size": 9, "sha256": ""})
        for name in names
    ]
    write_lines(store, f"{prefix}shard.jsonl", footage)


def pin(store: MemoryStore, tag: str = "1.0.0", start: str = "1") -> str:
    """Pin the run to a release with the same settings for every stage; returns its SHA-256."""
    started = Started(dag_run="r", start=start)
    settings = dict.fromkeys(STAGES, SETTINGS)
    release = release_of("20261120T130500Z-0123456789ab", started, dict.fromkeys(STAGES, tag), settings)
    return Run(store, RUN).pin(started, lambda: release)[1].sha256


def operator(stage: str, input_prefix: str = SHARD, **options: Any) -> StageOperator:
    image = f"{REGISTRY}/{STAGES[stage].image}:1.0.0"
    return StageOperator(task_id=stage, stage=stage, image=image, run_prefix=RUN, input_prefix=input_prefix, **options)


def stage_pod(store: MemoryStore, stage: str, input_prefix: str = SHARD, **options: Any) -> dict[str, Any]:
    """The pod of a stage as the API gets it."""
    made = operator(stage, input_prefix, **({"release": pin(store)} | options))
    made.assign(store)
    pod = made.build_pod_request_obj(make_context(), dry_run=True)
    return dict(ApiClient().sanitize_for_serialization(pod))


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
    }
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


def left_by(store: MemoryStore, stage: str, **outcomes: int) -> str:
    """The prefix below which `stage` left this many pictures."""
    prefix = f"{RUN}{stage}/alice-porch/"
    counts = Counts(received=sum(outcomes.values()), outcomes=outcomes)
    manifest = Manifest(stage=stage, image="i", run="r", counts=counts, started_at=NOW, finished_at=NOW)
    write_manifest(store, prefix, manifest)
    return prefix


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
    assert set(StageOperator.template_fields) == {"image", "release", "run_prefix", "input_prefix", "day"}


def test_pods_are_set_by_the_deployment(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    detect = {
        "cpu": "4",
        "memory": "3Gi",
        "gpu": 1,
        "service_account": "gpu-user",
        "node_selector": {"pool": "gpu"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "priority_class": "urgent",
    }
    monkeypatch.setenv("NIGHTJAR_STAGES", json.dumps({"detect": detect}))
    pod = stage_pod(store, "detect", left_by(store, "validate"))
    kubernetes_validate.validate(pod, "1.36", strict=True)
    spec, [container] = pod["spec"], pod["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "4", "memory": "3Gi", "ephemeral-storage": "1Gi", "nvidia.com/gpu": "1"},
        "limits": {"memory": "3Gi", "ephemeral-storage": "8Gi", "nvidia.com/gpu": "1"},
    }
    assert spec["serviceAccountName"] == "gpu-user"
    assert spec["nodeSelector"] == {"pool": "gpu"}
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert spec["priorityClassName"] == "urgent"
    other = stage_pod(store, "validate")["spec"]
    assert other["containers"][0]["resources"]["requests"]["cpu"] == STAGES["validate"].cpu
    assert other["serviceAccountName"] == "nightjar-stage"
    assert [other.get(name) or None for name in ("nodeSelector", "tolerations", "priorityClassName")] == [None] * 3


def test_every_pod_has_the_labels_annotations_and_policy_of_the_deployment(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_POD_LABELS", '{"team": "cameras", "nightjar/stage": "mine"}')
    monkeypatch.setenv("NIGHTJAR_POD_ANNOTATIONS", '{"karpenter.sh/do-not-disrupt": "true"}')
    monkeypatch.setenv("NIGHTJAR_IMAGE_PULL_POLICY", "Never")
    pod = stage_pod(store, "validate")
    kubernetes_validate.validate(pod, "1.36", strict=True)
    assert pod["metadata"]["annotations"] == {"karpenter.sh/do-not-disrupt": "true", "nightjar/shard": "alice-porch"}
    labels = pod["metadata"]["labels"]
    assert (labels["team"], labels["nightjar/stage"]) == ("cameras", "validate")  # ours are what pods are found by
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == "Never"


def test_a_company_adds_to_every_pod_what_its_cluster_needs(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = {"name": "certificates", "mountPath": "/etc/ssl/corp", "readOnly": True}
    env = [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}, {"name": "NIGHTJAR_BUCKET", "value": "other"}]
    container = {
        "env": env,
        "volumeMounts": [mount],
        "image": "evil:1",
        "securityContext": {"privileged": True},
    }
    spec = {
        "containers": [container],
        "volumes": [{"name": "certificates", "configMap": {"name": "corp"}}],
        "runtimeClassName": "gvisor",
        "serviceAccountName": "other",
        "securityContext": {"runAsUser": 0},
    }
    plain = stage_pod(store, "validate")
    monkeypatch.setenv("NIGHTJAR_POD_TEMPLATE", json.dumps({"spec": spec}))
    pod = stage_pod(store, "validate")
    kubernetes_validate.validate(pod, "1.36", strict=True)
    assert pod["spec"]["runtimeClassName"] == "gvisor"
    assert {"name": "certificates", "configMap": {"name": "corp"}} in pod["spec"]["volumes"]
    [added], [before] = pod["spec"]["containers"], plain["spec"]["containers"]
    assert mount in added["volumeMounts"]
    # Of two variables of a name the last one counts, and that is Nightjar's.
    assert added["env"] == [*env, *before["env"]]
    for key in ("image", "securityContext", "command", "args", "resources", "name"):
        assert added[key] == before[key]
    for key in ("securityContext", "serviceAccountName"):
        assert pod["spec"][key] == plain["spec"][key]


def test_the_disk_of_a_pod_is_bounded_by_the_deployment(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_STAGES", '{"validate": {"scratch": "40Gi"}}')
    spec = stage_pod(store, "validate")["spec"]
    assert spec["containers"][0]["resources"]["limits"]["ephemeral-storage"] == "40Gi"
    assert {"name": "scratch", "emptyDir": {"sizeLimit": "40Gi"}} in spec["volumes"]


@pytest.mark.parametrize(
    ("dag", "own", "expected"),
    [
        ("nightjar_live", None, "nightjar-live"),
        ("nightjar_watch", None, "nightjar-live"),
        ("nightjar_history", None, "nightjar-history"),
        ("nightjar_report", None, "nightjar-history"),
        ("nightjar_patrol", None, "nightjar-history"),
        ("nightjar_history", "urgent", "urgent"),
    ],
)
def test_live_goes_before_history(dag: str, own: str | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_STAGES", json.dumps({"detect": {"priority_class": own}}))
    assert priority_class(deployment(), "detect", f"runs/{dag}/x/") == own
    monkeypatch.setenv("NIGHTJAR_LIVE_PRIORITY_CLASS", "nightjar-live")
    monkeypatch.setenv("NIGHTJAR_HISTORY_PRIORITY_CLASS", "nightjar-history")
    assert priority_class(deployment(), "detect", f"runs/{dag}/x/") == expected


def test_the_pool_of_a_stage_is_set_by_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_STAGES", '{"detect": {"pool": "nightjar_detect"}}')
    assert [operator(stage).pool for stage in ("detect", "assess")] == ["nightjar_detect", "default_pool"]


@pytest.mark.parametrize(
    "selector",
    [
        {},
        {"pool": ""},
        {"cloud.google.com/gke-nodepool": "gpu-1"},
        {"kubernetes.io/os": "linux", "a": "A_b.c-9"},
        {"n" * 63: "v" * 63},
    ],
)
def test_labels_of_nodes_as_kubernetes_has_them(
    selector: dict[str, str], store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_STAGES", json.dumps({"detect": {"node_selector": selector}}))
    pod = stage_pod(store, "detect", left_by(store, "validate"))
    kubernetes_validate.validate(pod, "1.36", strict=True)
    assert (pod["spec"].get("nodeSelector") or {}) == selector


def test_parallelism_is_set_by_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_STAGES", '{"detect": {"parallel": 7}}')
    bounds = {stage: operator(stage).max_active_tis_per_dag for stage in STAGES}
    assert bounds == {**dict.fromkeys(STAGES, None), "detect": 7}


def test_no_stage() -> None:
    with pytest.raises(UsageError, match="expected a stage, one of collect, "):
        StageOperator(task_id="x", stage="transcode", image="x", run_prefix="r/", input_prefix="i/")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("NIGHTJAR_RUNTIME", "docker", "NIGHTJAR_RUNTIME: "),
        ("NIGHTJAR_RUNTIME", "local", "needs NIGHTJAR_IMAGE_STORE"),
        ("NIGHTJAR_MAX_SHARDS", "2000", "NIGHTJAR_MAX_SHARDS: .*1024"),
        ("NIGHTJAR_LIVE_RUNS", "0", "NIGHTJAR_LIVE_RUNS: "),
        ("NIGHTJAR_NAMESPACE", "Not A Name", "NIGHTJAR_NAMESPACE: "),
        ("NIGHTJAR_STAGES", "{", "NIGHTJAR_STAGES: expected JSON: "),
        ("NIGHTJAR_STAGES", "[]", "NIGHTJAR_STAGES: "),
        ("NIGHTJAR_STAGES", '{"detect": {"cpu": "many"}}', r"NIGHTJAR_STAGES\.detect\.cpu: "),
        ("NIGHTJAR_STAGES", '{"detect": {"gpus": 1}}', r"NIGHTJAR_STAGES\.detect\.gpus: unknown key"),
        ("NIGHTJAR_STAGES", '{"detect": {"runtime": "process"}}', r"NIGHTJAR_STAGES\.detect\.runtime: "),
        ("NIGHTJAR_STAGES", '{"detect": {"scratch": "512Mi"}}', r"NIGHTJAR_STAGES\.detect\.scratch: "),
        ("NIGHTJAR_STAGES", '{"detect": {"pool": "a b"}}', r"NIGHTJAR_STAGES\.detect\.pool: "),
        ("NIGHTJAR_MEMORY_MOST", "lots", "NIGHTJAR_MEMORY_MOST: "),
        ("NIGHTJAR_MEMORY_GROWTH", "0.5", "NIGHTJAR_MEMORY_GROWTH: "),
        ("NIGHTJAR_IMAGE_PULL_POLICY", "Sometimes", "NIGHTJAR_IMAGE_PULL_POLICY: "),
        ("NIGHTJAR_POD_LABELS", '{"a b": "c"}', r"NIGHTJAR_POD_LABELS\.a b: "),
        ("NIGHTJAR_POD_ANNOTATIONS", '{"a": 1}', r"NIGHTJAR_POD_ANNOTATIONS\.a: "),
        ("NIGHTJAR_POD_TEMPLATE", '{"affinity": {}}', r"NIGHTJAR_POD_TEMPLATE\.spec: missing key"),
        ("NIGHTJAR_POD_TEMPLATE", '{"spec": {"containers": {}}}', "expected spec.containers to be a list of mappings"),
        ("NIGHTJAR_STAGES", '{"transcode": {}}', "expected a stage, one of collect, .*, got 'transcode'"),
        (
            "NIGHTJAR_STAGES",
            '{"notify": {"tolerations": [{"key": "a", "operator": "In"}]}}',
            r"NIGHTJAR_STAGES\.notify\.tolerations\.0\.operator: ",
        ),
        *(
            (
                "NIGHTJAR_STAGES",
                json.dumps({"detect": {"node_selector": selector}}),
                rf"detect\.node_selector\.{place}: ",
            )
            for selector, place in (
                ({"pool": "gpu nodes"}, "pool"),
                ({"pool": "-gpu"}, "pool"),
                ({"pool": "g" * 64}, "pool"),
                ({"pool": 1}, "pool"),
                ({"a/b/c": "x"}, "a/b/c"),
                ({"Example.com/pool": "x"}, "Example.com/pool"),
                ({"": "x"}, ""),
            )
        ),
        *(
            ("NIGHTJAR_STAGES", json.dumps({"detect": {"tolerations": [toleration]}}), r"detect\.tolerations\.0")
            for toleration in (
                {"key": "a b"},
                {"key": "a", "value": "$(SECRET)"},
                {"key": "a", "operator": "Exists", "value": "x"},
            )
        ),
    ],
)
def test_settings_that_are_wrong(name: str, value: str, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTJAR_IMAGE_STORE", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=complaint):
        deployment()
