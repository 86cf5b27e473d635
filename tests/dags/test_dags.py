"""The DAGs as Airflow reads them: which, how they hang together, and that reading them does nothing else."""

import re
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.bases.operator import BaseOperator
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineReference
from airflow.sdk.exceptions import ParamValidationError
from airflow.sdk.timezone import coerce_datetime
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.serialization.serialized_objects import DagSerialization
from airflow.task.priority_strategy import get_airflow_priority_weight_strategies

from nightjar.domain.names import Camera
from operators.failures import say_why
from operators.trouble import run_has_failed, run_is_late, task_failed, task_succeeded
from plugins.nightjar_task_links import LINKS
from plugins.nightjar_task_links import TASKS as TASKS_WITH_BUTTONS
from plugins.pages.runs.tasks import DAGS as DESCRIBED
from plugins.pages.runs.tasks import does

DAGS = Path(__file__).resolve().parents[2] / "dags"
SHARD = ["shard.validate", "shard.detect", "shard.assess", "shard.notify"]
CHAIN = ["rules_in_force", "plan_shards", *SHARD, "reconcile", "record", "close_run"]
BATCH_ID = "{{ ti.xcom_pull('collect', key='result')['batch_id'] }}"
EXPECTED = {
    "nightjar_watch": ["wait_for_footage", "collect", "hand_over", "cool_off"],
    "nightjar_live": ["freeze_release", *CHAIN],
    "nightjar_history": ["freeze_release", "select", *CHAIN, "try_candidate"],
    "nightjar_candidate": ["freeze_candidate", "gather", "shard.detect", "compare", "close_candidate"],
    "nightjar_report": ["freeze_release", "report"],
    "nightjar_patrol": ["look_for_watch", "remove_old_pods", "freeze_release", "survey", "tell"],
    "nightjar_reproduce": ["give_inputs", "pinned_again", *SHARD[:3], "compare_with_run"],
}
# Somebody waits for its answer, and it writes nothing but its own folder: its troubles are nobody else's. It has no run
# folder, which the pages of runs show.
APART = "nightjar_reproduce"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_BUCKET", "nightjar")
    monkeypatch.setenv("NIGHTJAR_RUNTIME", "kubernetes")


@pytest.fixture
def dags(settings: None) -> dict[str, DAG]:
    """Every DAG, read as the dag-processor reads them."""
    return read_dags()


@pytest.fixture(autouse=True)
def imported_afresh() -> Iterator[None]:
    """`chain` is imported anew for each test, so that a test reads what there is."""
    sys.modules.pop("chain", None)
    yield


# Airflow 3.3.2 itself uses a name that pathspec renamed.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


def read_dags() -> dict[str, DAG]:
    bag = DagBag(DAGS)
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_ids_and_tasks(dags: dict[str, DAG]) -> None:
    assert {name: sorted(dag.task_dict) for name, dag in dags.items()} == {
        name: sorted(tasks) for name, tasks in EXPECTED.items()
    }


def test_the_pages_of_tasks_say_what_each_does() -> None:
    assert {task for tasks in EXPECTED.values() for task in tasks if not does(task)} == set()
    assert set(DESCRIBED) == set(EXPECTED) - {APART}


def test_serialised_tasks_have_their_buttons(dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch) -> None:
    """As the API server has the DAGs, mapped tasks and those that have links of their own among them."""
    monkeypatch.setattr("airflow.plugins_manager.get_global_operator_extra_links", lambda: LINKS)
    pages = {}
    for dag_id, dag in dags.items():
        serialized = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        for task in serialized.tasks:
            key = SimpleNamespace(dag_id=dag_id, run_id="r", task_id=task.task_id, map_index=0, try_number=1)
            ti: Any = SimpleNamespace(key=key)
            assert {link.name for link in LINKS} <= set(task.extra_links)
            own = ("Footage and pictures", "What it did")
            links = [link for name in own if (link := task.get_extra_links(ti, name))]
            if dag_id == APART:
                assert links == []
                continue
            [page] = links
            pages[f"{dag_id} {task.task_id}"] = page
    expected = {name: set(tasks) for name, tasks in EXPECTED.items() if name != APART}
    assert len(pages) == sum(map(len, expected.values()))
    assert expected == TASKS_WITH_BUTTONS
    prefix = "dags/nightjar_live/runs/r/tasks"
    assert pages["nightjar_live shard.detect"] == f"{prefix}/shard.detect/mapped/0/plugin/nightjar-task"


