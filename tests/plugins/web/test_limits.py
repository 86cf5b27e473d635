"""How often, and how much at once."""

import pytest

from plugins.web.errors import TooMany
from plugins.web.limits import Limits


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    return Limits(clock)


def test_at_once(limits: Limits) -> None:
    limits.begin("try", "olga", at_once=1, per_minute=10)
    with pytest.raises(TooMany, match="at most 1 of this at once"):
        limits.begin("try", "olga", at_once=1, per_minute=10)
    limits.begin("try", "victor", at_once=1, per_minute=10)  # each person for themselves
    limits.begin("other", "olga", at_once=1, per_minute=10)  # each act for itself
    limits.end("try", "olga")
    limits.begin("try", "olga", at_once=1, per_minute=10)


def test_per_minute(limits: Limits, clock: Clock) -> None:
    for _ in range(2):
        limits.begin("try", "olga", at_once=9, per_minute=2)
        limits.end("try", "olga")
        clock.seconds += 10
    with pytest.raises(TooMany) as refused:
        limits.begin("try", "olga", at_once=9, per_minute=2)
    assert refused.value.headers == {"Retry-After": "41"}  # the first was 20 s ago
    clock.seconds += 39.9
    with pytest.raises(TooMany):
        limits.begin("try", "olga", at_once=9, per_minute=2)
    clock.seconds += 0.1
    limits.begin("try", "olga", at_once=9, per_minute=2)


def test_what_was_refused_does_not_count(limits: Limits, clock: Clock) -> None:
    for _ in range(5):
        with pytest.raises(TooMany):
            limits.begin("try", "olga", at_once=0, per_minute=1)
    limits.begin("try", "olga", at_once=1, per_minute=1)


def test_people_are_forgotten(limits: Limits, clock: Clock) -> None:
    limits.begin("try", "running", at_once=1, per_minute=1)
    for number in range(10_000):
        limits.begin("try", f"person {number}", at_once=1, per_minute=1)
        limits.end("try", f"person {number}")
    clock.seconds += 61
    limits.begin("try", "next", at_once=1, per_minute=1)
    assert len(limits._counts) == 2  # the memory of a server that runs for months
