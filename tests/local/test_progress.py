"""A run's task instances as lines for a person."""

from typing import Any

import pytest

from nightjar_local import progress


def task(name: str, state: str | None, start: str | None = None, end: str | None = None, index: int = -1) -> Any:
    day = "2026-11-21T12:00:{}Z"
    return {
        "task_id": name,
        "state": state,
        "map_index": index,
        "start_date": day.format(start) if start else None,
        "end_date": day.format(end) if end else None,
    }


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([], {}),
        ([task("collect", None)], {}),
        ([task("collect", "running", "01")], {"collect": "begins"}),
        ([task("collect", "success", "01", "02")], {"collect": "done"}),
        ([task("collect", "skipped", "01", "02")], {"collect": "done"}),
        ([task("collect", "failed", "01", "02")], {"collect": "FAILED"}),
        ([task("collect", "failed", "01", "02"), task("trigger_live", "upstream_failed", "03")], {"collect": "FAILED"}),
        ([task("collect", "up_for_retry", "01", "02")], {"collect": "1 to be tried again"}),
        (
            [task("b", "running", "03"), task("a", "success", "01", "02")],
            {"a": "done", "b": "begins"},
        ),
        (
            [
                task("shard.detect", "success", "01", "02", 0),
                task("shard.detect", "running", "01", None, 1),
                task("shard.detect", None, None, None, 2),
            ],
            {"detect": "1 of 3 done"},
        ),
        (
            [task("shard.detect", "success", "01", "02", 0), task("shard.detect", "failed", "01", "02", 1)],
            {"detect": "1 of 2 FAILED"},
        ),
    ],
)
def test_describe(tasks: list[Any], said: dict[str, str]) -> None:
    assert progress.describe(tasks) == said
    assert list(progress.describe(tasks)) == list(said)


def test_failed_are_those_that_failed_themselves() -> None:
    tasks = [task("a", "failed"), task("b", "upstream_failed"), task("c", "success"), task("d", None)]
    assert [each["task_id"] for each in progress.failed(tasks)] == ["a"]


def test_wall_seconds_of_a_stage_go_from_its_first_start_to_its_last_end() -> None:
    tasks = [
        task("shard.detect", "success", "10.5", "20", 0),
        task("shard.detect", "success", "12", "31", 1),
        task("plan_shards", "success", "01", "02"),
        task("report", "running", "32"),
        task("notify", None),
    ]
    assert progress.wall_seconds(tasks) == {"plan_shards": 1.0, "detect": 20.5}
