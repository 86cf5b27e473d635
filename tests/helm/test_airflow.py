"""Airflow's part of the chart: settings that exist, pods that are restricted, logins that are real, secrets apart."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml
from airflow.configuration import retrieve_configuration_description

from nightjar.stores.warehouse import WarehouseSettings
from operators.metrics import counts
from tests.helm.chart import CHART, MINIMAL, Manifest, check_kubernetes, merged, of_kind, pod_specs, rendered

ONE_POD = {"airflow": {"onePod": True, "auth": {"trial": True}}, "postgres": {"enabled": True}}
OIDC = {
    "issuer": "https://login.example.com/realms/office",
    "clientId": "nightjar",
    "existingSecret": "nightjar-oidc",
    "roles": {"video-ops": ["Op"]},
}
EVERYTHING = {
    "airflow": {
        "ingress": {"enabled": True, "host": "nightjar.example.com", "tlsSecret": "nightjar-tls"},
        "auth": {"oidc": OIDC},
        "config": {"core": {"max_map_length": 1_000_000, "parallelism": 64, "load_examples": True}},
        "database": {"asyncKey": "connection-async"},
    },
    "monitoring": {
        "statsd": {"exporter": {"enabled": True}, "podMonitor": True},
        "alerts": True,
        "dashboard": True,
        "labels": {"release": "prometheus"},
    },
    "kubernetes": {"apiServer": {"host": "10.0.0.1", "port": 6443}},
}
OTEL = {"monitoring": {"openTelemetry": {"host": "collector"}}}
DATABASE_ON_VOLUME = {"postgres": {"enabled": True, "storage": {"size": "1Gi", "className": "fast"}}}
CASES: Mapping[str, Mapping[str, Any]] = {
    "minimal": {},
    "one pod": ONE_POD,
    "everything": EVERYTHING,
    "OpenTelemetry": OTEL,
    "database in the chart": DATABASE_ON_VOLUME,
}
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")


def objects_of(case: str) -> list[Manifest]:
    """All objects of a case."""
    return rendered(merged(MINIMAL, CASES[case]))


def settings_of(objects: list[Manifest]) -> dict[str, str]:
    """The environment of Airflow's pods that comes from the ConfigMap."""
    settings: dict[str, str] = of_kind(objects, "ConfigMap")["nightjar-airflow"]["data"]
    return settings


