"""The callbacks that tell the operator, by the contexts that Airflow gives them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from airflow.sdk.exceptions import AirflowException

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import AlertState, Delivery
from nightjar.domain.manifest import Counts, Manifest
from nightjar.domain.troubles import OPERATOR
from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime.manifests import write_manifest, write_record
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.troubles import Troubles
from operators.failures import Ended, raise_for_end
from operators.refusals import note_refusals
from operators.trouble import (
    ended_by,
    is_late,
    note_failed_run,
    note_failed_task,
    note_late_run,
    note_success,
    run_has_failed,
    run_is_late,
    task_failed,
    task_succeeded,
    watched,
)
from tests.bucket import NOON

RUN = "20261120T115500Z-0123456789ab"
FAILED, LATE = f"run-failed-nightjar_live-{RUN}", f"run-late-nightjar_live-{RUN}"
NOTIFIED = f"runs/nightjar_live/{RUN}/notify/alice-porch/"

AFTER: Mapping[str, dict[str, str]] = {
    "nightjar_live": {
        "freeze_release": "reconcile",
        "rules_in_force": "close_run",
        "shard.notify": "reconcile",
        "reconcile": "close_run",
        "close_run": "",
    },
    "nightjar_watch": {"collect": "hand_over", "hand_over": "cool_off", "cool_off": ""},
}


def context(task: str, error: object = None, dag: str = "nightjar_live", run: str = RUN, **more: Any) -> dict[str, Any]:
    """As much of a callback's context as is looked at."""
    tasks = {
        name: SimpleNamespace(
            task_id=name,
            downstream_task_ids=[after] if after else [],
            trigger_rule="one_failed" if name == "cool_off" else "all_success",
        )
        for name, after in AFTER[dag].items()
    }
    for name, value in more.items():
        setattr(tasks[task], name, value)
    ti = SimpleNamespace(task_id=task, task=tasks[task])
    return {"ti": ti, "run_id": run, "dag": SimpleNamespace(dag_id=dag, get_task=tasks.get), "exception": error}


def ended(stage: str, code: int, sentence: str) -> Exception:
    try:
        raise_for_end(stage, Ended(code, sentence), was_late=False)
    except AirflowException as error:
        return error


def notify(error: object = None) -> dict[str, Any]:
    return context("shard.notify", error, stage="notify", shard="alice-porch", output_prefix=NOTIFIED)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def failed(store: MemoryStore, context: Mapping[str, Any]) -> None:
    note_failed_task(store, context, NOON)


def succeeded(store: MemoryStore, context: Mapping[str, Any]) -> None:
    note_success(store, context, ended_by(context), NOON)


def run_failed(store: MemoryStore, context: Mapping[str, Any]) -> None:
    note_failed_run(store, context, NOON)


def is_open(store: MemoryStore) -> dict[str, str]:
    return {each.kind: each.facts.text for each in Troubles(store).all_open(99)}


def history(store: MemoryStore) -> dict[str, int]:
    return {each.kind: each.number for each in Troubles(store).of(OPERATOR)}


def test_a_run_that_fails_by_several_tasks_is_one_trouble_in_the_words_of_the_first(store: MemoryStore) -> None:
    failed(store, context("freeze_release", UsageError("no such image")))
    failed(store, context("close_run", AirflowException("1 task failed: freeze_release")))
    run_failed(store, {**context("close_run"), "reason": "task_failure"})
    assert is_open(store) == {FAILED: f"Run {RUN}: freeze_release: no such image"}
    failed(store, context("freeze_release", UsageError("still none")))  # cleared, and failed again
    assert history(store) == {FAILED: 1}
    succeeded(store, context("freeze_release"))
    assert set(is_open(store)) == {FAILED}
    succeeded(store, context("close_run"))
    assert (is_open(store), history(store)) == ({}, {FAILED: 1})


def test_a_run_that_no_task_could_tell_of(store: MemoryStore) -> None:
    run_failed(store, {"dag": SimpleNamespace(dag_id="nightjar_live"), "run_id": RUN, "reason": "all_tasks_deadlocked"})
    assert is_open(store) == {FAILED: f"Run {RUN}: none of its tasks can run any more"}


