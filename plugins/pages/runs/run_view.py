"""The page of a run, put together: its folder beside Airflow's state."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import urlencode

from nightjar.domain.manifest import Counts
from nightjar.queries.run_account import OF_NIGHTJAR, RunAccount, folder_name, run_account
from nightjar.queries.run_shards import RunEvent, ShardWork, shard_events, shard_work
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import LIVE, WATCH
from plugins.pages.runs.airflow_state import AirflowRun, AirflowState, AirflowTask, NotAnsweringError
from plugins.pages.runs.shard_rows import GROUP, Row, Shard, in_order_of_trouble, row_of, shards_of, slow_shards

SHARDS_A_PAGE = 25


@dataclass(frozen=True)
class Figure:
    """A number, its caption, and the address (below the pages' own root) of what it counts."""

    value: int
    caption: str
    href: str = ""
    kind: str = ""


@dataclass(frozen=True)
class SeenRun:
    """A run as Airflow and its folder tell it. `account` is None for a run that has no folder.

    `notices` are pairs of a sentence and how bad that is.
    """

    dag_id: str
    run_id: str
    airflow: AirflowRun | None = None
    tasks: tuple[AirflowTask, ...] = ()
    account: RunAccount | None = None
    shards: tuple[Shard, ...] = ()
    notices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RunView:
    """Contents of the template. `rows` are those of the shards of this part of the list, of which there are `parts`."""

    seen: SeenRun
    figures: tuple[Figure, ...]
    rows: tuple[Row, ...] = ()
    part: int = 1
    parts: int = 1
    failed: int = 0
    slow: int = 0
    events: tuple[RunEvent, ...] = ()
    days: tuple[date, ...] = ()
    batch: str = ""
    problems: tuple[str, ...] = ()
    single: tuple[AirflowTask, ...] = field(default=())


def see_run(store: ObjectStore, airflow: AirflowState, dag_id: str, run_id: str) -> SeenRun:
    """The run, from both; raises KeyError for a DAG that is not Nightjar's."""
    if dag_id not in OF_NIGHTJAR:
        raise KeyError(dag_id)
    notices: list[tuple[str, str]] = []
    try:
        run = airflow.run(dag_id, run_id)
        tasks = tuple(airflow.tasks(dag_id, run_id)) if run else ()
        planned = airflow.shards(dag_id, run_id) if run else []
        if run is None:
            notices.append(("Airflow has no such run (any more): only what its folder keeps is shown.", "warn"))
    except NotAnsweringError:
        run, tasks, planned = None, (), []
        notices.append(("Airflow's database does not answer: the states of tasks are not shown.", "bad"))
    name = folder_name(dag_id, run_id, run.batch_id if run else "", run.day if run else None)
    account = run_account(store, dag_id, name) if name else None
    stored = account.run(store).shards() if account and account.is_there and not planned else []
    if account is not None and account.is_there:
        notices += _notices(account, run_id)
    return SeenRun(dag_id, run_id, run, tasks, account, tuple(shards_of(tasks, planned, stored)), tuple(notices))


def run_view(store: ObjectStore, seen: SeenRun, part: int, now: datetime) -> RunView:
    """The page of a run: the part of its shards with this number, from 1 on, and their events."""
    account = seen.account
    if account is None or not account.is_there:
        return RunView(seen, (), single=_single(seen.tasks))
    slow = slow_shards(seen.shards, now)
    ordered = in_order_of_trouble(seen.shards, slow, account.account)
    shown = ordered[(part - 1) * SHARDS_A_PAGE : part * SHARDS_A_PAGE]
    run, problems = account.run(store), list[str]()
    works = shard_work(store, run, [shard.name for shard in shown], account.sha256)
    # Release 0.1 judged and alerted the whole run at once.
    of_run = [ShardWork("", account.proofs)] if "assess" in account.proofs else []
    events = shard_events(store, run, [*works, *of_run], now, problems)
    failures = account.account.failures if account.account else {}
    rows = [
        row_of(shard, work, account.account, slow, account.trouble, now)
        for shard, work in zip(shown, works, strict=True)
    ]
    return RunView(
        seen=seen,
        figures=figures(account, len(seen.shards)),
        rows=tuple(rows),
        part=part,
        parts=max(1, -(-len(ordered) // SHARDS_A_PAGE)),
        failed=sum(shard.is_failed or shard.name in failures for shard in seen.shards),
        slow=len(slow),
        events=tuple(events),
        days=days_of(account),
        batch=batch_of(account),
        problems=(*account.problems, *problems),
        single=_single(seen.tasks),
    )


def figures(account: RunAccount, shards: int) -> tuple[Figure, ...]:
    """The numbers of a run, each with what it counts."""
    if account.account is not None:
        return _of_account(account.account.counts, account, shards)
    if account.footage is not None:
        return (*_of_footage(account), *([Figure(shards, "shards")] if shards else []))
    made = [
        Figure(number, caption)
        for stage, proof in account.proofs.items()
        for caption, number in _of_stage(stage, proof.manifest.counts)
    ]
    return tuple(made)


def days_of(account: RunAccount) -> tuple[date, ...]:
    """The days whose pages the run made, or has news for."""
    texts: list[object] = []
    for proof in account.proofs.values():
        result = proof.manifest.result
        for key in ("days", "reports"):
            listed = result.get(key)
            texts += listed if isinstance(listed, list) else []
    return tuple(sorted({day for text in texts if (day := _day_in(str(text)))}))


def batch_of(account: RunAccount) -> str:
    """The id of the batch that a run of the watch made; empty where there is none."""
    proof = account.proofs.get("collect") if account.dag == WATCH else None
    batch = proof.manifest.result.get("batch_id") if proof else None
    return folder_name(LIVE, batch) or "" if isinstance(batch, str) else ""


def quarantine_of(account: RunAccount) -> str:
    """Where the refusals of the day are on which the run began."""
    if account.began is None:
        return "quarantine/"
    day = account.began.date().isoformat()
    return "quarantine/?" + urlencode({"from": day, "to": day})


def _notices(account: RunAccount, run_id: str) -> list[tuple[str, str]]:
    notices: list[tuple[str, str]] = []
    if account.started and account.started.dag_run != run_id:
        other = account.started.dag_run
        notices.append((f"Another run, {other}, has taken up this folder since: what follows is of that run.", "warn"))
    if account.trouble:
        notices.append((account.trouble, "bad"))
    if account.ended:
        told = account.trouble or ""  # close_run's sentence names the problems already
        notices += [(problem, "bad") for problem in account.ended.problems if problem not in told]
    if account.release:
        notices += [(f"Newer rules are wrong: {each}", "warn") for each in account.release.rules_problems[:5]]
    return notices


def _single(tasks: Sequence[AirflowTask]) -> tuple[AirflowTask, ...]:
    mapped = {task.task_id for task in tasks if task.map_index >= 0}
    single = (task for task in tasks if task.task_id not in mapped and not task.task_id.startswith(GROUP))
    return tuple(sorted(single, key=lambda task: (task.started_at is None, task.started_at, task.task_id)))


def _of_account(counts: Counts, account: RunAccount, shards: int) -> tuple[Figure, ...]:
    refused, failed = counts.total("quarantined"), counts.total("failed")
    return (
        *_of_footage(account),
        Figure(counts.received, "pictures received"),
        Figure(counts.total("detected"), "detected", "#shards"),
        Figure(refused, "refused", quarantine_of(account) if refused else "", "warn" if refused else ""),
        Figure(counts.total("duplicate"), "duplicates"),
        Figure(failed, "failed", "#shards" if failed else "", "bad" if failed else ""),
        Figure(shards or len(account.account.shards if account.account else ()), "shards", "#shards"),
    )


def _of_footage(account: RunAccount) -> tuple[Figure, ...]:
    if account.footage is None:
        return ()
    return (Figure(sum(each.triggers for each in account.footage), "triggers", "#footage"),)


def _of_stage(stage: str, counts: Counts) -> list[tuple[str, int]]:
    if stage == "collect":
        return [
            ("objects taken up", counts.received),
            ("filed", counts.total("filed")),
            ("refused", counts.total("quarantined")),
            ("duplicates", counts.total("duplicate")),
        ]
    if stage == "report":
        return [("pages made", counts.total("reported"))]
    if stage == "survey":
        return [
            ("cameras counted", counts.total("counted")),
            ("cameras looked after", counts.total("checked")),
            ("troubles opened", counts.details.get("troubles_opened", 0)),
            ("troubles ended", counts.details.get("troubles_ended", 0)),
        ]
    return [("messages", counts.received)] if stage == "tell" else []


def _day_in(text: str) -> date | None:
    """2026-11-20 of `2026-11-20` and of `reports/2026/11/20/report.html`."""
    parts = text.split("/")[1:4] if "/" in text else text.split("-")
    try:
        year, month, day = map(int, parts)
        return date(year, month, day)
    except ValueError:
        return None
