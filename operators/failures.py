"""How errors of Nightjar end a task: what a person has to change is not retried, everything else is."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from nightjar.errors import InputError, NightjarError, UsageError

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

FINAL_EXIT_CODES = frozenset({UsageError.exit_code, InputError.exit_code})


class StageFailedError(AirflowException):
    """A stage did not come to a good end; trying again may help. `exit_code` is the stage's, if it ended with one."""

    exit_code: int | None = None


class StageRefusedError(AirflowFailException):
    """A stage did not come to a good end, and trying again does not help. `exit_code` is the stage's."""

    exit_code: int | None = None


@dataclass(frozen=True)
class Ended:
    """How a stage's process or container ended.

    `exit_code` is None when it went without one; `sentence` is what it said last, or why it was ended or never began.
    `late` is set when it was stopped at its time bound, `out_of_memory` when the kernel killed it for its memory,
    whatever else it says.
    """

    exit_code: int | None
    sentence: str
    late: bool = False
    out_of_memory: bool = False


def raise_for_end(stage: str, ended: Ended, *, was_late: bool) -> NoReturn:
    """Raise what a stage's end means to Airflow: StageRefusedError (no retry) or StageFailedError (retried).

    Exit codes 64 and 65 are not retried. A stage that was stopped at its time bound is tried once more, since its node
    may have been the reason; one that `was_late` before is not.
    """
    code = "no exit code" if ended.exit_code is None else f"exit code {ended.exit_code}"
    message = f"stage {stage} ended with {code}: {ended.sentence.strip() or 'it said nothing'}"
    final = (ended.late and was_late) or (not ended.late and ended.exit_code in FINAL_EXIT_CODES)
    error = StageRefusedError(message) if final else StageFailedError(message)
    error.exit_code = ended.exit_code
    raise error from None


def exit_code_of(error: object) -> int | None:
    """The exit code of the stage that `error` is about; None when it is about none."""
    return error.exit_code if isinstance(error, (StageFailedError, StageRefusedError)) else None


def final_for_people(task: Callable[P, T]) -> Callable[P, T]:
    """A task whose UsageError and InputError fail it at once; TryAgainError and bugs leave it to its retries."""

    @wraps(task)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return task(*args, **kwargs)
        except (UsageError, InputError) as error:
            raise AirflowFailException(str(error)) from None  # its traceback would stand above ours and say no more

    return run


def say_why(context: Mapping[str, Any]) -> None:
    """Log once more, as the last line of a task that failed, the sentence that says why.

    Airflow logs the error with its traceback, and then opens the group "Post Execute", which its UI folds; whoever
    scrolls to the end of the log would see neither. So the group is closed first.
    """
    if error := context.get("exception"):
        log.info("::endgroup::")
        log.error("%s", sentence_of(error))


def sentence_of(error: object) -> str:
    """One line that says what went wrong; an error that is not ours and not Airflow's is named by its class as well."""
    text = " ".join(str(error).split())
    if isinstance(error, (NightjarError, AirflowException)) and text:
        return text
    return f"{type(error).__name__}: {text}" if isinstance(error, BaseException) else text
