"""The arithmetic of docs/kubernetes/sizing.md: at its bounds, and against itself."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from docs.sizing import POD_SECONDS, RUN_SECONDS, WORK_SECONDS, Load
from nightjar.cli.main import main
from nightjar.domain.simulation.bill import Prices, Requests

ROOT = Path(__file__).resolve().parent.parent

BUSY = Load(1_000, 1_000)


@pytest.mark.parametrize(
    ("load", "a_shard"),
    [
        (Load(1, 1), 1),  # a picture has a run of its own
        (Load(100, 100, max_shards=100), 1),
        (Load(160, 160), 1.001),  # as many as the shards take, one picture each
        (Load(1_600, 160), 10.1),
    ],
)
def test_batches_grow_once_the_shards_are_full(load: Load, a_shard: float) -> None:
    assert load.a_shard == pytest.approx(a_shard, rel=0.01)
    assert load.shards * load.a_shard == pytest.approx(load.pictures)


def test_no_more_runs_at_once_than_are_allowed() -> None:
    seconds = RUN_SECONDS + BUSY.a_shard * WORK_SECONDS
    assert BUSY.runs * seconds / 60 == pytest.approx(BUSY.live_runs)


def test_a_pod_for_each_picture_costs_more_than_fuller_ones() -> None:
    assert replace(BUSY, max_shards=200).pods > 3 * BUSY.pods
    assert sum(BUSY.by_stage.values()) == pytest.approx(BUSY.pods)
    assert Load(60, 60).pods == pytest.approx(3 * POD_SECONDS + WORK_SECONDS)


def test_more_pictures_than_the_runs_can_work_on_are_told() -> None:
    most = 60 * 4 * 20 / WORK_SECONDS
    assert Load(most * 0.99, 1).a_shard > 1_000
    with pytest.raises(ValueError, match="expected fewer than"):
        _ = Load(most, 1).a_shard


def test_what_an_idle_month_costs() -> None:
    idle = Load(0.001, 1).idle
    assert Prices().of(idle) == pytest.approx(26.6, abs=0.1)
    assert Prices().of(Load(0.001, 1, look_seconds=10).idle) == pytest.approx(3.3, abs=0.1)
    assert Prices(1, 0).of(Requests(1000, 5)) == 1


@pytest.mark.slow
def test_the_simulated_day_of_the_page_is_what_its_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "kubernetes" / "sizing.md").read_text()
    [block] = re.findall(r"^    nightjar simulate --cameras .*\n(?:    .*\n|\n(?=    ))+", page, re.M)
    command, *told = [line.removeprefix("    ") for line in block.splitlines()]
    assert main(command.split()[1:]) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == told
