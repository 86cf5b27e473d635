"""How errors of Nightjar end a task: what a person has to change is not retried, everything else is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException
from kubernetes.client import models as k8s

from nightjar.errors import InputError, UsageError

P = ParamSpec("P")
T = TypeVar("T")

FINAL_EXIT_CODES = frozenset({UsageError.exit_code, InputError.exit_code})
_DEADLINE = "DeadlineExceeded"  # of a pod that reached its activeDeadlineSeconds


class StageFailedError(AirflowException):
    """A stage did not come to a good end; trying again may help."""


@dataclass(frozen=True)
class Ended:
    """How a stage's process or container ended.

    `exit_code` is None when it went without one; `sentence` is what it said last, or why it was ended or never began.
    `late` is set when it was stopped at its time bound, whatever else it says.
    """

    exit_code: int | None
    sentence: str
    late: bool = False


def raise_for_end(stage: str, ended: Ended, *, was_late: bool) -> NoReturn:
    """Raise what a stage's end means to Airflow: AirflowFailException (no retry) or StageFailedError (retried).

    Exit codes 64 and 65 are not retried. A stage that was stopped at its time bound is tried once more, since its node
    may have been the reason; one that `was_late` before is not.
    """
    code = "no exit code" if ended.exit_code is None else f"exit code {ended.exit_code}"
    message = f"stage {stage} ended with {code}: {ended.sentence.strip() or 'it said nothing'}"
    if (ended.late and was_late) or (not ended.late and ended.exit_code in FINAL_EXIT_CODES):
        raise AirflowFailException(message)
    raise StageFailedError(message)


def end_of_pod(pod: k8s.V1Pod, container: str) -> Ended:
    """How a pod's container ended, or why it does not start, in one sentence."""
    states = [status.state for status in pod.status.container_statuses or [] if status.name == container]
    terminated = states[0].terminated if states and states[0] else None
    waiting = states[0].waiting if states and states[0] else None
    # A pod has a reason of its own when it was evicted or reached its deadline.
    reasons = [pod.status.reason, pod.status.message]
    if terminated:
        reasons.append(_last_line(terminated.message or "") or terminated.reason)
    elif waiting:
        reasons += [waiting.reason, waiting.message]
    sentence = " ".join(filter(None, reasons))
    return Ended(terminated.exit_code if terminated else None, sentence, late=pod.status.reason == _DEADLINE)


def final_for_people(task: Callable[P, T]) -> Callable[P, T]:
    """A task whose UsageError and InputError fail it at once; TryAgainError and bugs leave it to its retries."""

    @wraps(task)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return task(*args, **kwargs)
        except (UsageError, InputError) as error:
            raise AirflowFailException(str(error)) from error

    return run


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
