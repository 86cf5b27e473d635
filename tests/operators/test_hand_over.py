"""One run under an id: new, waited for, or done again."""

from typing import Any

import pytest
from airflow.providers.standard.triggers.external_task import DagStateTrigger
from airflow.sdk.exceptions import AirflowException, AirflowFailException, DagRunTriggerException, TaskDeferred

from nightjar.runtime.s3 import S3Store
from operators.hand_over import HandOverOperator
from tests.operators.conftest import make_context

RUN = "20261120T130500Z-0123456789ab"


BEGUN = f"runs/nightjar_live/{RUN}/started.json"


def operator() -> HandOverOperator:
    return HandOverOperator(
        task_id="trigger_live", trigger_dag_id="live", trigger_run_id=RUN, begun_key=BEGUN, poke_interval=1
    )


def hand_over(**runs: str) -> None:
    operator().execute(
        make_context(runs={("live", run): state for run, state in runs.items()} | {("watch", RUN): "running"})
    )


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_is_under_way_is_waited_for(state: str) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        hand_over(**{RUN: state})
    trigger: Any = deferred.value.trigger
    assert isinstance(trigger, DagStateTrigger)
    assert (trigger.dag_id, trigger.run_ids, trigger.states) == ("live", [RUN], ["success", "failed"])
    assert trigger.serialize()
    assert deferred.value.method_name == "execute_complete"


@pytest.mark.parametrize("runs", [{}, {RUN: "failed"}, {RUN: "success"}, {"20261120T130500Z-ffffffffffff": "running"}])
def test_a_run_is_triggered_or_has_to_be_done_again(runs: dict[str, str]) -> None:
    with pytest.raises(DagRunTriggerException) as triggered:
        hand_over(**runs)
    found = triggered.value
    assert (found.dag_run_id, found.reset_dag_run, found.skip_when_already_exists) == (RUN, True, False)
    assert (found.wait_for_completion, found.deferrable, found.logical_date) == (True, True, None)


@pytest.mark.parametrize(
    ("begun", "kind"),
    [(True, AirflowFailException), pytest.param(False, AirflowException, id="nobody took it up: tried again")],
)
def test_its_failure_is_the_failure_of_the_task(s3_store: S3Store, begun: bool, kind: type[AirflowException]) -> None:
    if begun:
        s3_store.put(BEGUN, b"{}")
    with pytest.raises(AirflowException, match=RUN) as raised:
        operator().execute_complete({}, ("trigger", {"run_ids": [RUN], RUN: "failed"}))
    assert type(raised.value) is kind


def test_its_success_is_the_success_of_the_task() -> None:
    operator().execute_complete({}, ("trigger", {"run_ids": [RUN], RUN: "success"}))
