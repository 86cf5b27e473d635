"""Refused footage heals on the real scheduler, with the real stages: by mended rules and a retry, or by the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from nightjar.cli.main import main
from nightjar.domain.batch import RETRY
from nightjar.queries.refused import Wanted, find
from nightjar.stores.claims import CLAIMS
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.records import Records
from nightjar.stores.rules import RULES_KEY, RulesStore
from nightjar.stores.runs import LIVE, WATCH, Runs
from nightjar.stores.tables import PICTURES
from nightjar_local import samples
from tests.end_to_end.local_runtime import Local, running

pytestmark = pytest.mark.timeout(1200)  # a fresh clone builds the images and the model first

NOW = datetime.now(UTC)
GATE = f"alice-gate-{int(NOW.timestamp()) - 60}.jpg"
TORN = f"alice-porch-{int(NOW.timestamp()) - 90}.jpg"
PERSON_MINUTES_AGO = 41


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    with running(tmp_path_factory.mktemp("retry")) as local:
        local.airflow.start_dags([LIVE, WATCH], check=local.deployment.check)
        yield local


@pytest.fixture(scope="module")
def person() -> bytes:
    name = f"alice-porch-{int(NOW.timestamp()) - PERSON_MINUTES_AGO * 60}.jpg"
    return next(one.body for one in samples.footage(NOW) if one.name == name)


def reasons(local: Local) -> list[str]:
    return [str(each.entry.reason) for each in find(local.store, Wanted())[0]]


def outcomes(local: Local) -> list[tuple[str, str | None]]:
    """Of all pictures of the day, as the report has them."""
    days = sorted({NOW.date(), datetime.now(UTC).date()})
    contents = [Records(local.store).read(PICTURES, day).content for day in days]
    pairs = (zip(content.values("outcome"), content.values("reason"), strict=True) for content in contents)
    return sorted(pair for some in pairs for pair in some)


def wait_for_new_run(local: Local, before: set[str]) -> str:
    def new() -> list[str]:
        return [str(run["dag_run_id"]) for run in local.airflow.runs(LIVE) if run["dag_run_id"] not in before]

    local.wait("a live run", lambda: bool(new()))
    [run] = new()
    local.wait_for_success(LIVE, run)
    return run


def land(local: Local, name: str, body: bytes) -> str:
    """Put an object and wait for the end of its live run; returns that."""
    before = {str(run["dag_run_id"]) for run in local.airflow.runs(LIVE)}
    local.store.put(f"{INCOMING}{name}", body)
    return wait_for_new_run(local, before)


def test_rules_are_mended_and_the_alert_comes(local: Local, person: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    first = land(local, GATE, person)
    assert reasons(local) == ["unknown-camera"]
    assert local.contents("alerts/") == {}
    rules, _ = local.store.get(RULES_KEY)
    RulesStore(local.store).put(rules.replace(b"      yard:", b"      gate: {}\n      yard:", 1))
    assert main(["retry", "--reason", "unknown-camera", "--camera", "alice-gate"]) == 0
    assert f"run {RETRY}" in capsys.readouterr().out
    run = wait_for_new_run(local, {first})
    assert run.startswith(RETRY), "expected a run of its own in the UI"
    assert len(local.contents("alerts/")) == 1
    assert dict(Runs(local.store).live(run).account().counts.outcomes) == {"detected": 1}
    assert reasons(local) == []
    assert outcomes(local) == [("detected", None)]
    local.wait("the claim to be closed", lambda: local.contents(CLAIMS) == {})
    assert main(["retry", "--reason", "unknown-camera"]) == 0
    assert "no refusal is of this kind" in capsys.readouterr().out
    assert len(list(local.store.list_versions("alerts/"))) >= 1
    assert len(local.contents("alerts/")) == 1


def test_part_of_an_object_first_and_the_whole_of_it_second(local: Local, person: bytes) -> None:
    land(local, TORN, person[: len(person) // 2])
    assert reasons(local) == ["truncated"]
    assert outcomes(local) == [("detected", None), ("quarantined", "truncated")]
    land(local, TORN, person)
    assert reasons(local) == []
    assert outcomes(local) == [("detected", None), ("detected", None)]
    assert len(local.contents("alerts/")) == 2
