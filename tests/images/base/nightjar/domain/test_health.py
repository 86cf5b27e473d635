"""The memory of a camera: bounded, and each run once."""

from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.health import (
    GOOD,
    Health,
    Look,
    Offset,
    Print,
    Sent,
    all_gaps,
    count,
    gap_bin,
    longest_in,
    outcomes,
    percentile,
    printed,
)
from nightjar.domain.reasons import Reason

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
NEW = Health(user="alice", device="porch", since=NOON)


def sent(*minutes: float, delay: timedelta = 5 * SECOND, reason: str = GOOD) -> Sent:
    """Stills taken so many minutes after noon, each of which arrived after `delay`."""
    taken = [NOON + minute * MINUTE for minute in minutes]
    return Sent([(each + delay, each) for each in taken], [Look(taken_at=each, reason=reason) for each in taken])


def counted(*runs: Sent) -> Health:
    health = NEW
    for number, run in enumerate(runs):
        health = count(health, f"b{number}", run)
    return health


@pytest.mark.parametrize(
    ("gap", "number"),
    [
        (timedelta(0), 0),
        (MINUTE, 0),
        (61 * SECOND, 1),
        (2 * MINUTE, 4),
        (HOUR, 24),
        (timedelta(days=1), 42),
        (timedelta(days=60), 66),
    ],
)
def test_bins_of_gaps(gap: timedelta, number: int) -> None:
    assert gap_bin(gap) == number
    assert gap <= longest_in(number) < 1.2 * max(gap, MINUTE)


@pytest.mark.parametrize(
    ("bins", "share", "expected"),
    [
        ({}, 0.95, None),
        ({4: 1}, 0.95, 4),
        ({4: 19, 24: 1}, 0.95, 4),
        ({4: 18, 24: 1}, 0.95, 24),
        ({24: 1, 4: 1}, 0.5, 4),
        ({4: 1, 8: 0}, 1.0, 4),
    ],
)
def test_percentiles(bins: dict[int, int], share: float, expected: int | None) -> None:
    assert percentile(bins, share) == (longest_in(expected) if expected is not None else timedelta(0))


def test_nothing_sent_changes_nothing_but_the_run() -> None:
    assert count(NEW, "b1", Sent()) == NEW.model_copy(update={"counted": ("b1",)})


def test_a_run_is_counted_once() -> None:
    once = count(NEW, "b1", sent(0, 10))
    assert count(once, "b1", sent(0, 10)) is once
    assert once.last_taken_at == NOON + 10 * MINUTE
    assert once.last_arrived_at == NOON + 10 * MINUTE + 5 * SECOND


@pytest.mark.parametrize(
    ("runs", "gaps"),
    [
        ([sent(0)], {}),  # the first has nothing before it
        ([sent(0, 4.9)], {}),  # one visit
        ([sent(0, 5)], {"2026-11-20": {10: 1}}),
        ([sent(0), sent(5)], {"2026-11-20": {10: 1}}),
        ([sent(5), sent(0)], {}),  # a straggler splits nothing
        ([sent(0, 4, 8, 12, 72)], {"2026-11-20": {24: 1}}),
        ([sent(0), sent(13 * 60)], {"2026-11-21": {gap_bin(13 * HOUR): 1}}),  # the day of its end
        ([sent(0), sent(15 * 24 * 60)], {"2026-12-05": {gap_bin(timedelta(days=15)): 1}}),
        ([sent(0, 10), sent(15 * 24 * 60)], {"2026-12-05": {gap_bin(timedelta(days=15)): 1}}),  # older ones are gone
    ],
)
def test_gaps(runs: list[Sent], gaps: dict[str, dict[int, int]]) -> None:
    health = counted(*runs)
    assert health.gaps == gaps
    assert sum(all_gaps(health).values()) == sum(sum(bins.values()) for bins in gaps.values())


def test_only_the_last_picture_of_a_minute_is_looked_at() -> None:
    clip = Sent(looks=[Look(taken_at=NOON + n * SECOND, reason=Reason.VOID if n < 59 else GOOD) for n in range(60)])
    [look] = counted(clip).looks
    assert (look.taken_at, look.is_good) == (NOON + 59 * SECOND, True)


def test_looks_are_the_same_in_whatever_order_runs_are_counted() -> None:
    runs = [sent(3), sent(1, reason=Reason.VOID), sent(2)]
    assert counted(*runs).looks == counted(*reversed(runs)).looks
    assert [look.reason for look in counted(*runs).looks] == [Reason.VOID, GOOD, GOOD]


@pytest.mark.parametrize(
    ("name", "most"), [("looks", 60), ("offsets", 16), ("counted", 50), ("hours", 25), ("gaps", 14)]
)
def test_it_stays_small(name: str, most: int) -> None:
    health = counted(*(sent(61 * n, 61 * n + 10) for n in range(600)))
    assert len(getattr(health, name)) == most
    assert len(health.model_dump_json()) < 20_000


def test_outcomes_by_hour() -> None:
    health = counted(sent(0, 10), sent(70, reason=Reason.GREY), sent(-60 * 30))
    assert outcomes(health, NOON, NOON + HOUR) == {GOOD: 2, "grey": 1}
    assert outcomes(health, NOON + HOUR, NOON + HOUR) == {"grey": 1}
    assert outcomes(health, NOON + 2 * HOUR, NOON + 3 * HOUR) == {}
    assert outcomes(NEW, NOON, NOON) == {}


def test_offsets_are_the_bounds_of_a_minute() -> None:
    late = Sent([(NOON, NOON - 2 * HOUR), (NOON + 30 * SECOND, NOON - HOUR), (NOON + MINUTE, NOON)])
    assert counted(late).offsets == (
        Offset(arrived_at=NOON, least=3630, most=7200),
        Offset(arrived_at=NOON + MINUTE, least=60, most=60),
    )


def test_a_clock_that_ran_ahead_is_not_the_last_time_for_ever() -> None:
    health = counted(sent(0), sent(60, delay=-HOUR), sent(1))
    assert health.last_taken_at == NOON + MINUTE


def test_prints_are_kept_by_time() -> None:
    health = NEW
    for hour in range(60, 0, -1):
        health = printed(health, Print(taken_at=NOON + hour * HOUR, tiles="00ff"))
    assert len(health.prints) == 48
    assert health.prints[0].taken_at < health.prints[-1].taken_at
    assert health.prints[0].greys == b"\x00\xff"
