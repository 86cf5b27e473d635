"""The parts of `make test-cluster` that need no cluster: options, amounts, looks, rules, counts, and the removal."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nightjar_local.cluster import objects, place, policies, preflight
from nightjar_local.cluster.counts import EXPECTED, count_problems
from nightjar_local.cluster.engine import merged
from nightjar_local.cluster.observer import Observer, is_running, same_work
from nightjar_local.cluster.options import Options, from_environment
from nightjar_local.cluster.outcomes import Outcome, Outcomes, as_table
from nightjar_local.cluster.quantities import amount
from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError
from tests.local.cluster.fake import FakeKubernetes, good_pod

Body = dict[str, Any]


@pytest.fixture
def cluster(tmp_path: Path) -> FakeKubernetes:
    return FakeKubernetes(tmp_path)


def given(cluster: FakeKubernetes, **more: str) -> dict[str, str]:
    return {"KUBECONFIG": str(cluster.kubeconfig), "REGISTRY": "r.example.com/n/", "TAG": "1", **more}


@pytest.fixture
def options(cluster: FakeKubernetes) -> Options:
    return from_environment(given(cluster))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"TAG": ""}, "also needs TAG"),
        ({"KUBECONFIG": "/nowhere"}, "KUBECONFIG to name a file"),
        ({"PULL_POLICY": "Sometimes"}, "PULL_POLICY"),
        ({"S3_ENDPOINT": "s3.example.com"}, "begin with http"),
        ({"S3_ENDPOINT": "http://s3.example.com"}, "also needs AWS_ACCESS_KEY_ID"),
        ({"API_SERVER": "10.0.0.1"}, "API_SERVER=host:port"),
        ({"MINUTES": "soon"}, "MINUTES"),
    ],
)
def test_wrong_options_are_named(cluster: FakeKubernetes, more: dict[str, str], expected: str) -> None:
    with pytest.raises(LocalError, match=expected):
        from_environment(given(cluster, **more))


def test_options_are_taken(cluster: FakeKubernetes) -> None:
    options = from_environment(given(cluster, API_SERVER="[::1]:6443", PULL_POLICY="Never"))
    assert (options.image("detect"), options.api_server) == ("r.example.com/n/detect:1", ("[::1]", 6443))
    assert options.suffix != from_environment(given(cluster)).suffix


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", "2"), ("250m", "0.25"), ("1Ki", "1024"), ("2Gi", str(2 * 2**30)), ("3M", "3000000"), ("0", "0")],
)
def test_amounts(text: str, expected: str) -> None:
    assert amount(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["", "Gi", "2Zi", "1KK"])
def test_no_amounts(text: str) -> None:
    with pytest.raises(ValueError, match="expected a quantity"):
        amount(text)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"major": "1", "minor": "25", "gitVersion": "v1.25.1"}, "passed"),
        ({"major": "1", "minor": "30+"}, "passed"),
        ({"major": "1", "minor": "20"}, "noted"),
        ({}, "noted"),
    ],
)
def test_versions(answer: Body, state: str) -> None:
    assert preflight.version(answer).state == state


def test_missing_rights_are_listed(cluster: FakeKubernetes) -> None:
    assert preflight.rights(cluster, "any").state == "passed"
    cluster.refused = {"create pods/portforward", "create namespaces"}
    outcome = preflight.rights(cluster, "any")
    assert outcome.state == "failed"
    assert "create namespaces (cluster-wide), create pods/portforward" in outcome.sentence


def node(cpu: str, memory: str, **spec: Any) -> Body:
    status = {"allocatable": {"cpu": cpu, "memory": memory}, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": "n"}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("nodes", "state"),
    [
        ([], "failed"),
        ([node("4", "16Gi")], "passed"),
        ([node("4", "16Gi", unschedulable=True)], "failed"),
        ([node("4", "16Gi", taints=[{"key": "k", "effect": "NoSchedule"}])], "failed"),
        ([node("1", "16Gi")], "noted"),
        ([node("4", "2Gi")], "failed"),
    ],
)
def test_room(nodes: list[Body], state: str) -> None:
    assert preflight.room_on_nodes(nodes, []).state == state


def test_what_pods_ask_for_is_taken_off() -> None:
    container = {"resources": {"requests": {"cpu": "3", "memory": "12Gi"}}}
    pod = {"spec": {"nodeName": "n", "containers": [container]}, "status": {"phase": "Running"}}
    assert preflight.room_on_nodes([node("4", "16Gi")], [pod]).state == "failed"
    assert preflight.room_on_nodes([node("4", "16Gi")], [{**pod, "status": {"phase": "Failed"}}]).state == "passed"


def test_an_image_that_is_not_there_is_named(options: Options) -> None:
    pod = objects.look_pod(["r/a:1", "r/b:1"], options)
    assert not preflight.images_are_known({**pod, "status": {}})
    statuses = [
        {"name": "image-0", "state": {"terminated": {"exitCode": 0}}},
        {"name": "image-1", "state": {"waiting": {"reason": "ErrImageNeverPull", "message": "not present"}}},
    ]
    pod["status"] = {"phase": "Pending", "containerStatuses": statuses}
    assert preflight.images_are_known(pod)
    assert preflight.missing_images(pod) == {"r/b:1": "not present"}


def test_a_pod_as_it_should_be() -> None:
    assert policies.pod_problems(good_pod()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"automountServiceAccountToken": True}, "token"),
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"hostPath": {"path": "/etc"}}]}, "mounts /etc"),
        ({"volumes": [{"projected": {"sources": [{"serviceAccountToken": {}}]}}]}, "token"),
        ({"securityContext": {"runAsUser": 0}}, "runs as 0"),
        ({"containers": [{"image": "r/detect:latest"}]}, "latest"),
        ({"containers": [{"image": "r:5000/detect"}]}, "may be another image"),
    ],
)
def test_a_pod_that_breaks_a_rule(change: Body, expected: str) -> None:
    pod = good_pod()
    pod["spec"] |= change
    assert any(expected in problem for problem in policies.pod_problems(pod))


def test_secrets_are_found_and_not_told() -> None:
    assert policies.secrets_in({"pod a": "x s3cret y", "pod b": ""}, ["s3cret", ""]) == ["a secret stands in pod a"]


@pytest.mark.parametrize(
    ("rule", "is_wide"),
    [
        ({"resources": ["pods"], "verbs": ["create", "get"]}, False),
        ({"resources": ["pods"], "verbs": ["*"]}, True),
        ({"resources": ["secrets"], "verbs": ["get"]}, True),
        ({"resources": ["pods/exec"], "verbs": ["create"]}, True),
    ],
)
def test_a_wide_role_is_found(rule: Body, is_wide: bool) -> None:
    role = {"metadata": {"name": "r"}, "rules": [rule]}
    binding = {"roleRef": {"name": "r"}, "subjects": [{"name": "airflow"}]}
    assert bool(policies.role_problems([role], "airflow", [binding])) == is_wide
    assert policies.role_problems([role], "other", [binding]) != []


@pytest.mark.parametrize(
    ("selector", "problems"),
    [
        ({}, 0),
        ({"matchLabels": {"nightjar/stage": "detect"}}, 0),
        ({"matchLabels": {"nightjar/stage": "validate"}}, 2),
        ({"matchExpressions": [{"key": "nightjar/stage", "operator": "Exists"}]}, 0),
        ({"matchExpressions": [{"key": "nightjar/stage", "operator": "DoesNotExist"}]}, 2),
        ({"matchExpressions": [{"key": "nightjar/stage", "operator": "In", "values": ["detect"]}]}, 0),
        ({"matchExpressions": [{"key": "nightjar/stage", "operator": "NotIn", "values": ["detect"]}]}, 2),
    ],
)
def test_network_policies_begin_with_a_refusal_for_every_pod(selector: Body, problems: int) -> None:
    refusal = {"spec": {"podSelector": selector, "policyTypes": ["Ingress", "Egress"]}}
    assert len(policies.network_problems([refusal], [good_pod(), good_pod()])) == problems


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], ["Egress", "Ingress"]),
        ([{"policyTypes": ["Ingress"]}], ["Egress"]),
        ([{"policyTypes": ["Ingress", "Egress"], "egress": [{}]}], ["Egress", "Ingress"]),
    ],
)
def test_a_way_that_no_network_policy_refuses_is_named(found: list[Body], expected: list[str]) -> None:
    problems = policies.network_problems([{"spec": each} for each in found], [good_pod()])
    assert problems == [f"no policy refuses {way} to pods of detect" for way in expected]


def test_a_pod_is_killed_once_and_its_successor_found(cluster: FakeKubernetes) -> None:
    first, second = good_pod(), good_pod()
    second["metadata"] |= {"name": "q", "uid": "2"}
    observer = Observer(cluster, "stages")
    for pod in (first, second):
        pod["metadata"]["namespace"] = "stages"
    cluster.create({"kind": "Pod", **first})
    observer.kill_first(is_running("detect"))
    observer.look()
    assert observer.killed is not None
    cluster.create({"kind": "Pod", **second})
    observer.look()
    assert list(cluster.list("Pod", "stages")) == [{"kind": "Pod", **second}]
    assert [pod["metadata"]["name"] for pod in same_work(observer.killed, observer.seen)] == ["q"]


class FakeEngine:
    """Counts removals; fails if told to."""

    def __init__(self, failure: str | None = None) -> None:
        self.failure, self.removals = failure, 0

    def install(self, values: object, seconds: int) -> None:
        """Not used here."""

    def upgrade(self, values: object, seconds: int) -> None:
        """Not used here."""

    def uninstall(self) -> None:
        self.removals += 1
        if self.failure:
            raise LocalError(self.failure)


@pytest.mark.parametrize("error", [None, LocalError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("failure", [None, "Helm does not answer"])
def test_everything_is_removed_however_it_ends(
    cluster: FakeKubernetes, options: Options, error: BaseException | None, failure: str | None
) -> None:
    engine, outcomes = FakeEngine(failure), Outcomes()
    raised = None
    try:
        with place.namespaces(cluster, options, engine, outcomes):
            assert len(list(cluster.list("Namespace"))) == 3
            if error:
                raise error
    except (LocalError, KeyboardInterrupt) as came:
        raised = came
    assert raised is error
    assert list(cluster.list("Namespace")) == []
    assert engine.removals == 1
    assert outcomes.failed == bool(failure)


def test_the_expected_account_is_that_of_the_readme() -> None:
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert all(line in readme for line in EXPECTED)
    assert count_problems("\n  ".join(EXPECTED), None) == []
    assert len(count_problems("\n  ".join(["130 triggers", *EXPECTED[1:]]), "a problem")) == 2


@pytest.mark.parametrize(
    ("harmless", "wrong"),
    [
        ("23 below-probability, 16 with nothing in them, 8 static, 7 outside-area, 1 out-of-hours", 0),
        ("23 below-probability, 16 with nothing in them, 8 static, 7 outside-area", 1),
        ("24 below-probability, 16 with nothing in them, 8 static, 7 outside-area, 1 out-of-hours", 1),
        ("many below-probability", 1),
        ("", 1),
    ],
)
def test_the_account_may_be_of_any_hour(harmless: str, wrong: int) -> None:
    got = [
        f"harmless: 46 with nothing that a rule names, {harmless}" if line.startswith("harmless") else line
        for line in EXPECTED
    ]
    assert len(count_problems("\n".join(got), None)) == wrong


def test_values_are_merged_tables_deep() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 1}, {"a": {"b": 3}, "d": {"e": 1}}) == {
        "a": {"b": 3, "c": 2},
        "d": {"e": 1},
    }


def test_outcomes_are_a_table() -> None:
    assert as_table([]) == ""
    assert as_table([Outcome("live run", "passed", "one\ntwo", 61.4)]) == "  passed    live run    61 s  one"
