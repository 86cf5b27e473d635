"""Attempts of a task: which of them belong together."""

from typing import Any


def first_attempt(ti: Any) -> int:
    """The number of the attempt with which the task's current start began.

    It is the same for all retries of one start, and grows when the task is cleared.
    """
    return int(ti.max_tries) - int(ti.task.retries or 0) + 1
