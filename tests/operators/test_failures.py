"""What an end means to Airflow: whether it is tried again, and what is said."""

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from nightjar.errors import InputError, NightjarError, TryAgainError, UsageError
from operators.cool_off import CoolOffOperator
from operators.failures import Ended, StageFailedError, final_for_people, raise_for_end


@pytest.mark.parametrize("was_late", [False, True])
@pytest.mark.parametrize(
    ("code", "sentence", "kind", "says"),
    [
        (64, "no bucket", AirflowFailException, "stage detect ended with exit code 64: no bucket"),
        (65, " no shard \n", AirflowFailException, "stage detect ended with exit code 65: no shard"),
        (75, "S3 is away", StageFailedError, "stage detect ended with exit code 75: S3 is away"),
        (1, "bug", StageFailedError, "stage detect ended with exit code 1: bug"),
        (137, "", StageFailedError, "stage detect ended with exit code 137: it said nothing"),
        (None, "evicted", StageFailedError, "stage detect ended with no exit code: evicted"),
    ],
)
def test_ends(code: int | None, sentence: str, kind: type[AirflowException], says: str, was_late: bool) -> None:
    with pytest.raises(AirflowException) as raised:
        raise_for_end("detect", Ended(code, sentence), was_late=was_late)
    assert (type(raised.value), str(raised.value)) == (kind, says)


@pytest.mark.parametrize("code", [None, 0, 64, 75, 137])
@pytest.mark.parametrize(("was_late", "kind"), [(False, StageFailedError), (True, AirflowFailException)])
def test_an_end_at_the_time_bound_is_tried_once_more(
    code: int | None, was_late: bool, kind: type[AirflowException]
) -> None:
    with pytest.raises(AirflowException) as raised:
        raise_for_end("detect", Ended(code, "DeadlineExceeded", late=True), was_late=was_late)
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UsageError("x"), AirflowFailException),
        (InputError("x"), AirflowFailException),
        (TryAgainError("x"), TryAgainError),
        (NightjarError("x"), NightjarError),
        (ZeroDivisionError("x"), ZeroDivisionError),
    ],
)
def test_tasks(error: Exception, kind: type[Exception]) -> None:
    @final_for_people
    def task() -> None:
        raise error

    with pytest.raises(kind, match="x") as raised:
        task()
    assert type(raised.value) is kind


def test_cool_off_always_fails_and_may_be_tried_again() -> None:
    task = CoolOffOperator(task_id="cool_off", seconds=60)
    with pytest.raises(AirflowException, match="a task above failed") as raised:
        task.execute({})
    assert not isinstance(raised.value, AirflowFailException)
