from datetime import UTC, datetime

import pytest

from nightjar.domain import layout
from nightjar.domain.names import Camera

PORCH = Camera("alice", "porch")
NIGHT = datetime(2026, 11, 20, 23, 59, 59, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (layout.event_key(NIGHT, PORCH, "e1"), "events/2026/11/20/alice-porch/e1.json"),
        (layout.shard_prefix("runs/nightjar_live/b/", "alice-porch"), "runs/nightjar_live/b/shards/alice-porch/"),
        (layout.stage_prefix("runs/d/r/", "detect", "x"), "runs/d/r/detect/x/"),
        (layout.stage_prefix("runs/d/r/", "report"), "runs/d/r/report/"),
        (layout.last_segment("runs/d/r/shards/x/"), "x"),
    ],
)
def test_keys_are_those_of_the_design(key: str, expected: str) -> None:
    assert key == expected


@pytest.mark.parametrize("run_id", ["20261120T120000Z-0a1b2c3d4e5f", "scheduled__2026-11-20", "a"])
def test_a_safe_run_id_is_its_own_folder(run_id: str) -> None:
    assert layout.run_name(run_id) == run_id


@pytest.mark.parametrize("run_id", ["", ".", "..", "a/b", "manual__2026-11-20T00:00:00+00:00", "{{x}}", "ü" * 300])
def test_any_other_run_id_becomes_one_safe_unique_segment(run_id: str) -> None:
    name = layout.run_name(run_id)
    assert name not in {"", ".", ".."}
    assert "/" not in name and name.isascii() and len(name) <= 110
    assert name != layout.run_name(run_id + "x")
