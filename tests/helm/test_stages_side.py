"""The stages' side of the chart: every setting has its place, and what their pods may reach, use and be."""

import json
import os
from collections.abc import Mapping
from typing import Any

import helm_python
import pytest

from docs.chart import ELSEWHERE, variables
from nightjar.domain.stages import STAGES
from nightjar.runtime.settings import StageSettings, StoreSettings, load
from nightjar.settings.by_stage import refuse_unknown, resolve
from nightjar.stores.warehouse import WarehouseSettings
from operators.settings import DeploymentSettings, StagePods, Toleration
from tests.helm.chart import EXAMPLES, MINIMAL, Manifest, example, merged, of_kind, rendered

SIDE = "nightjar-stages"
# A value for each kind of setting; those that take others are named.
SAMPLES: Mapping[str, Any] = {
    "NIGHTJAR_MAIL_FROM": "alerts@example.com",
    "NIGHTJAR_LINK_ADDRESS": "https://nightjar.example.com",
    "NIGHTJAR_DETECT_BACKEND": "saved_model",
    "NIGHTJAR_MEMORY_MOST": "16Gi",
    "NIGHTJAR_IMAGE_STORE": "/opt/nightjar/images",
    "NIGHTJAR_MODEL_DIR": "/opt/nightjar/model",
    "SENDGRID_API_URL": "https://mail.corp.example",
}
# Where the values of the settings stand that have a place of their own, and what comes of them.
PLACES: Mapping[str, tuple[dict[str, Any], Any]] = {
    "NIGHTJAR_BUCKET": ({"s3": {"bucket": "other"}}, "other"),
    "NIGHTJAR_S3_ENDPOINT": ({"s3": {"endpoint": "https://s3.example.com"}}, "https://s3.example.com"),
    "NIGHTJAR_S3_SECRET": ({"s3": {"secret": "keys"}}, "keys"),
    "NIGHTJAR_IMAGE_PULL_POLICY": ({"images": {"pullPolicy": "Never"}}, "Never"),
    "NIGHTJAR_IMAGE_PULL_SECRET": ({"images": {"pullSecrets": ["login"]}}, "login"),
    "NIGHTJAR_NAMESPACE": ({"stages": {"namespace": "cameras"}}, "cameras"),
    "NIGHTJAR_SENDGRID_SECRET": ({"stages": {"secrets": {"sendgrid": "mail"}}}, "mail"),
    "NIGHTJAR_CHANNELS_SECRET": ({"stages": {"secrets": {"channels": "talk"}}}, "talk"),
    "NIGHTJAR_LIVE_PRIORITY_CLASS": ({"stages": {"priorityClasses": {"live": {"name": "high"}}}}, "high"),
    "NIGHTJAR_HISTORY_PRIORITY_CLASS": ({"stages": {"priorityClasses": {"history": {"name": "low"}}}}, "low"),
    "NIGHTJAR_POD_LABELS": ({"stages": {"podLabels": {"team": "video"}}}, {"team": "video"}),
    "NIGHTJAR_POD_ANNOTATIONS": (
        {"stages": {"podAnnotations": {"karpenter.sh/do-not-disrupt": None, "a/b": "c"}}},
        {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "a/b": "c"},
    ),
    "NIGHTJAR_POD_TEMPLATE": (
        {
            "s3": {"region": "eu-central-1"},
            "stages": {
                "extraEnv": {"HTTPS_PROXY": "http://proxy:3128", "AWS_REGION": "eu-west-1"},
                "extraVolumes": [{"name": "corp", "configMap": {"name": "corp"}}],
                "extraVolumeMounts": [{"name": "corp", "mountPath": "/etc/ssl/corp"}],
                "podSpec": {"runtimeClassName": "gvisor"},
            },
        },
        {
            "spec": {
                "runtimeClassName": "gvisor",
                "containers": [
                    {
                        "env": [
                            {"name": "AWS_DEFAULT_REGION", "value": "eu-central-1"},
                            {"name": "AWS_REGION", "value": "eu-west-1"},
                            {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
                        ],
                        "volumeMounts": [{"name": "corp", "mountPath": "/etc/ssl/corp"}],
                    }
                ],
                "volumes": [{"name": "corp", "configMap": {"name": "corp"}}],
            }
        },
    ),
}
# Nobody sets these on a cluster: a pod's operator does, a Secret has them, or every stage has a service account.
NOT_VALUES = {
    *("NIGHTJAR_RUNTIME", "NIGHTJAR_IMAGE", "NIGHTJAR_RUN", "NIGHTJAR_SHARD", "NIGHTJAR_STAGE_SERVICE_ACCOUNT"),
    *("SENDGRID_API_KEY", "CHANNELS_URLS", "CHANNELS_LINK_KEY", "NIGHTJAR_SECRETS_DIR"),
    "NIGHTJAR_STAGES",  # tested below
}


def environment(*values: Mapping[str, Any]) -> dict[str, str]:
    """The settings of Airflow's pods."""
    settings: dict[str, str] = of_kind(rendered(merged(MINIMAL, *values)), "ConfigMap")["nightjar-airflow"]["data"]
    return settings


@pytest.fixture
def set_environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the settings of a value file those of this process."""

    def set_all(values: Mapping[str, Any]) -> dict[str, str]:
        settings = of_kind(rendered(values), "ConfigMap")["nightjar-airflow"]["data"]
        for name in [name for name in os.environ if name.startswith("NIGHTJAR_")]:
            monkeypatch.delenv(name)
        ours = {name: text for name, text in settings.items() if not name.startswith("AIRFLOW__")}
        for name, text in ours.items():
            monkeypatch.setenv(name, text)
        return ours

    return set_all


def sample(kind: Mapping[str, Any]) -> Any:
    """A value that the schema of a setting allows, and that is not its default."""
    if kind["type"] == "boolean":
        return not kind.get("default")
    low = kind.get("minimum", kind.get("exclusiveMinimum", 0))
    high = kind.get("maximum", 21_474_836_481)
    inside = ((3 * low + high) / 4, (low + high) / 2)
    values = [int(value) if kind["type"] == "integer" else value for value in inside]
    return next(value for value in values if value != kind.get("default"))


def test_every_setting_of_the_docs_has_a_place() -> None:
    everything = set(variables())
    assert set(PLACES) | NOT_VALUES == ELSEWHERE
    assert everything >= ELSEWHERE, "expected no setting that there is not"
    values = {name: SAMPLES.get(name) or sample(kind) for name, kind in variables().items() if name not in ELSEWHERE}
    settings = environment({"settings": values})
    for name, value in values.items():
        expected = str(value).lower() if isinstance(value, bool) else str(value)
        assert float(settings[name]) == value if isinstance(value, float) else settings[name] == expected, name


@pytest.mark.parametrize("name", PLACES)
def test_a_setting_with_a_place_of_its_own(name: str) -> None:
    values, expected = PLACES[name]
    text = environment(values)[name]
    assert (text if isinstance(expected, str) else json.loads(text)) == expected


@pytest.mark.parametrize("name", EXAMPLES)
def test_nightjar_takes_the_settings_of_every_example(set_environment: Any, name: str) -> None:
    names = set_environment(example(name))
    kinds = (DeploymentSettings, StoreSettings, StageSettings, WarehouseSettings)
    refuse_unknown(names, kinds, {"NIGHTJAR_SECRETS_DIR"})
    assert load(StoreSettings).bucket == example(name)["s3"]["bucket"]
    settings = load(DeploymentSettings)
    assert settings.namespace == SIDE
    assert {stage: pods.service_account for stage, pods in settings.stages.items()} == {
        stage: f"nightjar-{stage}" for stage in STAGES
    }
    for stage in STAGES:
        resolve(stage)


def test_the_pods_of_a_stage_are_as_the_values_say(set_environment: Any) -> None:
    toleration = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    detect = {"cpu": "2", "memory": "3Gi", "gpu": 1, "scratch": "20Gi", "parallel": 100, "priorityClass": "urgent"}
    detect |= {"nodeSelector": {"pool": "gpu"}, "tolerations": [toleration], "serviceAccount": {"name": "eyes"}}
    stages = {"detect": detect, "assess": {"pool": "ours", "parallel": 5}, "collect": {"runtime": "worker"}}
    set_environment(merged(MINIMAL, {"stages": stages, "settings": {"NIGHTJAR_IMAGE_STORE": "/opt/nightjar/images"}}))
    settings = load(DeploymentSettings)
    assert settings.pods("detect") == StagePods(
        cpu="2",
        memory="3Gi",
        gpu=1,
        scratch="20Gi",
        pool="nightjar_detect",
        priority_class="urgent",
        node_selector={"pool": "gpu"},
        tolerations=(Toleration(**toleration),),
        service_account="eyes",
    )
    assert settings.pods("assess") == StagePods(pool="ours", service_account="nightjar-assess")
    assert settings.pods("collect") == StagePods(runtime="worker", service_account="nightjar-collect")


def test_pools_are_made_for_stages_with_a_bound() -> None:
    values = {"stages": {"detect": {"parallel": 100}, "assess": {"pool": "ours"}, "validate": {"parallel": 0}}}
    setup = of_kind(rendered(merged(MINIMAL, values)), "ConfigMap")["nightjar-setup"]["data"]["setup.json"]
    pools = json.loads(setup)["pools"]
    assert pools["nightjar_detect"] == 100
    assert not {"nightjar_assess", "nightjar_validate", "ours"} & set(pools)
    named = {pods.get("pool") for pods in json.loads(environment(values)["NIGHTJAR_STAGES"]).values()} - {None, "ours"}
    assert named == set(pools)


def test_each_stage_has_an_account_with_its_role() -> None:
    stages = {
        "serviceAccount": {"annotations": {"role": "all", "team": "video"}},
        "detect": {"serviceAccount": {"annotations": {"role": "detect"}}},
    }
    objects = rendered(merged(MINIMAL, {"stages": stages, "images": {"pullSecrets": ["a", "b"]}}))
    accounts = {n: a for n, a in of_kind(objects, "ServiceAccount").items() if a["metadata"].get("namespace") == SIDE}
    assert set(accounts) == {f"nightjar-{stage}" for stage in STAGES}
    assert accounts["nightjar-detect"]["metadata"]["annotations"] == {"role": "detect", "team": "video"}
    assert accounts["nightjar-tell"]["metadata"]["annotations"] == {"role": "all", "team": "video"}
    for account in accounts.values():
        assert account["automountServiceAccountToken"] is False
        assert account["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]


def test_accounts_can_be_the_companys_own() -> None:
    objects = rendered(merged(MINIMAL, {"stages": {"serviceAccount": {"create": False}}}))
    assert set(of_kind(objects, "ServiceAccount")) == {"nightjar-airflow"}


def test_the_role_can_be_made_by_others() -> None:
    objects = rendered(merged(MINIMAL, {"stages": {"role": {"create": False}}}))
    assert not {"Role", "RoleBinding"} & {each["kind"] for each in objects}


def test_a_companys_own_objects_come_along() -> None:
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own"}, "data": {"braces": "{{ .Values }}"}}
    assert own in rendered(merged(MINIMAL, {"extraObjects": [own]}))


@pytest.mark.parametrize(
    ("values", "made"),
    [
        ({}, {SIDE}),
        ({"stages": {"namespace": "cameras"}}, {"cameras"}),
        ({"stages": {"createNamespace": False}}, set()),
    ],
)
def test_the_namespace_is_restricted(values: dict[str, Any], made: set[str]) -> None:
    namespaces = of_kind(rendered(merged(MINIMAL, values)), "Namespace")
    assert set(namespaces) == made
    for each in namespaces.values():
        labels = each["metadata"]["labels"]
        for mode in ("enforce", "warn", "audit"):
            assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_one_namespace_for_both_is_not_made_a_second_time() -> None:
    with pytest.raises(helm_python.HelmError, match="expected another namespace than the release's"):
        rendered(merged(MINIMAL, {"stages": {"namespace": "nightjar"}}))


def policies(*values: Mapping[str, Any]) -> dict[str, Manifest]:
    """The network policies in the stages' namespace, by the last word of their name."""
    found = of_kind(rendered(merged(MINIMAL, *values)), "NetworkPolicy")
    return {n.rpartition("-")[2]: p["spec"] for n, p in found.items() if p["metadata"].get("namespace") == SIDE}


def test_a_stage_reaches_dns_and_s3_and_nobody_reaches_it() -> None:
    found = policies()
    assert set(found) == {"nothing", "s3", "messages"}
    assert found["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert not any("ingress" in each for each in found.values())
    dns, s3 = found["s3"]["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert [port["port"] for port in s3["ports"]] == [443]
    # Neither the cluster, nor the metadata of a node, from which credentials come.
    for block in s3["to"]:
        assert {"169.254.0.0/16", "fe80::/10"} & set(block["ipBlock"]["except"])


def test_only_notify_and_tell_reach_their_services() -> None:
    found = policies({"stages": {"networkPolicies": {"messages": {"ports": [443, 587]}}}})
    [expression] = found["messages"]["podSelector"]["matchExpressions"]
    assert (expression["key"], expression["values"]) == ("nightjar/stage", ["notify", "tell"])
    assert [port["port"] for port in found["messages"]["egress"][0]["ports"]] == [443, 587]


def test_in_a_shared_namespace_other_pods_are_left_alone() -> None:
    nothing = policies({"stages": {"createNamespace": False}})["nothing"]
    assert nothing["podSelector"] == {"matchExpressions": [{"key": "nightjar/stage", "operator": "Exists"}]}


@pytest.mark.parametrize(
    ("endpoint", "peer", "port"),
    [
        ("http://10.0.0.1:8333", {"ipBlock": {"cidr": "10.0.0.1/32"}}, 8333),
        ("http://10.0.0.1", {"ipBlock": {"cidr": "10.0.0.1/32"}}, 80),
        ("https://s3.storage.svc:8333/", "storage", 8333),
        ("http://s3.storage.svc.cluster.local", "storage", 80),
        ("https://s3.example.com:9000", None, 9000),
        ("https://s3.svc.example.com", None, 443),
        ("", None, 443),
    ],
)
def test_the_address_of_s3_says_what_may_be_reached(endpoint: str, peer: Any, port: int) -> None:
    rule = policies({"s3": {"endpoint": endpoint}})["s3"]["egress"][1]
    assert [each["port"] for each in rule["ports"]] == [port]
    if isinstance(peer, str):
        peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": peer}}}
    assert rule["to"] == [peer] if peer else rule["to"][0]["ipBlock"]["cidr"] == "0.0.0.0/0"


def test_live_goes_before_history() -> None:
    classes = of_kind(rendered(), "PriorityClass")
    assert classes["nightjar-live"]["value"] > 0 > classes["nightjar-history"]["value"] > -10
    assert classes["nightjar-history"]["preemptionPolicy"] == "Never"


def test_priority_classes_can_be_others_or_none() -> None:
    others = {"stages": {"priorityClasses": {"create": False, "live": {"name": "high"}, "history": {"name": ""}}}}
    assert of_kind(rendered(merged(MINIMAL, others)), "PriorityClass") == {}
    settings = environment(others)
    assert settings["NIGHTJAR_LIVE_PRIORITY_CLASS"] == "high"
    assert "NIGHTJAR_HISTORY_PRIORITY_CLASS" not in settings


def test_quota_and_limits_can_be_others_or_none() -> None:
    quota = {"stages": {"quota": {"hard": {"pods": 1_000_000, "requests.cpu": "40"}}}}
    [found] = of_kind(rendered(merged(MINIMAL, quota)), "ResourceQuota").values()
    assert found["spec"]["hard"]["pods"] == "1000000"
    assert found["spec"]["hard"]["requests.cpu"] == "40"
    none = {"stages": {"quota": {"enabled": False}, "limitRange": {"enabled": False}}}
    assert not {"ResourceQuota", "LimitRange"} & {each["kind"] for each in rendered(merged(MINIMAL, none))}


def test_external_secrets_are_made_where_they_are_needed() -> None:
    values = {"externalSecrets": {"enabled": True, "store": {"name": "vault"}, "secrets": {"s3": "a", "sendgrid": "b"}}}
    found = [each for each in rendered(merged(MINIMAL, values)) if each["kind"] == "ExternalSecret"]
    places = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in found}
    assert places == {("nightjar", "nightjar-s3"), (SIDE, "nightjar-s3"), (SIDE, "nightjar-sendgrid")}
    assert found[0]["spec"]["dataFrom"] == [{"extract": {"key": "a"}}]
