"""`make up` whose stages are pods: what it needs is asked for at once, each with what mends it."""

from pathlib import Path

import pytest

from nightjar_local import airflow
from nightjar_local.cluster import runtime
from nightjar_local.daemon import Daemon
from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError
from nightjar_local.s3_server import access_of
from nightjar_local.settings import for_deployment, for_once, store
from operators.settings import deployment
from tests.local.cluster.fake import FakeKubernetes

PODS = {"NIGHTJAR_RUNTIME": "kubernetes"}
REACHABLE = "http://192.0.2.7:8333"


@pytest.fixture(autouse=True)
def no_server_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own S3 server, which other files may leave in the environment, is none that a caller asked for."""
    monkeypatch.delenv("NIGHTJAR_S3_ENDPOINT", raising=False)


@pytest.fixture
def cluster(tmp_path: Path) -> FakeKubernetes:
    """A cluster that has what stages need."""
    cluster = FakeKubernetes(tmp_path)
    cluster.create({"kind": "Namespace", "metadata": {"name": "nightjar"}})
    cluster.create({"kind": "ServiceAccount", "metadata": {"name": "nightjar-stage", "namespace": "nightjar"}})
    return cluster


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"KUBECONFIG": "somewhere"}, None),
        ({"NIGHTJAR_RUNTIME": "local", "KUBECONFIG": "somewhere"}, None),
        (PODS, "also needs KUBECONFIG"),
        (PODS | {"KUBECONFIG": ""}, "also needs KUBECONFIG"),
        (PODS | {"KUBECONFIG": "/nowhere/config"}, "to name a file, got /nowhere/config"),
    ],
)
def test_pods_are_asked_for_and_the_cluster_named(environment: dict[str, str], expected: str | None) -> None:
    if expected is None:
        assert runtime.asked_kubeconfig(environment) is None
    else:
        with pytest.raises(LocalError, match=expected):
            runtime.asked_kubeconfig(environment)


@pytest.mark.parametrize(
    ("endpoint", "is_problem"),
    [
        (REACHABLE, False),
        ("https://s3.example.com", False),
        ("http://127.0.0.1:8333", True),
        ("http://127.8.0.1:8333", True),
        ("http://localhost:8333", True),
        ("http://[::1]:8333", True),
    ],
)
def test_pods_do_not_reach_the_loopback_of_this_machine(endpoint: str, is_problem: bool) -> None:
    assert bool(runtime.endpoint_problems(endpoint)) == is_problem


def test_a_cluster_that_has_everything_is_good(cluster: FakeKubernetes) -> None:
    runtime.check(cluster, {}, REACHABLE)


@pytest.mark.parametrize(
    ("refused", "environment", "expected"),
    [
        (set(), {"NIGHTJAR_NAMESPACE": "other"}, "kubectl create namespace other"),
        (set(), {"NIGHTJAR_STAGE_SERVICE_ACCOUNT": "other"}, "create serviceaccount other"),
        ({"create pods", "get pods/log"}, {}, "may not, in namespace nightjar: create pods, get pods/log"),
    ],
)
def test_it_says_what_is_missing(
    cluster: FakeKubernetes, refused: set[str], environment: dict[str, str], expected: str
) -> None:
    cluster.refused = refused
    with pytest.raises(LocalError) as raised:
        runtime.check(cluster, environment, "http://127.0.0.1:1")
    assert expected in str(raised.value)
    assert "loopback" in str(raised.value), "expected all problems at once"


def test_who_may_look_at_pods_alone_is_not_asked_for_more(cluster: FakeKubernetes) -> None:
    cluster.refused = {"get namespaces", "get serviceaccounts"}
    assert runtime.cluster_problems(cluster, {"NIGHTJAR_NAMESPACE": "unseen"}) == []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"REGISTRY": "r.example.com/nightjar/", "TAG": "1.4.0"}, "1.4.0"),
        ({"REGISTRY": "r.example.com/nightjar"}, "together"),
        ({"TAG": "1.4.0"}, "together"),
        ({"REGISTRY": "r.example.com/nightjar", "TAG": "no tag"}, "TAG=no tag"),
    ],
)
def test_the_images_come_from_a_registry(environment: dict[str, str], expected: str | None) -> None:
    if expected is None:
        assert runtime.images(environment) is None
    elif expected == "1.4.0":
        value = runtime.images(environment)
        assert value is not None
        assert (value["registry"], value["detect"]) == ("r.example.com/nightjar", "1.4.0")
    else:
        with pytest.raises(LocalError, match=expected):
            runtime.images(environment)


def test_the_dags_get_what_makes_stages_pods(
    tmp_path: Path, cluster: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_RUNTIME", "kubernetes")
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    settings = for_deployment(tmp_path / "settings.json")
    variables = airflow.environment(tmp_path, settings, access_of(settings), ROOT / "dags")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(cluster.kubeconfig) in variables["AIRFLOW_CONN_KUBERNETES_DEFAULT"]
    assert deployment().runtime == "kubernetes"


def test_the_next_start_without_it_is_local_again(
    tmp_path: Path, cluster: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_RUNTIME", "kubernetes")
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    assert for_deployment(tmp_path / "settings.json").kubeconfig == str(cluster.kubeconfig)
    monkeypatch.delenv("NIGHTJAR_RUNTIME")
    settings = for_deployment(tmp_path / "settings.json")
    assert airflow.command_environment(tmp_path, settings, access_of(settings), ROOT)["NIGHTJAR_RUNTIME"] == "local"


def test_a_deployment_that_is_up_keeps_where_its_stages_run(
    tmp_path: Path, cluster: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path / "settings.json", for_once())
    daemon = Daemon(tmp_path)
    monkeypatch.setattr("nightjar_local.supervision.Supervisor.process", lambda _: object())  # one that is up
    monkeypatch.setenv("NIGHTJAR_RUNTIME", "kubernetes")
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    with pytest.raises(
        LocalError, match=r"processes of this machine; for pods of the cluster of .*, first `make down`"
    ):
        daemon.start()
