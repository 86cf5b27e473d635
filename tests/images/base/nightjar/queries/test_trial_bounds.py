"""How much a dry run may take: at the bound it answers, beyond it says so in a sentence."""

import itertools

import pytest

from nightjar.queries.trial import Asked, Bounds, run_trial
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.stores.detection_history import TooMuchError
from tests.images.base.nightjar.cli.trials import IN_FORCE, MAKER, at, two_days

CAMERA_DAYS = 3  # of the porch two, of the shop one


def stored_bytes(store: MemoryStore) -> int:
    return sum(info.size for info in store.list_objects("detections/") if info.key.endswith(".jsonl"))


@pytest.mark.parametrize(
    ("camera_days", "less", "seconds", "expected"),
    [
        (CAMERA_DAYS, 0, 60.0, ""),
        (CAMERA_DAYS - 1, 0, 60.0, "at most 2 days of cameras, the period has 3"),
        (CAMERA_DAYS, 1, 60.0, "at most 0 MiB of detections, there are more"),
        (CAMERA_DAYS, 0, 0.5, "done within 0 seconds"),
    ],
)
def test_bounds(camera_days: int, less: int, seconds: float, expected: str) -> None:
    store = MemoryStore()
    two_days(store)
    rules, ticks = parse_rules(IN_FORCE.encode()), itertools.count()
    bounds = Bounds(camera_days, stored_bytes(store) - less, seconds, clock=lambda: float(next(ticks)))
    asked = Asked(MAKER, at("00:00"), at("00:00", day=2))
    if expected:
        with pytest.raises(TooMuchError, match=expected):
            run_trial(store, asked, rules, rules, bounds)
    else:
        assert run_trial(store, asked, rules, rules, bounds).pictures == 18
