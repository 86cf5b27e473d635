"""The progress of a run, from its task instances, as a person wants to read it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

Task = Mapping[str, Any]
DONE = frozenset({"success", "skipped"})
NEVER_RAN = "upstream_failed"


def stage_of(task: Task) -> str:
    """`shard.detect` is stage `detect`."""
    return str(task["task_id"]).rsplit(".", 1)[-1]


def describe(tasks: Sequence[Task]) -> dict[str, str]:
    """How far each stage is that has begun, in the order they began."""
    ran = [task for task in tasks if task["start_date"] and task["state"] != NEVER_RAN]
    begun = sorted(ran, key=lambda task: str(task["start_date"]))
    total = Counter(stage_of(task) for task in tasks if task["map_index"] >= 0 or task["start_date"])
    return {stage: _word(stage, begun, total[stage]) for stage in dict.fromkeys(map(stage_of, begun))}


def _word(stage: str, begun: Sequence[Task], total: int) -> str:
    states = [task["state"] for task in begun if stage_of(task) == stage]
    if failed := states.count("failed"):
        return f"{failed} of {total} FAILED" if total > 1 else "FAILED"
    if retried := states.count("up_for_retry"):
        return f"{retried} to be tried again"
    done = sum(state in DONE for state in states)
    if total > 1:
        return f"{done} of {total} done"
    return "done" if done else "begins"


def failed(tasks: Iterable[Task]) -> list[Task]:
    """The tasks that failed themselves, not those that never ran because of it."""
    return [task for task in tasks if task["state"] == "failed"]


def wall_seconds(tasks: Iterable[Task]) -> dict[str, float]:
    """From the first start to the last end of each stage's tasks, in seconds, in the order they began."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    ended = [task for task in tasks if task["start_date"] and task["end_date"]]
    for task in sorted(ended, key=lambda task: str(task["start_date"])):
        start, end = _moment(task["start_date"]), _moment(task["end_date"])
        first, last = spans.get(stage_of(task), (start, end))
        spans[stage_of(task)] = (min(first, start), max(last, end))
    return {stage: round((end - start).total_seconds(), 1) for stage, (start, end) in spans.items()}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
