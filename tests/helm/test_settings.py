"""Settings in the chart: each that the docs list has its place, and what the chart says, Nightjar takes."""

import json
import os
from collections.abc import Mapping
from typing import Any

import pytest

from docs.chart import ELSEWHERE, variables
from nightjar.domain.retention import Keep
from nightjar.domain.stages import STAGES
from nightjar.runtime.settings import StageSettings, StoreSettings, load
from nightjar.settings.by_stage import refuse_unknown, resolve
from nightjar.stores.warehouse import WarehouseSettings
from operators.settings import DeploymentSettings, StagePods, Toleration
from tests.helm.chart import EXAMPLES, MINIMAL, environment, example, merged, of_kind, rendered

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
    "NIGHTJAR_LOOK": "everything",
    "NIGHTJAR_OPENLINEAGE_DATASETS": "objects",
    "NIGHTJAR_IMAGE_DIGESTS": "off",
    "NIGHTJAR_REGISTRY_CONFIG": "/etc/nightjar/registry/config.json",
    "NIGHTJAR_LOOK_EVERYTHING_AT": "alice-porch,bob-door",
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
    *("NIGHTJAR_RUNTIME", "NIGHTJAR_IMAGE", "NIGHTJAR_RUN", "NIGHTJAR_SHARD", "NIGHTJAR_TASK"),
    "NIGHTJAR_STAGE_SERVICE_ACCOUNT",
    *("SENDGRID_API_KEY", "CHANNELS_URLS", "CHANNELS_LINK_KEY", "NIGHTJAR_SECRETS_DIR"),
    "NIGHTJAR_STAGES",  # tested below
    # Of the command line, for whoever calls it.
    *(f"NIGHTJAR_AIRFLOW_{name}" for name in ("URL", "USER", "PASSWORD", "PASSWORD_FILE", "TOKEN")),
    # `make up` reads them; the chart has setup.bucket.keepDays and oldVersionDays, which nightjar setup reads.
    *(f"NIGHTJAR_KEEP_{kind}_DAYS" for kind in (*map(str.upper, Keep.model_fields), "OLD_VERSIONS")),
}


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
