"""Tells the operator of trouble: the callbacks that every DAG has, from one place.

They open and end troubles in the bucket; `nightjar_patrol` sends the notices, and `nightjar status` shows what is open.
A callback never fails: when the bucket cannot be reached, which may be the trouble itself, the log has it.

    TASKS          for default_args: a task that failed for good, in the worker that knows why
    watched(…)     for the DAG: a run that failed for what no task could tell (by the DAG processor), and a run that has
                   not ended in time (by the triggerer: executors other than the local one run no deadline callbacks)

A run that ends well ends its troubles. Its last task notices that, since a success callback of the DAG would make the
DAG processor read the file once more for every run.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

from airflow.sdk.configuration import conf
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from nightjar.domain.deliveries import AlertState
from nightjar.domain.operator_troubles import (
    DagRun,
    OperatorKind,
    alerts_refused,
    refused_channel,
    rules_wrong,
    run_failed,
    run_late,
)
from nightjar.domain.troubles import OPERATOR
from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.store import ObjectStore
from nightjar.stores.ledger import Ledger, is_line
from nightjar.stores.troubles import Troubles
from operators.bucket import bucket
from operators.failures import exit_code_of, say_why, sentence_of

log = logging.getLogger(__name__)

_NOTIFY = "notify"
_SENDING = frozenset({_NOTIFY, "tell"})
_MOST_CHANNELS, _MOST_LINES = 20, 20
_RULES = "rules_in_force"  # fails to warn: the run is green all the same
_COOL_OFF = "cool_off"  # fails only to delay the next run
_REASONS = {
    "task_failure": "a task failed",
    "all_tasks_deadlocked": "none of its tasks can run any more",
    "timed_out": "it took longer than it may",
}
# A stage that sends ends so when the mail API refuses the key or the sender, or took nothing for as long as it tried.
_NOT_SENT = frozenset({UsageError.exit_code, TryAgainError.exit_code})


def task_failed(context: Mapping[str, Any]) -> None:
    """A task failed and is not tried again: the run is in trouble, or the rules are."""
    with _told("a failed task"):
        note_failed_task(bucket(), context, datetime.now(UTC))


def task_succeeded(context: Mapping[str, Any]) -> None:
    """A task ended well: the last one of a run ends the run's troubles, and notify and rules_in_force their own."""
    with _told("the end of a trouble"):
        if kinds := ended_by(context):  # no client is made for any other task
            note_success(bucket(), context, kinds, datetime.now(UTC))


def run_has_failed(context: Mapping[str, Any]) -> None:
    """A run failed, whichever way: nothing new where one of its tasks has said so."""
    with _told("a failed run"):
        note_failed_run(bucket(), context, datetime.now(UTC))


async def run_is_late(allowed_seconds: float, queued_counts: bool, context: Mapping[str, Any] | None = None) -> None:
    """A run has not ended in time, by the triggerer.

    `queued_counts`: also one that has not begun. Airflow calls this for failed runs too, which are another trouble.
    """
    with _told("a late run"):
        answer: Mapping[str, Any] = (context or {}).get("dag_run") or {}
        allowed = timedelta(seconds=allowed_seconds)
        if is_late(answer, queued_counts):
            await asyncio.to_thread(lambda: note_late_run(bucket(), answer, allowed, datetime.now(UTC)))


def watched(late: timedelta | None, *, queued_counts: bool = True) -> dict[str, Any]:
    """The arguments of a DAG that tell its operator of failed runs and, with `late`, of those not ended by then.

    The time counts from when the run was queued. Without `queued_counts`, a run that still waits for its turn is not
    late: a backfill queues many. `late` is None for the watch, which waits for footage as long as it takes; whether it
    looks is told by the signs that it leaves.
    """
    arguments: dict[str, Any] = {"on_failure_callback": run_has_failed}
    if late is not None:
        # As a number, which Airflow reads as seconds: with a timedelta, clearing a run ends with 500 (apache/airflow
        # issue 70368, in 3.3.0 and later).
        seconds: Any = late.total_seconds()
        arguments["deadline"] = DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=seconds,
            callback=AsyncCallback(
                run_is_late, kwargs={"allowed_seconds": late.total_seconds(), "queued_counts": queued_counts}
            ),
        )
    return arguments


# For the default_args of every DAG.
TASKS: dict[str, Callable[[Mapping[str, Any]], None] | list[Callable[[Mapping[str, Any]], None]]] = {
    "on_failure_callback": [say_why, task_failed],
    "on_retry_callback": say_why,
    "on_success_callback": task_succeeded,
}


