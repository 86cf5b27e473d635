"""`nightjar simulate`: what its flags mean, and what it prints."""

import json

import pytest

from nightjar.cli.main import main

LITTLE = ["--pictures-per-camera-day", "6"]


@pytest.mark.parametrize("cameras", ["0", "1", "3"])
def test_the_plan_for_people(cameras: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--cameras", cameras, "--nodes", "1"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{cameras} cameras, {int(cameras) * 50:,} pictures a day")
    assert "It keeps up" in text
    assert "Saturated first" in text


def test_the_plan_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "simulate --cameras 300 --nodes 4 --deployments 3 --pictures-per-camera-day 10 --format json"
    assert main(arguments.split()) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["keeps_up"], plan["cameras"], plan["pictures"], plan["deployments"]) == (True, 300, 3000, 3)
    assert plan["total"]["dear"] == pytest.approx(sum(each["dear"] for each in plan["requests"].values()), abs=9)
    assert plan["latency_in_the_peak_hour"].keys() == plan["latency_of_the_day"].keys()


def test_one_that_does_not_keep_up_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "simulate --cameras 9000 --nodes 1 --airflow-cores 0.5 --pods-a-minute 9999 --task-seconds 9"
    assert main(arguments.split()) == 0
    assert "It does not keep up in the peak hour: Airflow's schedulers" in capsys.readouterr().out


def test_flags_reach_what_they_are_called(capsys: pytest.CaptureFixture[str]) -> None:
    def plan(*more: str) -> dict[str, float]:
        assert main(["simulate", "--cameras", "40", "--nodes", "1", "--format", "json", *LITTLE, *more]) == 0
        loaded: dict[str, float] = json.loads(capsys.readouterr().out)
        return loaded

    usual = plan()
    for flags, name in (
        (["--seed", "7"], "events"),
        (["--hours", "even"], "peak_hour"),
        (["--hours", ",".join("1" if hour == 3 else "0" for hour in range(24))], "peak_hour"),
        (["--burst", "10"], "runs"),
        (["--events", "0.5"], "events"),
        (["--live-runs", "1"], "bounds"),
        (["--slots", "validate=1,notify=2"], "bounds"),
        (["--price-put", "1"], "total"),
        (["--price-get", "1"], "total"),
        (["--watch-look-seconds", "10"], "total"),
        (["--looks", "0.3"], "bounds"),
        (["--workers", "3"], "bounds"),
    ):
        assert plan(*flags)[name] != usual[name], flags


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--nodes 1", "required: --cameras"),
        ("--cameras 1", "required: --nodes"),
        ("--cameras -1 --nodes 1", "expected a whole number of 0"),
        ("--cameras 1.5 --nodes 1", "expected a whole number of 0"),
        ("--cameras x --nodes 1", "got 'x'"),
        ("--cameras 1 --nodes 0", "expected nodes above 0"),
        ("--cameras 1 --nodes nan", "expected a number of 0"),
        ("--cameras 1 --nodes inf", "expected a number of 0"),
        ("--cameras 1 --nodes 1 --deployments 0", "expected --deployments of at least 1"),
        ("--cameras 1 --nodes 1 --deployments 100", "expected room for a pod"),
        ("--cameras 1 --nodes 1 --hours 1,2,3", "expected 24 weights"),
        ("--cameras 1 --nodes 1 --hours 1,a", "expected --hours of 24 numbers"),
        ("--cameras 1 --nodes 1 --hours night", "or even or evening, got 'night'"),
        ("--cameras 1 --nodes 1 --burst 0", "expected --burst above 0"),
        ("--cameras 10 --nodes 1 --burst 1001", "expected a burst a day or more"),
        ("--cameras 1 --nodes 1 --detect-rate 0", "expected --detect-rate above 0"),
        ("--cameras 1 --nodes 1 --slots validate", "expected --slots like validate=16"),
        ("--cameras 1 --nodes 1 --slots guess=4", "got 'guess=4'"),
        ("--cameras 1 --nodes 1 --slots detect=0", "expected pods of detect above 0"),
        ("--cameras 1 --nodes 1 --events 2", "expected events to be a share"),
        ("--cameras 1 --nodes 1 --format xml", "invalid choice"),
        ("--cameras 1 --nodes 1 --live-runs 0", "expected live_runs above 0"),
    ],
)
def test_flags_that_cannot_be(flags: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *flags.split()]) == 64
    assert message in capsys.readouterr().err