@pytest.mark.parametrize(("code", "refused"), [(64, True), (75, True), (65, False), (1, False), (137, False)])
def test_alerts_that_cannot_be_sent_are_a_trouble_of_their_own(store: MemoryStore, code: int, refused: bool) -> None:
    error = ended("notify", code, "the mail API refuses SENDGRID_API_KEY, no alert can be sent: 401: unauthorized")
    failed(store, notify(error))
    failed(store, context("shard.notify", error, run="another", stage="notify"))
    assert ("alerts-refused" in is_open(store)) is refused
    if refused:
        assert "no alert can be sent: 401: unauthorized" in is_open(store)["alerts-refused"]


def deliver(store: MemoryStore, *deliveries: tuple[str, AlertState]) -> None:
    """Leave what a task of notify leaves that has told somebody so."""
    made = tuple(Delivery(channel=channel, recipient="a@example.com", state=state) for channel, state in deliveries)
    alert = Alert(
        event_id="e1",
        event_key="",
        user="alice",
        device="porch",
        rule_id=1,
        started_at=NOON,
        state=AlertState.SENT,
        channel="",
        recipient="",
        subject="",
        possibly_repeated=False,
        run=RUN,
        claimed_at=NOON,
    )
    line = write_record(store, "alerts/2026/11/20/e1.json", alert.delivering(made))
    manifest = Manifest(stage="notify", image="notify:1", run=RUN, objects=(line,), started_at=NOON, finished_at=NOON)
    write_manifest(store, NOTIFIED, manifest)


@pytest.mark.parametrize(
    ("refused", "deliveries", "over"),
    [
        ("the mail API refuses SENDGRID_API_KEY", [("email", AlertState.SENT)], True),
        ("the mail API refuses SENDGRID_API_KEY", [("oncall", AlertState.SENT)], False),
        ("the mail API refuses SENDGRID_API_KEY", [("email", AlertState.OUTBOX)], False),
        ("the mail API refuses SENDGRID_API_KEY", [("email", AlertState.FAILED), ("oncall", AlertState.SENT)], False),
        ("the mail API refuses SENDGRID_API_KEY", [("email", AlertState.CLAIMED)], False),
        ("channel oncall refuses its URL or the key in it", [("oncall", AlertState.SENT)], True),
        ("channel oncall answered 503: away", [("email", AlertState.SENT), ("oncall", AlertState.SENT)], True),
        ("channel oncall refuses its URL or the key in it", [("email", AlertState.SENT)], False),
    ],
)
def test_they_can_be_sent_again_once_the_channel_took_one(
    store: MemoryStore, refused: str, deliveries: Sequence[tuple[str, AlertState]], over: bool
) -> None:
    failed(store, notify(ended("notify", 64, refused)))
    [kind] = [kind for kind in is_open(store) if kind.startswith("alerts-refused")]
    assert kind == ("alerts-refused-oncall" if "oncall" in refused else "alerts-refused")
    deliver(store, *deliveries)
    succeeded(store, notify())
    assert (kind not in is_open(store)) is over


def test_no_manifest_is_asked_for_while_alerts_go_out(store: MemoryStore) -> None:
    succeeded(store, notify())
    assert list(store.list_versions("")) == []


def test_wrong_rules_are_a_trouble_and_no_failed_run(store: MemoryStore) -> None:
    failed(store, context("rules_in_force", AirflowException("warning: config/rules.yaml: line 3: …")))
    assert set(is_open(store)) == {"rules-wrong"}
    succeeded(store, context("close_run"))
    assert set(is_open(store)) == {"rules-wrong"}
    succeeded(store, context("rules_in_force"))
    assert is_open(store) == {}


def test_the_watch_is_one_trouble_however_often_it_fails(store: MemoryStore) -> None:
    for run in ("w1", "w2", "w3"):
        failed(store, context("collect", ended("collect", 64, "no bucket"), "nightjar_watch", run))
        failed(store, context("cool_off", AirflowException("a task above failed"), "nightjar_watch", run))
    kind = "run-failed-nightjar_watch"
    assert is_open(store) == {kind: "Run w1: collect: stage collect ended with exit code 64: no bucket"}
    succeeded(store, context("collect", None, "nightjar_watch", "w4"))
    assert set(is_open(store)) == {kind}
    succeeded(store, context("hand_over", None, "nightjar_watch", "w4"))  # after it there is only cool_off
    assert (is_open(store), history(store)) == ({}, {kind: 1})


