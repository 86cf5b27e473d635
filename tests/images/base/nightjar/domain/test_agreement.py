"""Agreement: so many pictures within so long."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar.domain.agreement import agreeing
from nightjar.domain.rules import Agree

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("pictures", "within", "seconds", "expected"),
    [
        (3, 10, [], []),
        (1, 10, [0], [0]),
        (3, 10, [0, 5], []),
        (3, 10, [0, 5, 10], [0, 5, 10]),
        (3, 10, [0, 5, 10.001], []),
        (3, 10, [0, 5, 10, 15, 100], [0, 5, 10, 15]),
        (2, 10, [0, 10, 21, 31], [0, 10, 21, 31]),
        (2, 10, [0, 11, 22], []),
        (2, 60, [0, 59], [0, 59]),
    ],
)
def test_enough_pictures_in_a_window_agree(
    pictures: int, within: int, seconds: list[float], expected: list[float]
) -> None:
    found = agreeing([at(s) for s in seconds], Agree(pictures=pictures, within_seconds=within))
    assert found == {at(s) for s in expected}


@given(st.sets(st.integers(0, 40), max_size=10), st.integers(1, 4), st.integers(1, 12))
def test_a_picture_agrees_when_some_window_that_holds_it_is_full(seconds: set[int], pictures: int, within: int) -> None:
    ordered = sorted(seconds)
    groups = [g for g in combinations(ordered, pictures) if g[-1] - g[0] <= within]
    expected = {at(s) for group in groups for s in group}
    assert agreeing([at(s) for s in ordered], Agree(pictures=pictures, within_seconds=within)) == expected
