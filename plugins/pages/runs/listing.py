"""The newest runs of all DAGs, each with its state and what it counted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.accounts import Account
from nightjar.domain.manifest import Counts
from nightjar.errors import InputError
from nightjar.queries.run_account import folder_name
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import CANDIDATE, GATHER, HISTORY, LIVE, PATROL, REPORT, WATCH, Runs, run_prefix
from plugins.pages.runs.airflow_state import AirflowRun, AirflowState

RUNS_A_PAGE = 30
_READERS = 16
# The stage whose manifest counts what a run did; live and history have an account.
_COUNTED_BY = {WATCH: "collect", REPORT: "report", PATROL: "survey", CANDIDATE: GATHER}


@dataclass(frozen=True)
class ListedRun:
    """A run and its counts in words; `failed` and `refused` are pictures. None of it where nothing was counted yet."""

    run: AirflowRun
    seconds: float | None
    counts: str
    refused: int = 0
    failed: int = 0


def newest_runs(
    store: ObjectStore, airflow: AirflowState, dag_ids: Collection[str], before: datetime | None, now: datetime
) -> list[ListedRun]:
    """The runs of these DAGs, newest first, RUNS_A_PAGE at most; raises NotAnsweringError."""
    runs = airflow.newest(dag_ids, RUNS_A_PAGE, before)
    return list(in_parallel(lambda run: _listed(store, run, now), runs, _READERS))


def _listed(store: ObjectStore, run: AirflowRun, now: datetime) -> ListedRun:
    began = run.started_at or run.queued_at
    seconds = ((run.ended_at or now) - began).total_seconds() if began else None
    try:
        counts = _counts(store, run)
    except InputError:
        return ListedRun(run, seconds, "its counts cannot be read")
    if counts is None:
        return ListedRun(run, seconds, "")
    return ListedRun(run, seconds, _words(run.dag_id, counts), counts.total("quarantined"), counts.total("failed"))


def _counts(store: ObjectStore, run: AirflowRun) -> Counts | None:
    name = folder_name(run.dag_id, run.run_id, run.batch_id, run.day)
    if name is None:
        return None
    folder = Runs(store).at(run_prefix(run.dag_id, name))
    if run.dag_id in (LIVE, HISTORY):
        account: Account | None = folder.account() if folder.has_account() else None
        return account.counts if account else None
    stage = _COUNTED_BY[run.dag_id]
    return folder.manifest(stage)[0].counts if folder.has_manifest(stage) else None


def _words(dag_id: str, counts: Counts) -> str:
    if dag_id in (LIVE, HISTORY):
        return f"{counts.received:,} pictures, {counts.total('detected'):,} detected"
    if dag_id == WATCH:
        return f"{counts.received:,} objects, {counts.total('filed'):,} filed"
    if dag_id == REPORT:
        made = counts.total("reported")
        return f"{made:,} {'page' if made == 1 else 'pages'}"
    return f"{counts.total('counted'):,} cameras counted, {counts.details.get('troubles_opened', 0):,} troubles opened"