def test_reading_them_does_nothing_else(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **_: Any) -> None:
        raise AssertionError(f"I/O while a DAG is read: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("airflow.sdk.Variable.get", refuse)
    monkeypatch.setattr("airflow.sdk.Connection.get", refuse)
    monkeypatch.setattr("boto3.client", refuse)
    assert set(read_dags()) == set(EXPECTED)


def test_a_deployment_without_a_bucket_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTJAR_BUCKET", raising=False)
    errors = DagBag(DAGS).import_errors
    assert [Path(file).name for file, error in errors.items() if "NIGHTJAR_BUCKET: not set" in error] == ["watch.py"]


@pytest.mark.parametrize("dag_id", EXPECTED)
@pytest.mark.parametrize(
    "heading", ["**Purpose.**", "**What can go wrong", "**Parameters.**", "**Example.**", "**Is a re-run safe?**"]
)
def test_runbooks(dags: dict[str, DAG], dag_id: str, heading: str) -> None:
    assert heading in (dags[dag_id].doc_md or "")


@pytest.mark.parametrize("dag_id", EXPECTED)
def test_the_runbook_shows_the_chain_as_a_block(dags: dict[str, DAG], dag_id: str) -> None:
    """Airflow's UI keeps the lines of a fenced block only, and shows about fifty characters of each."""
    block = (dags[dag_id].doc_md or "").split("```text\n")[1].split("```")[0]
    assert max(map(len, block.splitlines())) <= 50
    missing = {task.rpartition(".")[2] for task in EXPECTED[dag_id]} - set(re.findall(r"\w+", block))
    assert missing == set()


@pytest.mark.parametrize("dag_id", EXPECTED)
def test_every_dag(dags: dict[str, DAG], dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag.tags == {"nightjar"}
    assert dag.catchup is False
    assert dag.description
    assert {task.owner for task in dag.tasks} == {"nightjar"}
    for task in dag.tasks:
        assert isinstance(task, BaseOperator)
        assert list(task.on_retry_callback) == [say_why], task.task_id
        if dag_id == APART:
            assert (list(task.on_failure_callback), list(task.on_success_callback)) == ([say_why], [])
            continue
        assert list(task.on_failure_callback) == [say_why, task_failed], task.task_id
        assert list(task.on_success_callback) == [task_succeeded], task.task_id
    without_end = {task.task_id for task in dag.tasks if task.execution_timeout is None}
    assert without_end <= {"wait_for_footage", "hand_over", "cool_off"}  # these wait, and hold no worker


# The time that a run may take after it was queued, and whether one that still waits for its turn is late.
LATE: dict[str, tuple[timedelta, bool] | None] = {
    "nightjar_watch": None,  # it waits as long as it takes: the sign that it leaves each minute says whether it looks
    "nightjar_live": (timedelta(minutes=15), True),
    "nightjar_history": (timedelta(hours=6), False),
    "nightjar_report": (timedelta(hours=1), True),
    "nightjar_candidate": (timedelta(hours=6), False),
    "nightjar_patrol": (timedelta(minutes=30), True),
}


@pytest.mark.parametrize("dag_id", sorted(EXPECTED.keys() - {APART}))
def test_the_operator_is_told_of_every_dag(dags: dict[str, DAG], dag_id: str) -> None:
    """A DAG without the callback, or without a deadline, is refused here; `watched` gives it both."""
    dag = dags[dag_id]
    assert dag.on_failure_callback is run_has_failed
    expected = LATE[dag_id]
    if expected is None:
        assert not dag.deadline
        return
    late, queued_counts = expected
    [deadline] = deadlines(dag)
    # As a number: Airflow 3.3 cannot clear a run whose deadline is a timedelta.
    assert (deadline.interval, deadline.reference) == (late.total_seconds(), DeadlineReference.DAGRUN_QUEUED_AT)
    assert isinstance(deadline.callback, AsyncCallback)  # the Kubernetes executor runs no other
    assert resolve_name(deadline.callback.path) is run_is_late  # as the triggerer imports it
    assert deadline.callback.kwargs == {"allowed_seconds": late.total_seconds(), "queued_counts": queued_counts}


def test_a_setting_says_when_a_live_run_is_late(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_LIVE_LATE_SECONDS", "120")
    [deadline] = deadlines(read_dags()["nightjar_live"])
    assert deadline.interval == 120


def deadlines(dag: DAG) -> list[Any]:
    return dag.deadline if isinstance(dag.deadline, list) else []


@pytest.mark.parametrize("dag_id", ["nightjar_live", "nightjar_history"])
def test_chain(dags: dict[str, DAG], dag_id: str) -> None:
    tasks = dags[dag_id].task_dict
    rules = {name: task.trigger_rule.value for name, task in tasks.items() if task.trigger_rule != "all_success"}
    assert rules == {"reconcile": "all_done", "close_run": "all_done"}
    assert tasks["reconcile"].upstream_task_ids == {"plan_shards", "shard.notify", "freeze_release"}
    for before, task_id in zip(["plan_shards", *SHARD], SHARD, strict=False):
        task: Any = tasks[task_id]
        assert task_id == f"shard.{task.stage}"
        # Nothing of another shard is waited for.
        assert task.upstream_task_ids == {before, "freeze_release"}
    record: Any = tasks["record"]
    assert (record.stage, record.upstream_task_ids) == ("record", {"reconcile", "freeze_release"})
    assert [asset.name for asset in record.outlets] == ["nightjar_day"]
    # A task that is no leaf may fail without failing the run.
    assert {task.task_id for task in leaves(dags[dag_id])} == {"close_run"} | (
        {"try_candidate"} if dag_id == "nightjar_history" else set()
    )
    assert tasks["rules_in_force"].downstream_task_ids == {"close_run"}
    assert tasks["rules_in_force"].upstream_task_ids == {"freeze_release"}
    assert dags[dag_id].max_active_tasks >= 100


@pytest.mark.parametrize("dag_id", ["nightjar_live", "nightjar_history", "nightjar_report", "nightjar_patrol"])
def test_what_fails_is_tried_again_with_growing_pauses(dags: dict[str, DAG], dag_id: str) -> None:
    for task in dags[dag_id].tasks:
        assert isinstance(task, BaseOperator)
        # The next run of the patrol sends whatever tell could not send.
        expected = 1 if task.task_id == "tell" else 5
        assert (task.retries, task.retry_exponential_backoff) == (expected, 2.0), task.task_id


def test_a_reproduction_tells_nobody_and_gives_way_to_everything(dags: dict[str, DAG]) -> None:
    dag = dags["nightjar_reproduce"]
    assert not dag.on_failure_callback and not dag.deadline
    assert dag.is_paused_upon_creation is False and dag.schedule is None
    stages: list[Any] = [dag.task_dict[task_id] for task_id in SHARD[:3]]
    assert {task.reproduction for task in stages} == {"reproductions/{{ run_id | run_name }}/"}
    assert "reproduction" in stages[0].template_fields
    assert [task.task_id for task in leaves(dag)] == ["compare_with_run"]
    assert dag.task_dict["compare_with_run"].trigger_rule.value == "all_done"
    assert max(map(weight, dag.tasks)) == 1


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        ("run", "nightjar_live/20261120T130500Z-0123456789ab", True),
        ("run", "", False),
        ("run", "x" * 301, False),
        ("run", None, False),
        ("shards", ["alice-porch"], True),
        ("shards", "alice-porch", False),
        ("anew", "yes", False),
    ],
)
def test_what_a_reproduction_is_asked_for_is_checked(dags: dict[str, DAG], name: str, value: Any, valid: bool) -> None:
    param = dags["nightjar_reproduce"].params.get_param(name)
    if valid:
        assert param.resolve(value) == value
    else:
        with pytest.raises(ParamValidationError):
            param.resolve(value)


def test_watch(dags: dict[str, DAG]) -> None:
    dag = dags["nightjar_watch"]
    tasks: dict[str, Any] = dict(dag.task_dict)
    assert dag.max_active_runs == 1
    assert tasks["cool_off"].trigger_rule == "one_failed"
    assert tasks["cool_off"].upstream_task_ids == {"wait_for_footage", "collect", "hand_over"}
    assert (tasks["cool_off"].retries, tasks["cool_off"].retry_delay.total_seconds()) == (1, 60)
    assert tasks["wait_for_footage"].deferrable and tasks["wait_for_footage"].retries >= 1000
    assert (tasks["wait_for_footage"].dag_with_room, tasks["wait_for_footage"].most_runs) == ("nightjar_live", 4)
    assert tasks["hand_over"].trigger_run_id == BATCH_ID
    assert tasks["hand_over"].run_prefix == f"runs/nightjar_live/{BATCH_ID}/"
    assert tasks["collect"].release is None


def test_the_watch_looks_and_holds_back_as_the_settings_say(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_LIVE_RUNS", "7")
    monkeypatch.setenv("NIGHTJAR_WATCH_LOOK_SECONDS", "5")
    dags = read_dags()
    sensor: Any = dags["nightjar_watch"].task_dict["wait_for_footage"]
    assert dags["nightjar_live"].max_active_runs == sensor.most_runs == 7
    assert sensor.poke_interval == 5


def test_a_report_waits_for_news_or_midnight_and_comes_after_everything_else(dags: dict[str, DAG]) -> None:
    dag = dags["nightjar_report"]
    assert dag.max_active_runs == 1
    schedule: Any = dag.schedule
    assert schedule.timetable.expression == "5 0 * * *"
    assert [asset.name for asset in schedule.asset_condition.objects] == ["nightjar_day"]
    weights = {name: [weight(task) for task in other.tasks] for name, other in dags.items()}
    least = max(weights.pop("nightjar_report"))
    assert least <= min(each for others in weights.values() for each in others)
    assert max(weights["nightjar_history"]) < max(weights["nightjar_live"]) < min(weights["nightjar_watch"])


def test_the_patrol_comes_every_five_minutes_and_with_news_and_holds_up_no_alert(dags: dict[str, DAG]) -> None:
    dag = dags["nightjar_patrol"]
    assert dag.max_active_runs == 1
    schedule: Any = dag.schedule
    assert schedule.timetable.expression == "*/5 * * * *"
    assert [asset.name for asset in schedule.asset_condition.objects] == ["nightjar_day"]
    least = min(weight(task) for name in ("nightjar_live", "nightjar_watch") for task in dags[name].tasks)
    assert max(map(weight, dag.tasks)) <= least


def test_a_candidate_works_beside_the_chain_and_after_everything_else(dags: dict[str, DAG]) -> None:
    dag = dags["nightjar_candidate"]
    assert (dag.max_active_runs, dag.max_active_tasks) == (1, 2)
    schedule: Any = dag.schedule
    assert [asset.name for asset in schedule] == ["nightjar_candidate_due"]
    least = min(weight(task) for name in ("nightjar_live", "nightjar_watch") for task in dags[name].tasks)
    assert max(map(weight, dag.tasks)) <= least
    # Shards that the candidate does not get done are left out of the comparison, and told.
    assert dag.task_dict["compare"].trigger_rule.value == "all_done_min_one_success"
    assert dag.task_dict["close_candidate"].trigger_rule.value == "all_done"
    [alias] = dags["nightjar_live"].task_dict["close_run"].outlets
    assert alias.name == "nightjar_candidate_due_if_any"  # nothing is updated where there is no candidate


def test_what_is_nearest_to_an_alert_goes_first(dags: dict[str, DAG]) -> None:
    tasks = dags["nightjar_live"].task_dict
    weights = [weight(tasks[task_id]) for task_id in SHARD]
    assert weights == sorted(weights) and len(set(weights)) == len(weights)


@pytest.mark.parametrize(
    ("batch_id", "valid"),
    [
        ("20261120T130500Z-0123456789ab", True),
        ("", False),
        ("../x", False),
        ("{{ 7 * 7 }}", False),
        ("20261120T130500Z-0123456789AB", False),
        ("20261120T130500Z-0123456789ab\n", False),
        ("20261120T130500Z-0123456789ab/../x", False),
    ],
)
def test_batch_id_is_checked(dags: dict[str, DAG], batch_id: str, valid: bool) -> None:
    param = dags["nightjar_live"].params.get_param("batch_id")
    if valid:
        assert param.resolve(batch_id) == batch_id
    else:
        with pytest.raises(ParamValidationError):
            param.resolve(batch_id)


def test_history_has_a_real_data_interval(dags: dict[str, DAG]) -> None:
    schedule: Any = dags["nightjar_history"].schedule
    assert type(schedule).__name__ == "CronDataIntervalTimetable"
    assert str(schedule.timezone) == "UTC"


@pytest.mark.parametrize("logical_date", [datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 21, 23, tzinfo=UTC)])
def test_history_by_hand_works_on_the_day_before_its_logical_date(dags: dict[str, DAG], logical_date: datetime) -> None:
    """As the runbook says: Airflow gives a run by hand the last interval that was complete at its logical date."""
    timetable: Any = coerce_to_core_timetable(dags["nightjar_history"].schedule)
    interval = timetable.infer_manual_data_interval(run_after=coerce_datetime(logical_date))
    assert interval.start.date() == date(2026, 11, 20)
    assert "**the day after** the day" in (dags["nightjar_history"].doc_md or "")


def test_map_index_is_readable(dags: dict[str, DAG]) -> None:
    for task_id in SHARD:
        task: Any = dags["nightjar_live"].task_dict[task_id]
        task.input_prefix = "runs/nightjar_live/b/shards/alice-porch/"
        assert task.map_index_template == "{{ task.shard }}"
        assert task.shard == Camera("alice", "porch").name


def weight(task: Any) -> int:
    """The weight by which the scheduler orders tasks that wait for a worker."""
    strategy: Any = get_airflow_priority_weight_strategies()[task.weight_rule]()
    return int(strategy.get_weight(SimpleNamespace(task=task)))  # of a task instance it asks for the task only


def leaves(dag: DAG) -> list[Any]:
    return [task for task in dag.tasks if not task.downstream_task_ids]
