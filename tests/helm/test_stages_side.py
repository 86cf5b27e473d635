"""The stages' side of the chart: their namespace, their accounts, and what their pods may reach and use."""

from collections.abc import Mapping
from typing import Any

import helm_python
import pytest

from nightjar.domain.stages import STAGES
from tests.helm.chart import MINIMAL, Manifest, environment, merged, of_kind, rendered

SIDE = "nightjar-stages"


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
