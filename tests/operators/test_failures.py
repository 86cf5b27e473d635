"""Exit codes and Airflow: whether a task is tried again, and what its log says."""

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from nightjar.errors import InputError, NightjarError, TryAgainError, UsageError
from nightjar.runtime.rules import parse_rules
from operators.cool_off import CoolOffOperator
from operators.failures import (
    Ended,
    StageFailedError,
    StageRefusedError,
    final_for_people,
    raise_for_end,
    say_why,
    sentence_of,
)


@pytest.mark.parametrize("was_late", [False, True])
@pytest.mark.parametrize(
    ("code", "sentence", "kind", "says"),
    [
        (64, "no bucket", StageRefusedError, "stage detect ended with exit code 64: no bucket"),
        (65, " no shard \n", StageRefusedError, "stage detect ended with exit code 65: no shard"),
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
@pytest.mark.parametrize(("was_late", "kind"), [(False, StageFailedError), (True, StageRefusedError)])
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


def test_an_error_of_ours_has_one_traceback() -> None:
    @final_for_people
    def task() -> None:
        parse_rules(b"rules: 1")

    with pytest.raises(AirflowFailException) as raised:
        task()
    assert raised.value.__cause__ is None and raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UsageError("expected a tag, got 'x'"), "expected a tag, got 'x'"),
        (StageFailedError("stage detect ended with exit code 1: bug"), "stage detect ended with exit code 1: bug"),
        (UsageError("two\n  lines"), "two lines"),
        (AirflowException(), "AirflowException: "),
        (KeyError("x"), "KeyError: 'x'"),
        ("a task was killed", "a task was killed"),
    ],
)
def test_the_sentence_is_the_last_line(error: object, sentence: str, caplog: pytest.LogCaptureFixture) -> None:
    assert sentence_of(error) == sentence
    with caplog.at_level("INFO"):
        say_why({"exception": error})
    assert [record.message for record in caplog.records] == ["::endgroup::", sentence]
    assert caplog.records[-1].levelname == "ERROR"


def test_a_task_that_ended_without_an_error_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    say_why({})
    assert caplog.records == []


def test_cool_off_always_fails_and_may_be_tried_again() -> None:
    task = CoolOffOperator(task_id="cool_off", seconds=60)
    with pytest.raises(AirflowException, match="a task above failed") as raised:
        task.execute({})
    assert not isinstance(raised.value, AirflowFailException)
