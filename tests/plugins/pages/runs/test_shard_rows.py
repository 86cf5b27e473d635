"""The shards of a run as rows: which is which, which are slow or failed, and what is said of each."""

from datetime import timedelta

import pytest

from nightjar.domain.accounts import Account
from nightjar.domain.manifest import Counts
from nightjar.queries.run_shards import ShardWork
from plugins.pages.runs.airflow_state import AirflowTask, shards_in
from plugins.pages.runs.shard_rows import Shard, in_order_of_trouble, index_of, row_of, shards_of, slow_shards
from tests.bucket import NOON
from tests.plugins.pages.runs.airflow_fake import shard_tasks

LATER = NOON + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["runs/nightjar_live/b/shards/alice-porch/", "runs/nightjar_live/b/shards/bob.2/"], ["alice-porch", "bob.2"]),
        ('["runs/nightjar_live/b/shards/alice-porch/"]', ["alice-porch"]),
        ([], []),
        (None, []),
        ("no json", []),
        ([1, 2], []),
        ({"a": 1}, []),
    ],
)
def test_the_shards_of_a_plan(value: object, expected: list[str]) -> None:
    assert shards_in(value) == expected


def test_a_map_index_is_a_place_in_the_plan() -> None:
    tasks = [*shard_tasks(1, "success", "failed"), AirflowTask("reconcile"), AirflowTask("other", 0)]
    shards = shards_of(tasks, ["b-cam", "a-cam"], [])
    assert [(s.name, s.map_index, list(s.tasks)) for s in shards] == [
        ("b-cam", 0, []),
        ("a-cam", 1, ["validate", "detect"]),
    ]


def test_without_a_plan_labels_tell_which_shard_is_which() -> None:
    shards = shards_of(shard_tasks(7, "success", label="b-cam"), [], ["a-cam", "b-cam"])
    assert [(s.name, s.map_index, list(s.tasks)) for s in shards] == [("a-cam", None, []), ("b-cam", 7, ["validate"])]


def test_without_airflow_shards_are_those_of_the_bucket() -> None:
    assert shards_of([], [], ["a-cam"]) == [Shard("a-cam")]


@pytest.mark.parametrize(
    ("camera", "index"), [("alice-door", 3), ("alice-yard", 4), ("alice-d", -1), ("bob-gate", -1), ("", -1)]
)
def test_the_shard_of_a_camera(camera: str, index: int) -> None:
    names = ["alice-doors", "pack-0001", "bob-gate", "alice-door", "alice-yard.1", "alice-yard.2"]
    shards = [Shard(name, None if name == "bob-gate" else number) for number, name in enumerate(names)]
    assert index_of(shards, camera) == index


@pytest.mark.parametrize(
    ("seconds", "slow"),
    [
        ([], []),
        ([100.0], []),
        ([1.0, 100.0], []),  # of two, none is the usual one
        ([1.0, 1.0, 100.0], [2]),
        ([1.0, 1.0, 11.0], []),  # ten seconds more are not much
        ([1.0, 1.0, 11.1], [2]),
        ([100.0, 100.0, 300.0], []),
        ([100.0, 100.0, 300.1], [2]),
        ([0.0, 0.0, 60.0], [2]),
    ],
)
def test_slow_shards(seconds: list[float], slow: list[int]) -> None:
    shards = [
        Shard(str(i), i, {task.task_id: task for task in shard_tasks(i, "success", seconds=each)})
        for i, each in enumerate(seconds)
    ]
    assert sorted(slow_shards(shards, NOON)) == [str(each) for each in slow]


def test_a_task_that_runs_counts_until_now() -> None:
    task = AirflowTask("shard.detect", 0, "running", 1, NOON)
    assert (task.seconds(LATER), AirflowTask("shard.detect", 0).seconds(LATER)) == (300.0, None)


def test_trouble_comes_first() -> None:
    shards = [
        Shard("done", 0, {"detect": AirflowTask("shard.detect", 0, "success")}),
        Shard("runs", 1, {"detect": AirflowTask("shard.detect", 1, "running")}),
        Shard("slow", 2, {"detect": AirflowTask("shard.detect", 2, "success")}),
        Shard("blocked", 3, {"detect": AirflowTask("shard.detect", 3, "upstream_failed")}),
        Shard("counted", 4, {}),
    ]
    account = Account(counts=Counts(), shards={}, failures={"counted": "no proof"})
    ordered = in_order_of_trouble(shards, {"slow": "4 times"}, account)
    assert [shard.name for shard in ordered] == ["blocked", "counted", "slow", "runs", "done"]


@pytest.mark.parametrize(
    ("state", "failures", "trouble", "why"),
    [
        ("success", {}, "", ""),
        ("failed", {}, "", ""),
        ("failed", {"a": "validate left no proof for 1 object"}, "", "validate left no proof for 1 object"),
        ("failed", {"a": "x"}, "shard.validate (a): stage validate ended", "shard.validate (a): stage validate ended"),
        ("failed", {"a": "x"}, "shard.validate (ab): stage validate ended", "x"),
    ],
)
def test_why_a_shard_failed(state: str, failures: dict[str, str], trouble: str, why: str) -> None:
    shard = Shard("a", 0, {"validate": AirflowTask("shard.validate", 0, state)})
    account = Account(counts=Counts(), shards={"a": Counts(received=1)}, failures=failures)
    row = row_of(shard, ShardWork("a"), account, {}, trouble, NOON)
    assert (row.why, row.counts, row.cells[0].state) == (why, Counts(received=1), state)
    assert (row.failed == row.cells[0]) is (state == "failed")
