"""The same seed gives the same faults; a short round has every kind that it can."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar_local.chaos.plan import (
    BETWEEN_PROCESSES,
    FREEZE_SECONDS,
    MOST_S3_CALLS,
    MailFault,
    ProcessFault,
    S3Fault,
    S3Spoil,
    Victim,
    make_plan,
)
from nightjar_local.supervisor_config import RETRIES, SETTLED_SECONDS


@given(st.integers(), st.floats(0, 2000))
def test_it_follows_from_its_seed_and_stays_in_its_bounds(seed: int, seconds: float) -> None:
    plan = make_plan(seed, seconds)
    assert plan == make_plan(seed, seconds)
    assert [fault.at for fault in plan] == sorted(fault.at for fault in plan)
    assert all(0 <= fault.at <= seconds + 0.1 for fault in plan)
    for fault in plan:
        if isinstance(fault, ProcessFault):
            assert 0 <= fault.pick <= 1
            assert fault.freeze_seconds is None or FREEZE_SECONDS[0] <= fault.freeze_seconds <= FREEZE_SECONDS[1]
        elif isinstance(fault, S3Fault):
            assert 1 <= fault.calls <= MOST_S3_CALLS


@pytest.mark.parametrize("seed", range(20))
def test_ninety_seconds_hit_every_kind(seed: int) -> None:
    plan = make_plan(seed, 90)
    victims = {fault.victim for fault in plan if isinstance(fault, ProcessFault)}
    assert victims == set(Victim)
    assert {fault.freeze_seconds is None for fault in plan if isinstance(fault, ProcessFault)} == {True, False}
    assert {fault.spoil for fault in plan if isinstance(fault, S3Fault)} == set(S3Spoil)
    assert Counter(type(fault) for fault in plan)[MailFault] >= 5


def test_other_seeds_give_other_faults_and_no_time_gives_none() -> None:
    assert make_plan(1, 60) != make_plan(2, 60)
    assert make_plan(1, 0) == []


def test_no_component_is_killed_so_often_that_it_would_be_given_up() -> None:
    """Workers and the scheduler are one component; in a deck of kinds each comes once, so in two decks four times."""
    shortest_deck = len(Victim) * BETWEEN_PROCESSES[0]
    assert SETTLED_SECONDS / shortest_deck * 4 < RETRIES