def note_failed_task(store: ObjectStore, context: Mapping[str, Any], now: datetime) -> None:
    """Open the troubles that a failed task means."""
    troubles, run, task = Troubles(store), _run(context), context["ti"].task_id
    error = context.get("exception")
    why = sentence_of(error) if error else "it ended without saying why"
    if task == _RULES:
        troubles.open(rules_wrong(run, why, now))
        return
    if task == _COOL_OFF:
        return
    troubles.open(run_failed(run, f"{_name(context['ti'])}: {why}", now))
    if _stage(context) in _SENDING and exit_code_of(error) in _NOT_SENT:
        troubles.open(alerts_refused(run, why, now))
    if _is_last(context):
        troubles.end(OPERATOR, run.kind(OperatorKind.RUN_LATE), now)  # it is through


def note_success(store: ObjectStore, context: Mapping[str, Any], kinds: Sequence[str], now: datetime) -> None:
    """End the troubles of these `kinds`; that alerts cannot be sent, as far as this task of notify has sent some."""
    for kind in kinds:
        if kind != OperatorKind.ALERTS_REFUSED:
            Troubles(store).end(OPERATOR, kind, now)
        elif refused := Troubles(store).open_of(OPERATOR, _MOST_CHANNELS, kind):
            works = _channels_that_sent(store, context)
            for each in refused:
                if refused_channel(each.kind) in works:
                    Troubles(store).end(OPERATOR, each.kind, now)


def note_failed_run(store: ObjectStore, context: Mapping[str, Any], now: datetime) -> None:
    """Open the trouble of a failed run; it is late no longer."""
    run, reason = _run(context), str(context.get("reason") or "")
    Troubles(store).open(run_failed(run, _REASONS.get(reason, reason or "its tasks say why"), now))
    Troubles(store).end(OPERATOR, run.kind(OperatorKind.RUN_LATE), now)


def is_late(answer: Mapping[str, Any], queued_counts: bool) -> bool:
    """Whether a run, as Airflow's API answers it, has not ended (and has begun, unless those in the queue count)."""
    return answer.get("state") in (("queued", "running") if queued_counts else ("running",))


def note_late_run(store: ObjectStore, answer: Mapping[str, Any], allowed: timedelta, now: datetime) -> None:
    """Open the trouble of a run, as Airflow's API answers it, that has not ended within `allowed`."""
    run = _dag_run(str(answer["dag_id"]), str(answer["dag_run_id"]))
    queued_at = datetime.fromisoformat(str(answer.get("queued_at") or now.isoformat()))
    Troubles(store).open(run_late(run, queued_at, allowed, now))


def ended_by(context: Mapping[str, Any]) -> list[str]:
    """The kinds of trouble that the success of a task ends."""
    if context["ti"].task_id == _RULES:
        return [OperatorKind.RULES_WRONG]
    if _stage(context) == _NOTIFY:
        return [OperatorKind.ALERTS_REFUSED]
    if _is_last(context):
        run = _run(context)
        return [run.kind(OperatorKind.RUN_FAILED), run.kind(OperatorKind.RUN_LATE)]
    return []


def _is_last(context: Mapping[str, Any]) -> bool:
    """Whether nothing comes after a task but one that runs only when it failed."""
    task = context["ti"].task
    return all(context["dag"].get_task(name).trigger_rule == "one_failed" for name in task.downstream_task_ids)


def _channels_that_sent(store: ObjectStore, context: Mapping[str, Any]) -> set[str]:
    """The channels that took an alert of this task of notify, by the first lines of the ledger that it names."""
    manifest, _ = read_manifest(store, context["ti"].task.output_prefix)
    ledger = Ledger(store)
    lines = [ledger.read(ref.key) for ref in islice(filter(is_line, manifest.objects), _MOST_LINES)]
    deliveries = [delivery for line in lines if line for delivery in line.alert.each_delivery]
    return {each.channel for each in deliveries if each.state == AlertState.SENT}


def _stage(context: Mapping[str, Any]) -> str | None:
    return getattr(context["ti"].task, "stage", None)


def _run(context: Mapping[str, Any]) -> DagRun:
    return _dag_run(str(context["dag"].dag_id), str(context["run_id"]))


def _dag_run(dag: str, run: str) -> DagRun:
    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    return DagRun(dag, run, f"{base}/dags/{dag}/runs/{quote(run)}" if base else "")


def _name(ti: Any) -> str:
    """`shard.notify (alice-porch)`."""
    shard = getattr(ti.task, "shard", None)
    return f"{ti.task_id} ({shard})" if shard else str(ti.task_id)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever goes wrong is logged and goes no further."""
    try:
        yield
    except Exception:  # in a callback of Airflow nobody would catch it; the trouble itself is in Airflow all the same
        log.exception("the operator could not be told of %s", what)
