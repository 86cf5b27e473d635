"""The troubles of the deployment: which are one, how bad each is, and what it says."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nightjar.domain.operator_signs import DayRefusals
from nightjar.domain.operator_troubles import (
    DagRun,
    OperatorKind,
    alerts_refused,
    are_many,
    is_silent,
    many_refusals,
    rules_wrong,
    run_failed,
    run_late,
    watch_silent,
)
from nightjar.domain.severity import Severity
from nightjar.domain.troubles import OPERATOR, Trouble

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BATCH = "20261120T115500Z-0123456789ab"
LINK = "https://airflow.example.com/dags/nightjar_live/runs/1"


def live(run: str = BATCH) -> DagRun:
    return DagRun("nightjar_live", run, LINK)


EVERY = [
    (run_failed(live(), "shard.detect: no model", NOON), Severity.WARNING),
    (run_failed(DagRun("nightjar_watch", "w"), "collect: no bucket", NOON), Severity.CRITICAL),
    (run_failed(DagRun("nightjar_history", "scheduled__2026-11-20"), "select: x", NOON), Severity.WARNING),
    (run_failed(DagRun("nightjar_report", "r"), "report: x", NOON), Severity.WARNING),
    (run_failed(DagRun("nightjar_patrol", "p"), "survey: x", NOON), Severity.WARNING),
    (run_late(live(), NOON - 15 * MINUTE, 15 * MINUTE, NOON), Severity.WARNING),
    (watch_silent(NOON - 7 * MINUTE, NOON), Severity.CRITICAL),
    (alerts_refused(live(), "403: The from address does not match", NOON), Severity.CRITICAL),
    (rules_wrong(live(), "config/rules.yaml line 3: expected …", NOON), Severity.WARNING),
    (many_refusals(date(2026, 11, 20), 60, 100, {"grey": 50, "void": 10}, NOON), Severity.WARNING),
]


@pytest.mark.parametrize(("trouble", "severity"), EVERY, ids=lambda each: getattr(each, "kind", None))
def test_each_says_what_happened_its_effect_and_what_to_do(trouble: Trouble, severity: Severity) -> None:
    assert (trouble.about, trouble.severity, trouble.opened_at) == (OPERATOR, severity, NOON)
    assert OperatorKind.of(trouble.kind) is not None
    facts = trouble.facts
    assert all(text and text == " ".join(text.split()) for text in (facts.title, facts.text, facts.effect, facts.todo))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (live("a"), live("a"), True),
        (live("a"), live("b"), False),  # each has to be cleared
        (DagRun("nightjar_history", "a"), DagRun("nightjar_history", "b"), False),
        (DagRun("nightjar_watch", "a"), DagRun("nightjar_watch", "b"), True),  # the next one makes up for it
        (DagRun("nightjar_report", "a"), DagRun("nightjar_report", "b"), True),
        (DagRun("nightjar_patrol", "a"), DagRun("nightjar_patrol", "b"), True),
        (DagRun("nightjar_watch", "a"), DagRun("nightjar_report", "a"), False),
        (live("scheduled__2026-11-20T00:00:00+00:00"), live("scheduled__2026-11-20T00-00-00-00-00"), False),
    ],
)
@pytest.mark.parametrize("kind", [OperatorKind.RUN_FAILED, OperatorKind.RUN_LATE])
def test_which_runs_are_one_trouble(kind: OperatorKind, first: DagRun, second: DagRun, same: bool) -> None:
    assert (first.kind(kind) == second.kind(kind)) is same
    assert OperatorKind.of(first.kind(kind)) is kind


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("run-failed-nightjar_live-1", OperatorKind.RUN_FAILED),
        ("watch-silent", OperatorKind.WATCH_SILENT),
        ("watch-silently", None),
        ("of-a-later-release", None),
        ("", None),
    ],
)
def test_kinds(kind: str, expected: OperatorKind | None) -> None:
    assert OperatorKind.of(kind) is expected


def test_the_words_of_a_run() -> None:
    facts = run_failed(live(), "shard.notify (alice-porch):\n  403", NOON).facts
    assert (facts.title, facts.link) == ("A run of nightjar_live failed", LINK)
    assert facts.text == f"Run {BATCH}: shard.notify (alice-porch): 403"
    assert len(run_failed(live(), "x" * 10_000, NOON).facts.text) < 700


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (MINUTE, "1 minute ago"),
        (6 * MINUTE, "6 minutes ago"),
        (119 * MINUTE, "119 minutes ago"),
        (150 * MINUTE, "2 hours ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_since_when_the_watch_is_silent(ago: timedelta, words: str) -> None:
    trouble = watch_silent(NOON - ago, NOON)
    assert trouble.since == NOON - ago
    assert words in trouble.facts.text


@pytest.mark.parametrize(
    ("last", "deployed", "since"),
    [
        (None, None, None),  # nothing is deployed
        (None, NOON - 6 * MINUTE, NOON - 6 * MINUTE),  # it never looked
        (None, NOON - 5 * MINUTE, None),
        (NOON, NOON - 60 * MINUTE, None),
        (NOON - 5 * MINUTE, NOON - 60 * MINUTE, None),  # at the boundary
        (NOON - 5 * MINUTE - timedelta(seconds=1), None, NOON - 5 * MINUTE - timedelta(seconds=1)),
        (NOON + MINUTE, NOON - 60 * MINUTE, None),  # a clock ahead
    ],
)
def test_whether_the_watch_is_silent(last: datetime | None, deployed: datetime | None, since: datetime | None) -> None:
    assert is_silent(last, deployed, NOON, 5 * MINUTE) == since


@pytest.mark.parametrize(
    ("refused", "received", "many"),
    [(0, 0, False), (0, 100, False), (49, 50, False), (50, 200, True), (50, 201, False), (500, 600, True)],
)
def test_whether_refusals_are_many(refused: int, received: int, many: bool) -> None:
    assert are_many(refused, received, share=0.25, least=50) is many


def test_many_refusals_names_the_reasons_by_number() -> None:
    reasons = {"void": 5, "grey": 9, "corrupt": 5, "empty": 1}
    facts = many_refusals(date(2026, 11, 20), 20, 30, reasons, NOON).facts
    assert facts.text == "20 of 30 pictures of 2026-11-20 (UTC) were refused: 9 grey, 5 corrupt, 5 void."


def test_a_day_counts_each_run_once() -> None:
    day = DayRefusals(day=date(2026, 11, 20)).with_run("a", 10, {"grey": 2}).with_run("b", 5, {"grey": 1, "void": 1})
    assert (day.received, day.refused, day.reasons) == (15, 4, {"grey": 3, "void": 1})
    assert day.with_run("a", 10, {"grey": 2}) == day
    for number in range(300):
        day = day.with_run(str(number), 1, {})
    assert (day.received, len(day.counted)) == (315, 200)
