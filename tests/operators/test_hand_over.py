"""One run under an id: new, waited for until it has begun, or done again; never waited for beyond that."""

import asyncio
import pkgutil
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, DagRunTriggerException, TaskDeferred
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from nightjar.domain.batch import Claim, ReceivedVersion
from nightjar.runtime.s3 import S3Store
from nightjar.stores.claims import Claims
from operators.hand_over import BegunTrigger, HandOverOperator
from tests.operators.conftest import make_context

RUN = "20261120T130500Z-0123456789ab"
FOLDER = f"runs/nightjar_live/{RUN}/"
BEGUN = f"{FOLDER}started.json"


def operator(batch_id: str = "") -> HandOverOperator:
    return HandOverOperator(
        task_id="hand_over",
        trigger_dag_id="live",
        trigger_run_id=RUN,
        run_prefix=FOLDER,
        batch_id=batch_id,
        poke_interval=0.1,
    )


def hand_over(**runs: str) -> None:
    operator().execute(
        make_context(runs={("live", run): state for run, state in runs.items()} | {("watch", RUN): "running"})
    )


def check_waits_until_begun(deferred: TaskDeferred) -> None:
    trigger: Any = deferred.trigger
    assert isinstance(trigger, BegunTrigger)
    assert (trigger.dag_id, trigger.run_id, trigger.key) == ("live", RUN, BEGUN)
    assert deferred.method_name == "begun"


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_is_under_way_is_not_reset_from_under_its_tasks(s3_store: S3Store, state: str) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        hand_over(**{RUN: state})
    check_waits_until_begun(deferred.value)


@pytest.mark.parametrize("runs", [{}, {RUN: "failed"}, {RUN: "success"}, {"20261120T130500Z-ffffffffffff": "running"}])
def test_a_run_that_has_not_begun_is_triggered(s3_store: S3Store, runs: dict[str, str]) -> None:
    with pytest.raises(DagRunTriggerException) as triggered:
        hand_over(**runs)
    raised = triggered.value
    assert (raised.dag_run_id, raised.reset_dag_run, raised.skip_when_already_exists) == (RUN, True, False)
    assert (raised.wait_for_completion, raised.deferrable, raised.logical_date) == (True, True, None)
    # Upstream's trigger is left as soon as the run is there.
    assert {*raised.allowed_states, *raised.failed_states} == {"queued", "running", "success", "failed"}


@pytest.mark.parametrize("state", ["queued", "running", "failed", "success"])
def test_a_run_that_has_begun_is_left_alone_however_it_ended(s3_store: S3Store, state: str) -> None:
    s3_store.put(BEGUN, b"{}")
    hand_over(**{RUN: state})


@pytest.mark.parametrize("state", ["queued", "running", "failed", "success"])
def test_as_soon_as_the_run_is_there_it_is_waited_for(s3_store: S3Store, state: str) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        operator().execute_complete({}, ("trigger", {"run_ids": [RUN], RUN: state}))
    check_waits_until_begun(deferred.value)


def test_begun_is_all_that_counts() -> None:
    operator().begun({}, {"begun": True})


@pytest.mark.parametrize("how", ["begun before", "begun now"])
def test_the_claim_is_closed_once_the_run_has_begun(s3_store: S3Store, how: str) -> None:
    version = ReceivedVersion(key="incoming/a", version_id="v", size=1, received_at=datetime.now(UTC))
    claims, claim = Claims(s3_store), Claim.of([version])
    claims.write("w1", claim.model_copy(update={"batch_id": RUN}))
    claims.write("w2", claim)
    task = operator(RUN)
    if how == "begun before":
        s3_store.put(BEGUN, b"{}")
        task.execute(make_context(runs={}))
    else:
        task.begun({}, {"begun": True})
    assert [held.run for held in claims.waiting()] == ["w2"]


def test_a_run_that_failed_before_it_began_is_done_again() -> None:
    with pytest.raises(AirflowException, match=f"{RUN} of live ended before it wrote {BEGUN}") as raised:
        operator().begun({}, {"begun": False})
    assert not isinstance(raised.value, AirflowFailException)
    assert (operator().retries or 0) >= 1000


class Trigger(BegunTrigger):
    """Asks a real bucket; the state of the run is told instead of asked."""

    ended = False

    async def has_ended(self) -> bool:
        return self.ended


@pytest.mark.parametrize(
    ("state", "ended"), [("queued", False), ("running", False), ("failed", True), ("success", True), (None, True)]
)
def test_a_run_that_was_deleted_has_ended(state: str | None, ended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the watch would wait for it for ever. The triggerer's supervisor, which knows the runs, is told here."""

    def get_dr_count(dag_id: str, run_ids: list[str] | None, states: list[str]) -> int:
        assert (dag_id, run_ids) == ("live", [RUN])
        return int(state in states)

    monkeypatch.setattr(RuntimeTaskInstance, "get_dr_count", get_dr_count)
    trigger = BegunTrigger(bucket_name="b", key=BEGUN, dag_id="live", run_id=RUN, poke_interval=0.1)
    assert asyncio.run(trigger.has_ended()) is ended


async def first_event(trigger: Any, seconds: float) -> Any:
    events = trigger.run()
    try:
        return (await asyncio.wait_for(anext(events), seconds)).payload
    finally:
        await events.aclose()


@pytest.mark.parametrize(
    ("written", "ended", "event"),
    [
        (True, False, {"begun": True}),
        (True, True, {"begun": True}),
        (False, True, {"begun": False}),
        pytest.param(False, False, None, id="waits"),
    ],
)
def test_trigger(s3_store: S3Store, written: bool, ended: bool, event: dict[str, bool] | None) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        hand_over(**{RUN: "running"})
    assert deferred.value.trigger is not None
    name, arguments = deferred.value.trigger.serialize()
    assert pkgutil.resolve_name(name) is BegunTrigger
    trigger = Trigger(**arguments)
    trigger.ended = ended
    if written:
        s3_store.put(BEGUN, b"{}")
    if event is None:
        with pytest.raises(TimeoutError):
            asyncio.run(first_event(trigger, 1))
    else:
        assert asyncio.run(first_event(trigger, 30)) == event
