"""S3 goes away, in the middle of a run for a minute, and while Nightjar waits: nothing is lost, and all goes on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from nightjar.domain.layout import INCOMING, LIVE, WATCH
from nightjar_local import samples, seaweedfs
from tests.end_to_end.local_runtime import Local, running

pytestmark = pytest.mark.timeout(1200)  # a fresh clone builds the images and the model first

PERSON_MINUTES_AGO = 41  # of the sample footage: alice-porch sees a person


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A deployment that watches."""
    with running(tmp_path_factory.mktemp("outage")) as local:
        local.airflow.start_dags([LIVE, WATCH], check=local.deployment.check)
        yield local


def drop(local: Local, camera: str) -> None:
    """A picture of a person lands, taken half a minute ago."""
    now = datetime.now(UTC)
    person = next(
        one
        for one in samples.footage(now)
        if one.name == f"alice-porch-{int(now.timestamp()) - PERSON_MINUTES_AGO * 60}.jpg"
    )
    local.store.put(f"{INCOMING}{camera}-{int(now.timestamp()) - 30}.jpg", person.body)


@contextlib.contextmanager
def outage(local: Local) -> Iterator[None]:
    """Within it, there is no S3."""
    server = next(child for child in local.deployment.children if child.name == "seaweedfs")
    server.ask_to_stop()
    assert server.process is not None
    server.process.wait(30)
    yield
    server.start()
    seaweedfs.wait_until_ready(local.deployment.access, server)


def waiting(local: Local) -> str:
    """The state of the sensor of the newest watch run."""
    return local.airflow.states(WATCH, str(local.airflow.runs(WATCH)[0]["dag_run_id"]))["wait_for_footage"]


def test_in_the_middle_of_a_run(local: Local) -> None:
    drop(local, "alice-porch")
    local.wait("a live run", lambda: bool(local.airflow.runs(LIVE)))
    run = str(local.airflow.runs(LIVE)[0]["dag_run_id"])
    local.wait("its shards", lambda: local.airflow.states(LIVE, run).get("plan_shards") == "success")
    with outage(local):
        time.sleep(60)
    local.wait_for_success(LIVE, run)
    assert len(local.contents("alerts/")) == 1
    assert local.contents(INCOMING) == {}


def test_while_waiting_for_footage(local: Local) -> None:
    local.wait("the next watch run to wait", lambda: waiting(local) == "deferred")
    watching = str(local.airflow.runs(WATCH)[0]["dag_run_id"])
    with outage(local):
        local.wait("it to notice", lambda: local.airflow.states(WATCH, watching)["wait_for_footage"] == "up_for_retry")
    drop(local, "bob-lobby")
    local.wait("the second alert", lambda: len(local.contents("alerts/")) == 2)
    assert local.wait_for_end(WATCH, watching) == "success"
