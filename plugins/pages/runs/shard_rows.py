"""The shards of a run as rows: Airflow's state of each stage beside its manifest, the failed and slow first. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from nightjar.domain.accounts import Account
from nightjar.domain.manifest import Counts
from nightjar.domain.stages import SHARD_STAGES
from nightjar.queries.run_account import Proof
from nightjar.queries.run_shards import ShardWork
from plugins.pages.runs.airflow_state import AirflowTask

GROUP = "shard."  # how the ids of the mapped tasks begin
FAILED = frozenset({"failed", "upstream_failed"})
_UNDER_WAY = frozenset(
    {"running", "queued", "scheduled", "deferred", "up_for_retry", "up_for_reschedule", "restarting"}
)
_SLOW_TIMES = 3.0  # a shard is slow if it took so many times as long as half of the others …
_SLOW_SECONDS = 10.0  # … and so many seconds longer


@dataclass(frozen=True)
class Shard:
    """A shard and its tasks by stage. `map_index` is None where Airflow does not tell which one is its."""

    name: str
    map_index: int | None = None
    tasks: Mapping[str, AirflowTask] = field(default_factory=dict)

    @property
    def is_failed(self) -> bool:
        """Whether a task of it failed, or never ran because of that."""
        return any(task.state in FAILED for task in self.tasks.values())

    @property
    def is_under_way(self) -> bool:
        """Whether a task of it has still to end."""
        return any(task.state in _UNDER_WAY for task in self.tasks.values())

    def seconds(self, now: datetime) -> float:
        """How long its tasks took, together, by `now`."""
        return sum(task.seconds(now) or 0.0 for task in self.tasks.values())


@dataclass(frozen=True)
class Cell:
    """A stage of a shard: the task's state (or that of the manifest, where Airflow does not tell), and its seconds."""

    stage: str
    state: str
    seconds: float | None
    tries: int
    proof: Proof | None


@dataclass(frozen=True)
class Row:
    """A shard of the table. `why` says what went wrong, as far as that was recorded, `slow` how much longer it took."""

    shard: Shard
    cells: tuple[Cell, ...]
    counts: Counts | None
    seconds: float
    why: str
    slow: str
    notes: tuple[str, ...]

    @property
    def failed(self) -> Cell | None:
        """The stage that failed by itself, if one did and its task is known."""
        failed = (cell for cell in self.cells if cell.state == "failed" and self.shard.map_index is not None)
        return next(failed, None)


def shards_of(tasks: Iterable[AirflowTask], planned: Sequence[str], stored: Sequence[str]) -> list[Shard]:
    """The shards of a run, by map index: those of the plan, or those that the bucket has.

    A task's label names its shard where the plan is not known any more.
    """
    by_index: dict[int, dict[str, AirflowTask]] = defaultdict(dict)
    for task in tasks:
        if task.map_index >= 0 and task.task_id.startswith(GROUP):
            by_index[task.map_index][task.task_id.removeprefix(GROUP)] = task
    if planned:
        return [Shard(name, index, by_index.get(index, {})) for index, name in enumerate(planned)]
    labels = {task.label: index for index, own in by_index.items() for task in own.values() if task.label}
    return [Shard(name, labels.get(name), by_index.get(labels.get(name, -1), {})) for name in stored]


def index_of(shards: Iterable[Shard], camera: str) -> int:
    """The map index of the (first) shard of a camera; -1 where none is known, as in a pack of several cameras."""
    own = (each.map_index for each in shards if each.name == camera or each.name.startswith(f"{camera}."))
    return next((index for index in own if index is not None), -1)


def slow_shards(shards: Sequence[Shard], now: datetime) -> dict[str, str]:
    """The shards that took far longer than half of them, each with the words for it; of three shards at the least."""
    took = {shard.name: shard.seconds(now) for shard in shards}
    if len(took) < 3:
        return {}
    middle = median(took.values())
    return {
        name: f"{seconds / middle:.1f} times as long as half of the shards" if middle else "longer than the others"
        for name, seconds in took.items()
        if seconds > _SLOW_TIMES * middle and seconds > middle + _SLOW_SECONDS
    }


def in_order_of_trouble(shards: Sequence[Shard], slow: Mapping[str, str], account: Account | None) -> list[Shard]:
    """Those that failed first, then the slow ones, those under way, and the others; each by map index."""
    failures = account.failures if account else {}

    def rank(shard: Shard) -> int:
        if shard.is_failed or shard.name in failures:
            return 0
        return 1 if shard.name in slow else 2 if shard.is_under_way else 3

    return sorted(shards, key=rank)


def row_of(
    shard: Shard, work: ShardWork, account: Account | None, slow: Mapping[str, str], trouble: str, now: datetime
) -> Row:
    """The row of a shard. `trouble` is the sentence about one failed task of the run, which may be this shard's."""
    why = account.failures.get(shard.name, "") if account else ""
    if f"({shard.name}): " in trouble:
        why = trouble
    return Row(
        shard=shard,
        cells=tuple(_cell(stage, shard.tasks.get(stage), work.proofs.get(stage), now) for stage in SHARD_STAGES),
        counts=account.shards.get(shard.name) if account else None,
        seconds=shard.seconds(now) or work.seconds,
        why=why,
        slow=slow.get(shard.name, ""),
        notes=(*work.problems, *work.warnings),
    )


def _cell(stage: str, task: AirflowTask | None, proof: Proof | None, now: datetime) -> Cell:
    seconds = task.seconds(now) if task else None
    if seconds is None and proof:
        seconds = proof.manifest.seconds
    state = task.state if task else ("success" if proof and proof.is_current else "")
    return Cell(stage, state, seconds, task.try_number if task else 0, proof)
