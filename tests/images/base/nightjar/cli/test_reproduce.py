"""`nightjar reproduce`: what it asks of Airflow, what it prints, and its exit codes."""

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from nightjar.cli import main as command_line
from nightjar.cli import reproduce
from nightjar.domain.reproduction.answer import Answer, ShardAnswer
from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.reproductions import Reproductions

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAG = "nightjar_reproduce"


class Airflow:
    """As much of Airflow's API as the command asks for; a run goes through `states`."""

    def __init__(self, states: list[str] | None = None, dags: Mapping[str, dict[str, Any]] | None = None) -> None:
        self.states = states or ["success"]
        self._dags = {DAG: {"is_paused": False}} if dags is None else dags
        self.triggered: list[tuple[str, str, Any]] = []

    def dags(self) -> Mapping[str, dict[str, Any]]:
        return self._dags

    def trigger(self, dag: str, run: str, conf: Any) -> None:
        self.triggered.append((dag, run, conf))

    def run(self, dag: str, run: str) -> dict[str, Any]:
        return {"state": self.states.pop(0) if len(self.states) > 1 else self.states[0]}

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        return [
            {"task_id": "give_inputs", "state": "success"},
            {"task_id": "shard.detect", "state": "failed", "rendered_map_index": "alice-porch"},
            {"task_id": "compare_with_run", "state": "failed"},
        ]

    def log(self, task: Mapping[str, Any]) -> str:
        return f"{task['task_id']} began\nunrecognized arguments: --reproduction\n\n"


def answer(verdict: str) -> Answer:
    shard = ShardAnswer(name="alice-porch", verdict=verdict)
    return Answer(id="r1", run="nightjar_live/b", release="0", verdict=verdict, shards=(shard,), at=AT)


def waited(airflow: Any, store: MemoryStore, seconds: float = 60.0) -> Answer:
    return reproduce.wait_for(airflow, store, "r1", seconds, sleep=lambda _: None)


def test_it_waits_for_the_end_of_the_run_and_reads_the_answer() -> None:
    store, airflow = MemoryStore(), Airflow(["queued", "running", "running", "success"])
    Reproductions(store).write_answer(answer("same"))
    assert waited(airflow, store) == answer("same")
    assert airflow.states == ["success"]


def test_a_run_that_failed_says_which_task_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    store, airflow = MemoryStore(), Airflow(["failed"])
    sentence = "shard.detect (alice-porch): unrecognized arguments: --reproduction"
    with pytest.raises(InputError) as refused:
        waited(airflow, store)
    assert str(refused.value) == f"reproduction r1 came to no answer: {sentence}"
    Reproductions(store).write_answer(answer("incomplete"))
    assert waited(airflow, store).verdict == "incomplete"
    assert capsys.readouterr() == ("", f"{sentence}\n")


def test_a_run_that_takes_too_long_goes_on() -> None:
    with pytest.raises(TryAgainError, match="is running after 0 s, and goes on; later, `nightjar reproduce --show r1`"):
        waited(Airflow(["running"]), MemoryStore(), 0.0)


@pytest.mark.parametrize(
    ("dags", "says"),
    [({}, "found none: its DAGs are of a release before 0.3"), ({DAG: {"is_paused": True}}, "airflow dags unpause")],
)
def test_an_airflow_that_would_not_run_it(dags: dict[str, dict[str, Any]], says: str) -> None:
    airflow: Any = Airflow(dags=dags)
    with pytest.raises(UsageError, match=says):
        reproduce.begin(airflow, "r1", {})
    assert airflow.triggered == []


def test_it_starts_one_run_of_the_name_of_the_reproduction() -> None:
    airflow: Any = Airflow()
    reproduce.begin(airflow, "r1", {"run": "2026-11-20"})
    assert airflow.triggered == [(DAG, "r1", {"run": "2026-11-20"})]
    first, second = (reproduce.new_id(AT) for _ in range(2))
    assert first.startswith("20261120T120000Z-") and first != second


@pytest.mark.parametrize(("verdict", "code"), [("same", 0), ("differs", 1), ("incomplete", 65), ("a later one", 65)])
@pytest.mark.parametrize("as_json", [False, True])
def test_the_exit_code_is_the_verdict(
    verdict: str, code: int, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        ended = reproduce.shown(answer(verdict), as_json=as_json)
    except InputError as error:
        ended = error.exit_code
    assert ended == code
    out = capsys.readouterr().out
    if as_json:
        assert Answer.model_validate(json.loads(out)) == answer(verdict)
    else:
        assert out.startswith("nightjar_live/b: ") and f"alice-porch: {verdict}" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["reproduce"],
        ["reproduce", "2026-11-20", "--wait", "-1"],
        ["reproduce", "2026-11-20", "--wait", "long"],
        ["reproduce", "r1", "--show", "--no-wait"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(arguments) == UsageError.exit_code
    assert "nightjar:" in capsys.readouterr().err


def test_the_arguments_that_there_are() -> None:
    given = command_line.command_line().parse_args(["reproduce", "2026-11-20", "--shard", "a-b", "--shard", "c-d"])
    assert isinstance(given, argparse.Namespace)
    assert (given.shard, given.anew, given.wait) == (["a-b", "c-d"], False, 21600)
