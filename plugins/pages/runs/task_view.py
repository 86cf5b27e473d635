"""The page of a task instance, put together: what it worked on, what it left, and who was told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.events import Suppressed
from nightjar.queries.readable import lines_at
from nightjar.queries.run_account import Proof
from nightjar.queries.run_shards import Refusal, RunEvent, ShardWork, refusals, shard_events, shard_work
from nightjar.queries.run_told import ToldLines, told_lines
from nightjar.queries.shard_pictures import ShardPictures, shard_pictures
from nightjar.runtime.store import ObjectStore
from plugins.pages.runs.airflow_state import AirflowTask
from plugins.pages.runs.run_view import SeenRun
from plugins.pages.runs.shard_rows import FAILED, GROUP, Shard, slow_shards
from plugins.pages.runs.tasks import stage_of

PICTURES_A_PAGE = 24
_SUPPRESSED = "suppressed.jsonl"
_SENDING = ("notify", "tell")
_MOST_WHY = 20


@dataclass(frozen=True)
class TaskView:
    """Contents of the template. Parts that do not fit the task are empty or None.

    `held_back` are the objects of the shard that no rule calls unsafe: label, reason, and how many pictures.
    """

    seen: SeenRun
    task_id: str
    map_index: int
    stage: str | None = None
    task: AirflowTask | None = None
    shard: Shard | None = None
    proof: Proof | None = None
    slow: str = ""
    why: str = ""
    pictures: ShardPictures | None = None
    part: int = 1
    parts: int = 1
    refusals: tuple[Refusal, ...] = ()
    events: tuple[RunEvent, ...] | None = None
    told: ToldLines | None = None
    held_back: tuple[tuple[str, str, int], ...] = ()
    problems: tuple[str, ...] = ()


def task_view(store: ObjectStore, seen: SeenRun, task_id: str, map_index: int, part: int, now: datetime) -> TaskView:
    """The page of a task instance of a run that has a folder or not; `part` is that of its pictures, from 1 on."""
    stage, shard = stage_of(task_id), _shard(seen, task_id, map_index)
    task = next((each for each in seen.tasks if (each.task_id, each.map_index) == (task_id, map_index)), None)
    account = seen.account
    if account is None or not account.is_there:
        return TaskView(seen, task_id, map_index, stage, task, shard)
    problems = list(account.problems)
    run = account.run(store)
    work = shard_work(store, run, [shard.name], account.sha256)[0] if shard else ShardWork("", account.proofs)
    problems += work.problems
    proof = work.proofs.get(stage or task_id)
    objects = proof.manifest.objects if proof else ()
    pictures, parts = None, 1
    if shard and stage in ("validate", "detect", "assess"):
        pictures = shard_pictures(store, run, work, (part - 1) * PICTURES_A_PAGE, PICTURES_A_PAGE)
        parts = max(1, -(-pictures.total // PICTURES_A_PAGE))
        problems += pictures.problems
    events = None
    if stage in ("assess", "notify"):
        events = tuple(shard_events(store, run, [work], now, problems))
    return TaskView(
        seen=seen,
        task_id=task_id,
        map_index=map_index,
        stage=stage,
        task=task,
        shard=shard,
        proof=proof,
        slow=slow_shards(seen.shards, now).get(shard.name, "") if shard else "",
        why=_why(seen, task_id, shard, task),
        pictures=pictures,
        part=part,
        parts=parts,
        refusals=tuple(refusals(store, objects)) if stage in ("collect", "validate") else (),
        events=events,
        told=told_lines(store, run.name, objects, now, problems) if stage in _SENDING and proof else None,
        held_back=_held_back(store, run.stage_prefix("assess", shard.name), problems)
        if shard and stage == "assess"
        else (),
        problems=tuple(problems),
    )


def _shard(seen: SeenRun, task_id: str, map_index: int) -> Shard | None:
    if not task_id.startswith(GROUP):
        return None
    return next((shard for shard in seen.shards if shard.map_index == map_index), None)


def _why(seen: SeenRun, task_id: str, shard: Shard | None, task: AirflowTask | None) -> str:
    """Why the task failed, as the operator was told or the account says."""
    account = seen.account
    if account is None or task is None or task.state not in FAILED:
        return ""
    named = f"{task_id} ({shard.name})" if shard else task_id
    if account.trouble.startswith(f"{named}: "):
        return account.trouble.removeprefix(f"{named}: ")
    if task_id == "close_run" and account.ended:
        return "; ".join(account.ended.problems)
    if task_id == "rules_in_force" and account.release:
        return "; ".join(account.release.rules_problems)
    failures: Mapping[str, str] = account.account.failures if account.account else {}
    failure = failures.get(shard.name, "") if shard else ""
    return failure if failure.startswith(f"{stage_of(task_id)} ") else ""


def _held_back(store: ObjectStore, output: str, problems: list[str]) -> tuple[tuple[str, str, int], ...]:
    lines: Sequence[Suppressed] = lines_at(store, f"{output}{_SUPPRESSED}", Suppressed, problems)
    counts = Counter((each.label, str(each.reason)) for line in lines for each in line.objects)
    return tuple((label, reason, number) for (label, reason), number in counts.most_common(_MOST_WHY))
