"""`make test-cluster` from its options to its exit code, on a cluster that is no more than its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from nightjar_local.cluster import command, place
from nightjar_local.cluster.command import test_cluster as run_it
from nightjar_local.cluster.options import Options
from nightjar_local.cluster.tools import Tools
from nightjar_local.seaweedfs import S3Access
from tests.local.cluster.world import ENDPOINTS, AClusterOfItsOwn, FakeAirflow, FakeHelm, Faults, World, no_forward

EXPECTED = (
    "129 triggers gave 129 pictures: 0 refused, 0 duplicates, 129 harmless, 0 threats.",
    "0 alerts, one an event: none",
    "0 notices of cameras in trouble: none",
    "not alerted, in the digest: none",
    "harmless: 129 with nothing in them",
    "refused: none",
)
Run = Callable[..., tuple[int, World]]
WELL = Faults()


@pytest.fixture
def run(tmp_path: Path, seaweedfs_server: S3Access, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the test of a cluster that has `faults`; returns its exit code, and the cluster as it was left."""

    def run(faults: Faults = WELL, refused: frozenset[str] = frozenset(), **more: str) -> tuple[int, World]:
        cluster = AClusterOfItsOwn(tmp_path)
        cluster.refused, cluster.missing_image = set(refused), faults.missing_image
        cluster.create(ENDPOINTS)
        world = World(cluster, faults)
        chosen: list[Options] = []

        def connect(options: Options) -> AClusterOfItsOwn:
            chosen.append(options)
            return cluster

        def access() -> S3Access:
            return replace(seaweedfs_server, bucket=chosen[0].release)

        environment = {
            "KUBECONFIG": str(cluster.kubeconfig),
            "REGISTRY": "r.example.com/nightjar",
            "TAG": "1",
            "S3_ENDPOINT": seaweedfs_server.endpoint,
            "AWS_ACCESS_KEY_ID": seaweedfs_server.access_key_id,
            "AWS_SECRET_ACCESS_KEY": seaweedfs_server.secret_access_key,
        }
        tools = Tools(
            connect=connect,
            helm=lambda _: FakeHelm(world),
            forward=no_forward,
            airflow=lambda _, password: FakeAirflow(world, access, password),
            expected=EXPECTED,
            between_visits=0,
        )
        monkeypatch.setattr(place, "EVERY", 0.1)
        monkeypatch.setattr(command, "ALERT_SECONDS", 2.0 if faults.late else 60.0)
        return run_it(environment | more, tools), world

    return run


def states(output: str) -> dict[str, str]:
    """The table at the end: the state of each thing that was looked at."""
    lines = [line for line in output.rpartition("\n\n  ")[2].splitlines() if line.strip()]
    words = ("not tried", "passed", "failed", "noted")
    found = {}
    for line in lines:
        state = next(word for word in words if line.strip().startswith(word))
        found[line.strip().removeprefix(state).strip().partition("  ")[0]] = state
    return found


def test_a_nightjar_that_is_well_passes_and_is_removed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    code, world = run(SECOND_TAG="2")
    output = capsys.readouterr().out
    assert states(output) == dict.fromkeys(
        (
            "version",
            "rights",
            "nodes",
            "images",
            "S3 server",
            "install",
            "Airflow is healthy",
            "live run",
            "a killed pod is retried",
            "second run",
            "counts",
            "the next run uses another tag",
            "seconds to an alert",
            "a day of history",
            "pods are restricted",
            "roles",
            "network policies",
            "no secret in specs and logs",
            "removal",
        ),
        "passed",
    )
    assert code == 0
    assert world.removals == 1
    assert list(world.kubernetes.list("Namespace")) == []
    assert world.password not in output
    endpoint = urlsplit(world.values["s3"]["endpoint"])
    assert endpoint.hostname == "127.0.0.1"
    assert world.values["kubernetes"]["apiServer"] == {"host": "192.0.2.7", "port": 6443}


def test_everything_that_is_wrong_is_named_and_all_is_removed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    faults = Faults(lost=1, old_tag=True, root=True, tells=True, late=True, history="failed")
    code, world = run(faults, SECOND_TAG="2")
    output = capsys.readouterr().out
    assert {name for name, state in states(output).items() if state == "failed"} == {
        "counts",
        "the next run uses another tag",
        "seconds to an alert",
        "a day of history",
        "pods are restricted",
        "no secret in specs and logs",
    }
    assert code == 1
    assert "expected '129 triggers gave 129 pictures" in output
    assert "r.example.com/nightjar/detect:1" in output
    assert "run test-cluster of nightjar_history ended as failed" in output
    assert "runs as 0, expected 10001" in output
    assert world.password not in output
    assert list(world.kubernetes.list("Namespace")) == []


@pytest.mark.parametrize(
    ("faults", "refused", "sentence"),
    [
        (WELL, frozenset({"create namespaces"}), "may not: create namespaces (cluster-wide)"),
        (Faults(missing_image="/detect:"), frozenset(), "detect:1: is not present with pull policy of Never"),
        (Faults(refusal="no such value"), frozenset(), "Helm: no such value"),
    ],
)
def test_it_gives_up_where_nothing_after_makes_sense(
    run: Run, capsys: pytest.CaptureFixture[str], faults: Faults, refused: frozenset[str], sentence: str
) -> None:
    code, world = run(faults, refused)
    output = capsys.readouterr().out
    assert code == 1
    assert sentence in output
    assert "live run" not in states(output)
    assert list(world.kubernetes.list("Namespace")) == []


def test_what_was_made_is_kept_when_it_is_asked_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    code, world = run(Faults(refusal="no such value"), KEEP="yes")
    assert code == 1
    assert world.removals == 0
    kept = [each["metadata"]["name"] for each in world.kubernetes.list("Namespace")]
    assert len(kept) == 3
    assert all(name in capsys.readouterr().out for name in kept[:1])
