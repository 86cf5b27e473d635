"""`nightjar backfill`: which days run, which are skipped and named, and what Airflow is told."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from nightjar.cli.backfill import (
    Asked,
    LockedError,
    call_airflow,
    carry_out,
    days_between,
    described,
    patient,
    plan_for,
    states_of_days,
)
from nightjar.cli.main import main
from nightjar.errors import TryAgainError, UsageError

TODAY = date(2026, 11, 26)


def day(number: int) -> date:
    return date(2026, 11, number)


def days(*numbers: int) -> list[date]:
    return [day(number) for number in numbers]


class Airflow:
    """Knows the runs of some days by state, and remembers what it was told."""

    def __init__(self, states: Mapping[int, str]) -> None:
        self.states, self.told = states, list[str]()

    def __call__(self, arguments: Sequence[str]) -> str:
        self.told.append(" ".join(arguments))
        runs = [
            {"logical_date": f"{day(n)}T00:00:00+00:00", "run_after": f"{day(n)}T24", "state": state}
            for n, state in self.states.items()
        ]
        return f"2026-11-26 [warning] no graphviz\n[py.warnings] x\n{json.dumps(runs)}\n\n"


CLEAR = "tasks clear nightjar_history -s {} -e {} --yes"
CREATE = (
    "backfill create --dag-id nightjar_history --from-date {} --to-date {} --reprocess-behavior none "
    "--max-active-runs 2"
)


@pytest.mark.parametrize(
    ("states", "redo", "said", "told"),
    [
        ({}, False, ["3 days get a run: 2026-11-20, 2026-11-21, 2026-11-22"], [CREATE.format(day(20), day(22))]),
        (
            {20: "success", 22: "failed"},
            False,
            [
                "1 day gets a run: 2026-11-21",
                "2 days are skipped, having run already: 2026-11-20 (success), 2026-11-22 (failed)",
                "To run them again: nightjar backfill --from 2026-11-20 --to 2026-11-22 --redo; or clear a day's run "
                "in the UI.",
            ],
            [CREATE.format(day(21), day(21))],
        ),
        (
            {20: "success", 22: "failed"},
            True,
            ["1 day gets a run: 2026-11-21", "2 days run again: 2026-11-20 (success), 2026-11-22 (failed)"],
            [CLEAR.format(day(20), day(20)), CLEAR.format(day(22), day(22)), CREATE.format(day(21), day(21))],
        ),
        (
            {20: "success", 21: "success", 22: "running"},
            True,
            ["1 day is left alone, being under way: 2026-11-22", "2 days run again: 2026-11-20 (success), 2026-11-21 "
             "(success)"],
            [CLEAR.format(day(20), day(21))],
        ),
        ({20: "queued", 21: "running", 22: "queued"}, True, ["3 days are left alone, being under way: 2026-11-20, "
         "2026-11-21, 2026-11-22"], []),
        ({19: "success", 23: "failed"}, False, ["3 days get a run: 2026-11-20, 2026-11-21, 2026-11-22"],
         [CREATE.format(day(20), day(22))]),
    ],
)  # fmt: skip
def test_each_day_is_told(states: Mapping[int, str], redo: bool, said: list[str], told: list[str]) -> None:
    airflow = Airflow(states)
    wanted = days(20, 21, 22)
    plan = plan_for(wanted, states_of_days(airflow, wanted))
    assert list(described(plan, redo=redo)) == said
    [listed] = airflow.told
    assert listed == "dags list-runs nightjar_history -s 2026-11-20 -e 2026-11-22T23:59:59 -o json"
    airflow.told.clear()
    carry_out(airflow, plan, Asked(redo), at_once=2)
    assert airflow.told == told


@pytest.mark.parametrize("said", ["", "no such dag", "[warning] x"])
def test_an_airflow_that_lists_nothing_readable_is_told(said: str) -> None:
    with pytest.raises(TryAgainError, match="expected a list of runs from airflow"):
        states_of_days(lambda _: said, days(20))


@pytest.mark.parametrize("logical_date", [None, "2026-11-20T12:30:00+00:00"])
def test_a_run_by_hand_is_not_that_of_the_day_of_its_logical_date(logical_date: str | None) -> None:
    said = json.dumps([{"logical_date": logical_date, "run_after": "x", "state": "success"}])
    assert states_of_days(lambda _: said, days(20)) == {}


TRIGGER = """dags trigger nightjar_history --logical-date {} --conf {{"look": "everything"}}"""


@pytest.mark.parametrize(
    ("states", "redo", "told"),
    [
        ({}, False, [CREATE.format(day(20), day(22))[: -len("--max-active-runs 2")] + '--dag-run-conf {"look": '
         '"everything"} --max-active-runs 2']),
        ({20: "success", 21: "success", 22: "success"}, False, []),
        (
            {20: "success", 21: "running", 22: "failed"},
            True,
            [TRIGGER.format("2026-11-21T13:05:07+00:00"), TRIGGER.format("2026-11-23T13:05:07+00:00")],
        ),
    ],
)  # fmt: skip
def test_runs_that_look_at_everything_are_new_ones(states: Mapping[int, str], redo: bool, told: list[str]) -> None:
    airflow = Airflow(states)
    plan = plan_for(days(20, 21, 22), states_of_days(airflow, days(20, 21, 22)))
    airflow.told.clear()
    carry_out(airflow, plan, Asked(redo, datetime(2026, 11, 26, 13, 5, 7, 9, UTC)), at_once=2)
    assert airflow.told == told


def test_at_midnight_a_run_by_hand_is_still_told_from_that_of_the_day() -> None:
    airflow = Airflow({20: "success"})
    plan = plan_for(days(20), states_of_days(airflow, days(20)))
    airflow.told.clear()
    carry_out(airflow, plan, Asked(True, datetime(2026, 11, 26, tzinfo=UTC)), at_once=2)
    assert airflow.told == [TRIGGER.format("2026-11-21T00:00:01+00:00")]


@pytest.mark.parametrize(
    ("first", "last", "number"),
    [(day(20), day(20), 1), (day(20), day(25), 6), (date(2026, 2, 28), date(2026, 3, 1), 2)],
)
def test_days(first: date, last: date, number: int) -> None:
    found = days_between(first, last, TODAY)
    assert (found[0], found[-1], len(found)) == (first, last, number)


@pytest.mark.parametrize(
    ("first", "last"), [(day(21), day(20)), (day(20), day(26)), (day(27), day(28)), (date(1, 1, 1), day(20))]
)
def test_days_that_cannot_be(first: date, last: date) -> None:
    with pytest.raises(UsageError, match="expected"):
        days_between(first, last, TODAY)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "yesterday", "--to", "2026-11-20"], "expected a UTC day like 2026-11-20, got 'yesterday'"),
        (["--from", "2020-11-20"], "--to"),
        (["--from", "2020-11-20", "--to", "2020-11-20", "--max-active-runs", "0"], "at least 1, got 0"),
        (["--from", "2020-11-20", "--to", "2020-11-20"], "expected the command airflow on the PATH"),
    ],
)
def test_the_command(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["backfill", *arguments]) == 64
    assert said in capsys.readouterr().err


def test_a_failure_says_what_airflow_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "airflow"
    program.write_text("#!/bin/sh\necho no database >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert main(["backfill", "--from", "2020-11-20", "--to", "2020-11-20"]) == 64
    assert "airflow dags list-runs ended with exit code 3:\nno database" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        (
            "sqlite3.OperationalError: (sqlite3.OperationalError) database is locked",
            LockedError,
            "airflow backfill create: its database was locked by other work",
        ),
        (
            "airflow.models.backfill.AlreadyRunningBackfill: Another backfill is running for Dag nightjar_history.",
            TryAgainError,
            "expected no other backfill of nightjar_history under way",
        ),
        ("KeyError: 1", UsageError, "airflow backfill create ended with exit code 1:\nKeyError: 1"),
    ],
)
def test_why_airflow_failed(
    said: str, error: type[Exception], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "airflow"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(error) as raised:
        call_airflow(["backfill", "create", "--dag-id", "nightjar_history"])
    assert type(raised.value) is error
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(
    ("locked", "pauses", "tries"), [(0, [], 1), (0, [0, 0], 1), (1, [0, 0], 2), (2, [0, 0], 3), (3, [0, 0], None)]
)
def test_a_locked_database_is_tried_again(locked: int, pauses: list[float], tries: int | None) -> None:
    told = list[str]()

    def airflow(arguments: Sequence[str]) -> str:
        told.append(" ".join(arguments))
        if len(told) <= locked:
            raise LockedError("locked")
        return "made"

    if tries is None:
        with pytest.raises(LockedError):
            patient(airflow, pauses)(["backfill", "create"])
        assert len(told) == len(pauses) + 1
    else:
        assert patient(airflow, pauses)(["backfill", "create"]) == "made"
        assert told == ["backfill create"] * tries


def test_another_failure_is_not_tried_again() -> None:
    told = list[str]()

    def airflow(arguments: Sequence[str]) -> str:
        told.append(" ".join(arguments))
        raise TryAgainError("another backfill is under way")

    with pytest.raises(TryAgainError, match="another backfill"):
        patient(airflow, [0, 0])(["backfill", "create"])
    assert told == ["backfill create"]


OF_CANDIDATE = """dags trigger nightjar_candidate --conf {{"detect_candidate": "oid", "day": "{}"}}"""


@pytest.mark.parametrize(
    ("states", "asked", "told"),
    [
        ({20: "success", 21: "failed", 22: "running"}, Asked(candidate="oid"), [OF_CANDIDATE.format(day(20)),
         OF_CANDIDATE.format(day(21))]),
        ({20: "success"}, Asked(candidate="oid"), [OF_CANDIDATE.format(day(20)), CREATE.format(day(21), day(22))
         [: -len("--max-active-runs 2")] + '--dag-run-conf {"detect_candidate": "oid"} --max-active-runs 2']),
        (
            {20: "success", 21: "queued", 22: "queued"},
            Asked(True, datetime(2026, 11, 26, 13, 5, 7, tzinfo=UTC), "oid"),
            ["dags trigger nightjar_history --logical-date 2026-11-21T13:05:07+00:00 --conf "
             '{"look": "everything", "detect_candidate": "oid"}'],
        ),
    ],
)  # fmt: skip
def test_a_candidate_looks_at_days_that_have_run_without_running_them_again(
    states: Mapping[int, str], asked: Asked, told: list[str]
) -> None:
    airflow = Airflow(states)
    plan = plan_for(days(20, 21, 22), states_of_days(airflow, days(20, 21, 22)))
    airflow.told.clear()
    carry_out(airflow, plan, asked, at_once=2)
    assert airflow.told == told
    said = list(described(plan, redo=asked.redo, candidate="oid"))
    assert any("looked at by oid alone" in line for line in said) is not asked.redo