def run_answer(state: str) -> dict[str, Any]:
    """As Airflow gives a run to the callback of a deadline."""
    queued_at = datetime.now(UTC) - timedelta(minutes=16)
    return {
        "dag_run": {
            "dag_id": "nightjar_live",
            "dag_run_id": RUN,
            "state": state,
            "queued_at": queued_at.isoformat().replace("+00:00", "Z"),
        },
        "deadline": {"id": "1"},
    }


@pytest.mark.parametrize(
    ("state", "queued_counts", "late"),
    [
        ("running", True, True),
        ("queued", True, True),
        ("queued", False, False),
        ("running", False, True),
        ("failed", True, False),  # Airflow tells of these as well
        ("success", True, False),
    ],
)
def test_which_runs_are_late(state: str, queued_counts: bool, late: bool) -> None:
    assert is_late(run_answer(state)["dag_run"], queued_counts) is late


@pytest.mark.parametrize("through", [succeeded, failed, run_failed])
def test_a_late_run_that_is_through_is_late_no_longer(store: MemoryStore, through: Any) -> None:
    note_late_run(store, run_answer("running")["dag_run"], timedelta(minutes=15), NOON)
    assert is_open(store) == {LATE: f"Run {RUN} has not ended within 15 minutes after it was queued."}
    through(store, context("close_run", AirflowException("1 task failed")))
    assert LATE not in is_open(store)


def test_links_lead_to_the_run_in_airflow(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    run_failed(store, {"dag": SimpleNamespace(dag_id="nightjar_live"), "run_id": "manual__2026-11-20T12:00:00+00:00"})
    [trouble] = Troubles(store).of(OPERATOR)
    assert trouble.facts.link == (
        "https://airflow.example.com/dags/nightjar_live/runs/manual__2026-11-20T12%3A00%3A00%2B00%3A00"
    )


def test_no_callback_fails_when_the_bucket_does(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NIGHTJAR_BUCKET", raising=False)
    task_failed(context("close_run", AirflowException("x")))
    task_succeeded(context("close_run"))
    run_has_failed(context("close_run"))
    asyncio.run(run_is_late(900.0, queued_counts=True, context=run_answer("running")))
    assert [record.message.rpartition("told of ")[2] for record in caplog.records] == [
        "a failed task",
        "the end of a trouble",
        "a failed run",
        "a late run",
    ]


def test_without_a_deadline_there_is_only_the_callback() -> None:
    assert set(watched(late=None)) == {"on_failure_callback"}
    assert set(watched(late=timedelta(minutes=1))) == {"on_failure_callback", "deadline"}


def refused(store: MemoryStore, run: str, number: int, received: int, now: datetime = NOON) -> bool:
    """Count a run; whether the operator hears of many refusals now."""
    counts = Counts(received=received, outcomes={"quarantined:grey": number, "detected": received - number})
    note_refusals(store, run, counts, now, share=0.25, least=50)
    stored = Troubles(store).find(OPERATOR, "many-refusals")
    return stored is not None and stored.trouble.is_open


def test_a_day_with_many_refusals_is_told_once_and_over_the_next_day() -> None:
    store = MemoryStore()
    assert [refused(store, run, 30, 60) for run in ("a", "a", "b")] == [False, False, True]
    assert refused(store, "c", 0, 10_000), "expected it to last until the day is over"
    assert not refused(store, "d", 0, 1, NOON + timedelta(days=1))
    assert refused(store, "e", 60, 60, NOON + timedelta(days=1))
    assert [each.number for each in Troubles(store).of(OPERATOR)] == [2]


def test_no_run_fails_for_want_of_the_count(caplog: pytest.LogCaptureFixture) -> None:
    class Away(MemoryStore):
        def head(self, key: str, version_id: str | None = None) -> NoReturn:
            raise TryAgainError("S3 is away")

    assert not refused(Away(), "b", 60, 60)
    assert "could not be counted" in caplog.text
