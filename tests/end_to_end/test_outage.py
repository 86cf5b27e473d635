"""S3 goes away, in a run and while Nightjar waits; a live run fails before it begins: nothing is lost, all goes on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.runs import LIVE, WATCH
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
    local.deployment.supervisor.stop_component(seaweedfs.NAME)
    yield
    local.deployment.bring_up()


def waiting(local: Local) -> str:
    """The state of the sensor of the newest watch run; empty before there is one."""
    newest = local.airflow.runs(WATCH)[:1]
    return "".join(local.airflow.states(WATCH, str(run["dag_run_id"]))["wait_for_footage"] or "" for run in newest)


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


def test_a_live_run_that_failed_before_it_began_is_done_again(local: Local) -> None:
    local.wait("the next watch run to wait", lambda: waiting(local) == "deferred")
    alerted, watched = len(local.contents("alerts/")), len(local.airflow.runs(WATCH))
    earlier = {str(run["dag_run_id"]) for run in local.airflow.runs(LIVE)}
    local.airflow.pause(LIVE, paused=True)
    drop(local, "carol-drive")
    local.wait("a live run", lambda: len(local.airflow.runs(LIVE)) > len(earlier))
    [run] = {str(run["dag_run_id"]) for run in local.airflow.runs(LIVE)} - earlier
    local.airflow.mark_failed(LIVE, run)
    local.airflow.pause(LIVE, paused=False)
    local.wait("the run to begin after all", lambda: local.airflow.state(LIVE, run) not in ("failed", "queued"))
    local.wait_for_success(LIVE, run)
    local.wait("the next watch run to wait", lambda: waiting(local) == "deferred")
    assert len(local.contents("alerts/")) == alerted + 1
    assert len(local.airflow.runs(WATCH)) == watched + 1  # one watch run handed it over, however often it was started
