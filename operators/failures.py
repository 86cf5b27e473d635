"""How errors of Nightjar end a task: what a person has to change is not retried, everything else is."""

from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from nightjar.errors import InputError, UsageError

P = ParamSpec("P")
T = TypeVar("T")

FINAL_EXIT_CODES = frozenset({UsageError.exit_code, InputError.exit_code})


class StageFailedError(AirflowException):
    """A stage did not come to a good end; trying again may help."""


def raise_for_exit(stage: str, exit_code: int | None, sentence: str) -> NoReturn:
    """Raise what a stage's end means to Airflow: AirflowFailException (no retry) for 64 and 65, else retried.

    `exit_code` is None when the process or pod went without one; `sentence` is what it said last.
    """
    code = "no exit code" if exit_code is None else f"exit code {exit_code}"
    message = f"stage {stage} ended with {code}: {sentence.strip() or 'it said nothing'}"
    if exit_code in FINAL_EXIT_CODES:
        raise AirflowFailException(message)
    raise StageFailedError(message)


def final_for_people(task: Callable[P, T]) -> Callable[P, T]:
    """A task whose UsageError and InputError fail it at once; TryAgainError and bugs leave it to its retries."""

    @wraps(task)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return task(*args, **kwargs)
        except (UsageError, InputError) as error:
            raise AirflowFailException(str(error)) from error

    return run
