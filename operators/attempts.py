"""Attempts of a task: which of them belong together, and what they leave for each other."""

from typing import Any

from airflow.sdk import Context
from pydantic import BaseModel

_KEY = "nightjar"  # of the task's state, which Airflow keeps over its tries


class Notes(BaseModel):
    """What the tries of one start leave for those that follow.

    `pods` is how many pods have been judged, so that the next one has another name; `waited` is how many seconds pods
    took to start in vain; `memory` is what the next pod gets in place of the stage's; `late` says that a try was
    stopped at its time bound.
    """

    start: int
    pods: int = 0
    waited: float = 0.0
    memory: str | None = None
    late: bool = False


def first_attempt(ti: Any) -> int:
    """The number of the attempt with which the task's current start began.

    It is the same for all retries of one start, and grows when the task is cleared.
    """
    return int(ti.max_tries) - int(ti.task.retries or 0) + 1


def notes_of(context: Context) -> Notes:
    """The notes of the task's current start; new ones when it has just been started or cleared."""
    start = first_attempt(context["ti"])
    stored = context["task_state_store"].get(_KEY)
    if isinstance(stored, dict) and stored.get("start") == start:
        return Notes.model_validate(stored)
    return Notes(start=start)


def keep(context: Context, notes: Notes) -> None:
    """Keep `notes` for the tries that follow."""
    context["task_state_store"].set(_KEY, notes.model_dump(mode="json"))
