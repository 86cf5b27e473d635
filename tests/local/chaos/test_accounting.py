"""The account holds only if every object has its end, every event its alert, and nothing is left over."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from nightjar.domain.batch import BatchLine, Outcome, ReceivedVersion
from nightjar.domain.manifest import Counts
from nightjar_local.chaos.accounting import AlertOfEvent, LiveRun, Remains, problems, repeated
from nightjar_local.chaos.mail import Message, delivered, spoilt
from nightjar_local.chaos.plan import MailSpoil
from nightjar_local.chaos.rounds import Round, as_account, seed_and_minutes
from nightjar_local.processes import LocalError
from nightjar_local.sendgrid_double import Received, Reply
from nightjar_local.status import Status

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def line(name: str, version: str = "1") -> BatchLine:
    source = ReceivedVersion(key=f"incoming/{name}", version_id=version, size=1, received_at=NOW)
    return BatchLine(source=source, outcome=Outcome.FILED, footage_key="f", footage_version="1", sha256="0")


def live_run(*lines: BatchLine, state: str = "success", **outcomes: int) -> LiveRun:
    outcomes = outcomes or {"detected": len(lines)}
    return LiveRun("batch", state, lines, Counts(received=sum(outcomes.values()), outcomes=outcomes))


GOOD = Remains(
    uploads={"incoming/a": 1, "incoming/b": 2},
    runs=[live_run(line("a"), line("b")), live_run(line("b", "2"))],
    alerts=[AlertOfEvent("e", "sent"), AlertOfEvent("f", "sent")],
    messages=[Message("e", False), Message("f", False), Message("e", True)],
)


def test_a_good_account_holds() -> None:
    assert problems(GOOD) == []
    assert GOOD.ends == {"detected": 3}
    assert repeated(GOOD) == 1
    assert problems(Remains({}, [], [], [])) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"uploads": {"incoming/a": 1, "incoming/b": 2, "incoming/c": 1}}, "incoming/c has no end"),
        ({"uploads": {"incoming/a": 1, "incoming/b": 1}}, "incoming/b has 2 ends and was sent 1 times"),
        ({"uploads": {"incoming/b": 2}}, "incoming/a has an end and was never sent"),
        ({"runs": [*GOOD.runs, live_run(line("a"))]}, "incoming/a (version 1) is in 2 batches"),
        (
            {"runs": [live_run(line("a"), line("b"), state="failed")]},
            "live run batch ended as failed",
        ),
        ({"runs": [LiveRun("batch", "success", [line("a"), line("b")], None)]}, "live run batch has no account"),
        (
            {"runs": [live_run(line("a"), line("b"), detected=1)]},
            "live run batch has 2 objects and accounts for 1",
        ),
        ({"runs": [live_run(line("a"), line("b"), detected=1, failed=1)]}, "live run batch: 1 pictures failed"),
        (
            {"messages": [Message("e", False), Message("e", False), Message("e", True)]},
            "event e was told of 3 times, 1 of the repetitions without a mark",
        ),
        ({"alerts": [AlertOfEvent("e", None)]}, "event e was not alerted: the ledger says nothing"),
        ({"alerts": [AlertOfEvent("e", "claimed")]}, "event e was not alerted: the ledger says claimed"),
        ({"waiting": ["incoming/c"]}, "incoming/c waits to be collected"),
        ({"unhealthy": ["scheduler: given up"]}, "not healthy: scheduler: given up"),
    ],
)
def test_each_thing_that_does_not_hold_is_a_problem(change: dict[str, Any], problem: str) -> None:
    assert problems(replace(GOOD, **change)) == [problem]


def test_a_message_counts_when_the_api_took_it_also_if_nobody_learnt_that() -> None:
    def sent(event: str, subject: str) -> Received:
        return Received("/v3/mail/send", "", {"headers": {"X-Nightjar-Event": event}, "subject": subject})

    exchanges = [
        (sent("a", "person"), Reply(500)),
        (sent("a", "person"), Reply(hang_up=True)),
        (sent("a", "[possibly repeated] person"), Reply(429)),
        (sent("a", "[possibly repeated] person"), Reply(202)),
    ]
    assert delivered(exchanges) == [Message("a", False), Message("a", True)]
    assert spoilt(exchanges) == {MailSpoil.ERROR_500: 1, MailSpoil.LOST_ANSWER: 1, MailSpoil.BUSY: 1}


def test_the_account_says_what_was_done_and_whether_it_holds() -> None:
    result = Round(7, 90)
    result.done.update({"scheduler killed": 2})
    result.missed.update({"stage frozen": 1})
    assert "does not hold:\n  the round was not finished" in as_account(result)
    result.remains, result.restarts = (
        GOOD,
        [Status("scheduler", "running", "", 2, ""), Status("x", "running", "", 0, "")],
    )
    said = as_account(result)
    for words in ("7, 90 s of faults", "scheduler killed", "stage frozen 1", "scheduler 2", "detected 3", "sent 2"):
        assert words in said
    assert said.endswith("The account holds.")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"SEED": "7", "MINUTES": "0.5"}, (7, 0.5)),
        ({"SEED": "-1", "MINUTES": ""}, (-1, 5.0)),
        ({"SEED": "0"}, (0, 5.0)),
    ],
)
def test_seed_and_minutes(environment: dict[str, str], expected: tuple[int, float]) -> None:
    assert seed_and_minutes(environment) == expected


@pytest.mark.parametrize(
    "environment",
    [{"SEED": "x"}, {"SEED": "1.5"}, {"MINUTES": "x"}, {"MINUTES": "0"}, {"MINUTES": "31"}, {"MINUTES": "nan"}],
)
def test_bad_seeds_and_minutes_are_refused(environment: dict[str, str]) -> None:
    with pytest.raises(LocalError, match=r"expected (SEED|MINUTES)"):
        seed_and_minutes(environment)
