"""The pods of stages as a deployment sets them: resources, nodes, priorities, pools, labels, and what is refused."""

import json

import kubernetes_validate
import pytest

from nightjar.domain.stages import STAGES
from nightjar.errors import UsageError
from nightjar.runtime.memory import MemoryStore
from operators.pods import priority_class
from operators.settings import deployment
from tests.operators.stage_pods import (
    left_by,
    operator,
    shard_of_three,
    stage_pod,
)

pytestmark = pytest.mark.usefixtures("no_cluster")


@pytest.fixture
def store() -> MemoryStore:
    """A bucket with a shard of two stills and a short video."""
    return shard_of_three()


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