def containers(objects: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every container of every pod, init containers too, with its place."""
    for place, spec in pod_specs(objects):
        for each in (*spec.get("initContainers", ()), *spec["containers"]):
            yield f"{place}/{each['name']}", each


@pytest.mark.parametrize("case", CASES)
def test_every_object_is_one_of_kubernetes(case: str) -> None:
    check_kubernetes(objects_of(case))


@pytest.mark.parametrize("case", CASES)
def test_every_setting_is_one_of_airflows(case: str) -> None:
    described = {
        f"AIRFLOW__{section.upper()}__{key.upper()}"
        for section, options in retrieve_configuration_description().items()
        for key in options["options"]
    }
    # Read by the Kubernetes provider with a default of its own, and described nowhere.
    described |= {"AIRFLOW__WORKERS__API_RETRIES"}
    names = {name for name in settings_of(objects_of(case)) if name.startswith("AIRFLOW__")}
    for _, container in containers(objects_of(case)):
        names |= {each["name"] for each in container.get("env", ()) if each["name"].startswith("AIRFLOW__")}
    assert len(names) > 20
    assert names <= described, names - described


def test_the_setting_that_is_described_nowhere_is_read_by_the_provider() -> None:
    from airflow.providers.cncf.kubernetes import kubernetes_helper_functions

    assert 'getint("workers", "api_retries"' in Path(kubernetes_helper_functions.__file__).read_text()


@pytest.mark.parametrize("case", CASES)
def test_pods_are_restricted(case: str) -> None:
    objects = objects_of(case)
    for place, spec in pod_specs(objects):
        assert spec["securityContext"]["runAsNonRoot"] is True, place
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, place
        assert spec["enableServiceLinks"] is False, place
        assert not spec.get("hostNetwork"), place
        assert not any("hostPath" in volume for volume in spec["volumes"]), place
    for place, container in containers(objects):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, place
        assert context["readOnlyRootFilesystem"] is True, place
        assert context["capabilities"] == {"drop": ["ALL"]}, place
        assert container["resources"]["limits"]["memory"], place
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}, place
        assert container["image"].rpartition(":")[2] not in ("", "latest"), place


def test_only_those_that_make_pods_have_a_token() -> None:
    tokens = {place: spec["automountServiceAccountToken"] for place, spec in pod_specs(objects_of("everything"))}
    with_token = {place for place, token in tokens.items() if token and "stage" not in place}
    assert with_token == {"Deployment/nightjar-scheduler", "Deployment/nightjar-triggerer"}


@pytest.mark.parametrize("case", CASES)
def test_every_mount_has_its_volume_and_every_name_is_used_once(case: str) -> None:
    for place, spec in pod_specs(objects_of(case)):
        volumes = [volume["name"] for volume in spec["volumes"]]
        names = [each["name"] for each in (*spec.get("initContainers", ()), *spec["containers"])]
        assert len(volumes) == len(set(volumes)), place
        assert len(names) == len(set(names)), place
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes), place


@pytest.mark.parametrize("case", CASES)
def test_config_maps_and_secrets_that_pods_name_are_there_or_the_deployments_own(case: str) -> None:
    objects = objects_of(case)
    own = {"nightjar-database", "nightjar-oidc", "nightjar-s3", "nightjar-channels", "nightjar-sendgrid"}
    known = set(of_kind(objects, "ConfigMap")) | set(of_kind(objects, "Secret")) | own
    for place, spec in pod_specs(objects):
        for volume in spec["volumes"]:
            name = volume.get("configMap", {}).get("name") or volume.get("secret", {}).get("secretName")
            assert name is None or name in known, f"{place}: {name}"
    for place, container in containers(objects):
        for source in container.get("envFrom", ()):
            assert source["configMapRef"]["name"] in known, place
        for variable in container.get("env", ()):
            if source := variable.get("valueFrom"):
                assert source["secretKeyRef"]["name"] in known, f"{place}: {variable['name']}"


@pytest.mark.parametrize("case", CASES)
def test_no_secret_is_a_plain_value(case: str) -> None:
    objects = objects_of(case)
    secret = {
        text for each in of_kind(objects, "Secret").values() for key, text in each["data"].items() if key != "user"
    }
    assert secret
    rest = json.dumps([each for each in objects if each["kind"] != "Secret"])
    assert not any(text in rest for text in secret)
    assert not any(
        word in name for name in settings_of(objects) for word in ("SECRET_KEY", "FERNET", "PASSWORD", "SQL_ALCHEMY")
    )


def test_keys_fit_their_use() -> None:
    import base64

    from cryptography.fernet import Fernet

    keys = of_kind(objects_of("minimal"), "Secret")["nightjar-airflow-keys"]["data"]
    assert Fernet(base64.b64decode(keys["fernet-key"])).encrypt(b"text")
    assert len(base64.b64decode(keys["jwt-secret"])) == 64
    assert len({*keys.values()}) == 3


def test_airflows_home_has_room_for_what_the_pages_keep() -> None:
    """Its bound evicts the pod; the parts of the warehouse and what queries spill have each a bound of their own."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())["airflow"]
    disk_mib = WarehouseSettings.model_fields["warehouse_disk_mib"].default
    assert int(values["homeSize"].removesuffix("Gi")) * 1024 >= 2 * disk_mib + 1024


def test_one_pod_talks_to_itself() -> None:
    objects = objects_of("one pod")
    [(place, spec)] = [each for each in pod_specs(objects) if each[0] == "Deployment/nightjar-airflow"]
    assert [each["name"] for each in spec["containers"]] == ["postgres", "setup", *sorted(COMPONENTS)]
    assert "127.0.0.1:8080" in settings_of(objects)["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
    assert not of_kind(objects, "Job"), place
    assert [each["metadata"]["name"] for each in objects if each["kind"] == "Service"] == ["nightjar-api-server"]
    [service] = of_kind(objects, "Service").values()
    assert service["spec"]["selector"]["app.kubernetes.io/component"] == "airflow"


def test_tasks_hear_of_a_stop_and_can_hand_over() -> None:
    """dumb-init passes a signal on to all processes; in one pod, what the tasks need for it outlives them."""
    objects = objects_of("one pod")
    assert "DUMB_INIT_SETSID" not in settings_of(objects)
    before_stop = {
        each["name"]: each["lifecycle"]["preStop"]["exec"]["command"]
        for _, each in containers(objects)
        if "lifecycle" in each
    }
    assert before_stop["api-server"] == ["sleep", "10"]
    assert before_stop["postgres"][-1].startswith("sleep 12; exec pg_ctl stop")
    apart = [each for _, each in containers(objects_of("database in the chart")) if "lifecycle" in each]
    assert [each["lifecycle"]["preStop"]["exec"]["command"][-1].partition(" ")[0] for each in apart] == ["exec"]


@pytest.mark.parametrize(("case", "deleted"), [("minimal", "True"), ("one pod", "False")])
def test_the_log_of_a_trigger_is_not_deleted_with_that_of_its_task(case: str, deleted: str) -> None:
    """Airflow deletes the whole folder, in which both are where the containers share it."""
    assert settings_of(objects_of(case))["AIRFLOW__LOGGING__DELETE_LOCAL_LOGS"] == deleted


def test_four_deployments_wait_for_the_database() -> None:
    deployments = of_kind(objects_of("minimal"), "Deployment")
    assert set(deployments) == {f"nightjar-{each}" for each in COMPONENTS}
    for each in deployments.values():
        spec = each["spec"]["template"]["spec"]
        waits = [container["name"] for container in spec["initContainers"]]
        is_scheduler = each["metadata"]["name"] == "nightjar-scheduler"
        assert waits == ["wait-for-database", *(["wait-for-setup"] if is_scheduler else [])]
        [container] = spec["containers"]
        assert container["args"][0] == "airflow"
        assert {"startupProbe", "livenessProbe"} <= set(container)


def test_pods_start_again_when_a_setting_changes() -> None:
    def checksums(values: Mapping[str, Any]) -> set[str]:
        deployments = of_kind(rendered(merged(MINIMAL, values)), "Deployment").values()
        return {each["spec"]["template"]["metadata"]["annotations"]["checksum/settings"] for each in deployments}

    [before], [after] = checksums({}), checksums({"airflow": {"parallelism": 8}})
    assert before != after


def test_a_setting_of_the_chart_can_be_replaced_and_keeps_its_shape() -> None:
    settings = settings_of(objects_of("everything"))
    assert settings["AIRFLOW__CORE__PARALLELISM"] == "64"
    assert settings["AIRFLOW__CORE__MAX_MAP_LENGTH"] == "1000000"
    assert settings["AIRFLOW__CORE__LOAD_EXAMPLES"] == "True"


def test_tasks_use_the_token_of_their_pod() -> None:
    connection = json.loads(settings_of(objects_of("minimal"))["AIRFLOW_CONN_KUBERNETES_DEFAULT"])
    assert connection == {"conn_type": "kubernetes", "extra": {"in_cluster": True}}


def test_links_lead_to_the_ingress() -> None:
    settings = settings_of(objects_of("everything"))
    assert settings["AIRFLOW__API__BASE_URL"] == settings["NIGHTJAR_LINK_ADDRESS"] == "https://nightjar.example.com"
    assert settings["AIRFLOW__FAB__COOKIE_SECURE"] == settings["AIRFLOW__FAB__ENABLE_PROXY_FIX"] == "True"
    assert "NIGHTJAR_LINK_ADDRESS" not in settings_of(objects_of("minimal"))


@pytest.mark.parametrize(
    ("airflow", "trusted"),
    [
        ({}, False),
        ({"baseUrl": "https://nightjar.example.com"}, True),
        ({"ingress": {"enabled": True, "host": "nightjar.example.com"}}, True),
    ],
    ids=["none", "of one's own", "ingress"],
)
def test_headers_of_a_proxy_count_only_behind_one(airflow: Mapping[str, Any], trusted: bool) -> None:
    objects = rendered(merged(MINIMAL, {"airflow": airflow}))
    [server] = of_kind(objects, "Deployment")["nightjar-api-server"]["spec"]["template"]["spec"]["containers"]
    assert ("--proxy-headers" in server["args"]) is trusted
    assert ("FORWARDED_ALLOW_IPS" in settings_of(objects)) is trusted
    assert (settings_of(objects)["AIRFLOW__FAB__ENABLE_PROXY_FIX"] == "True") is trusted


def test_an_upgrade_has_a_job_of_its_own() -> None:
    def job(values: Mapping[str, Any]) -> str:
        [name] = of_kind(rendered(merged(MINIMAL, values)), "Job")
        return name

    assert job({}) != job({"images": {"tag": "1.2.3"}})
    assert job({}) != job({"setup": {"rules": "version: 1\n"}})


REFUSED: Mapping[str, Mapping[str, Any]] = {
    "simple login by the back door": {"airflow": {"config": {"core": {"auth_manager": "x.SimpleAuthManager"}}}},
    "everybody is admin by the back door": {"airflow": {"config": {"core": {"simple_auth_manager_all_admins": True}}}},
    "no login by the back door": {"airflow": {"config": {"fab": {"auth_role_public": "Admin"}}}},
    "database password in a value": {"airflow": {"config": {"database": {"sql_alchemy_conn": "postgresql://u:p@h"}}}},
    "ingress without a host": {"airflow": {"ingress": {"enabled": True}}},
    "provider without a client": {"airflow": {"auth": {"oidc": {"issuer": "https://login.example.com"}}}},
    "no database": {"airflow": {"database": {"existingSecret": ""}}},
    "unknown key": {"airflow": {"schedular": {}}},
    "latest": {"monitoring": {"statsd": {"exporter": {"image": "prom/statsd-exporter:latest"}}}},
    "image without a tag": {"monitoring": {"statsd": {"exporter": {"image": "prom/statsd-exporter"}}}},
    "no workers": {"airflow": {"parallelism": 0}},
}


@pytest.mark.parametrize("why", REFUSED)
def test_wrong_values_are_refused(why: str) -> None:
    with pytest.raises(helm_python.HelmError):
        rendered(merged(MINIMAL, REFUSED[why]))


def test_files_of_the_chart_are_what_pods_get() -> None:
    maps = of_kind(objects_of("minimal"), "ConfigMap")
    for name, file in (
        ("nightjar-airflow-login", "webserver_config.py"),
        ("nightjar-airflow-probes", "heartbeat.py"),
        ("nightjar-airflow-probes", "wait_for_setup.py"),
    ):
        assert maps[name]["data"][file].strip() == (CHART / "files" / file).read_text().strip()
    assert yaml.safe_load(maps["nightjar-setup"]["data"]["setup.json"])["images"]["detect"]


METRIC = re.compile(r"\bairflow_(\w+)")


def known_metrics() -> set[str]:
    """Airflow's own by its registry, and ours, as Prometheus names them."""
    registry = files("airflow._shared.observability.metrics").joinpath("metrics_template.yaml").read_text()
    names = {each["name"] for each in yaml.safe_load(registry)["metrics"]}
    names |= {f"nightjar.troubles.{name}" for name in counts({})}
    return {name.replace(".", "_").replace("-", "_") for name in names}


@pytest.mark.parametrize("file", ["alerts.yaml", "dashboard.json"])
def test_alerts_and_dashboard_name_metrics_that_exist(file: str) -> None:
    text = (CHART / "files" / file).read_text()
    used = set(METRIC.findall(text))
    assert len(used) > 5
    assert used <= known_metrics(), used - known_metrics()


def test_alerts_look_into_the_namespaces_of_the_release() -> None:
    values = {"monitoring": {"alerts": True}, "stages": {"namespace": "video-stages"}}
    [rule] = [each for each in rendered(merged(MINIMAL, values)) if each["kind"] == "PrometheusRule"]
    [group] = rule["spec"]["groups"]
    alerts = {each["alert"]: each for each in group["rules"]}
    assert 'namespace="video-stages"' in alerts["NightjarPodsPending"]["expr"]
    assert 'namespace=~"nightjar|video-stages"' in alerts["NightjarContainersOutOfMemory"]["expr"]
    for each in alerts.values():
        assert each["labels"]["severity"] in ("critical", "warning")
        assert {"summary", "description"} <= set(each["annotations"])
        assert "<release>" not in each["annotations"]["description"]


def test_dashboard_is_one_of_grafana() -> None:
    maps = of_kind(objects_of("everything"), "ConfigMap")
    dashboard = json.loads(maps["nightjar-dashboard"]["data"]["nightjar.json"])
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)) > 10
    assert maps["nightjar-dashboard"]["metadata"]["labels"]["release"] == "prometheus"


def test_airflow_is_closed_but_for_what_it_needs() -> None:
    policies = of_kind(
        rendered(merged(MINIMAL, {"airflow": {"networkPolicy": {"uiFrom": [{"podSelector": {}}]}}})), "NetworkPolicy"
    )
    airflow = policies["nightjar-airflow"]["spec"]
    assert airflow["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["from"] for rule in airflow["ingress"])
    assert all(rule["ports"] for rule in airflow["egress"])
    [ui] = policies["nightjar-ui"]["spec"]["ingress"]
    assert ui == {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 8080}]}
    labels = {
        each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        for objects in (objects_of("minimal"), objects_of("one pod"))
        for kind in ("Deployment", "Job")
        for each in of_kind(objects, kind).values()
    }
    [component] = airflow["podSelector"]["matchExpressions"]
    assert labels == set(component["values"])
    off = {"airflow": {"networkPolicy": {"enabled": False}}, "stages": {"networkPolicies": {"enabled": False}}}
    assert not of_kind(rendered(merged(MINIMAL, off)), "NetworkPolicy")
