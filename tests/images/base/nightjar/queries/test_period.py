"""Periods of days in an address."""

from datetime import date

import pytest

from nightjar.errors import UsageError
from nightjar.queries.period import Period, period_of

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("", "", Period(TODAY, TODAY)),
        (" ", "", Period(TODAY, TODAY)),
        ("2026-11-18", "", Period(date(2026, 11, 18), date(2026, 11, 18))),
        ("", "2026-11-18", Period(date(2026, 11, 18), date(2026, 11, 18))),
        ("2026-11-18", "2026-11-20", Period(date(2026, 11, 18), TODAY)),
        ("2026-08-21", "2026-11-20", Period(date(2026, 8, 21), TODAY)),  # 92 days
        ("2026-11-21", "", Period(date(2026, 11, 21), date(2026, 11, 21))),
        ("2000-01-01", "", Period(date(2000, 1, 1), date(2000, 1, 1))),
    ],
)
def test_a_period(first: str, last: str, expected: Period) -> None:
    period = period_of(first, last, TODAY)
    assert period == expected
    assert (period.days[0], period.days[-1]) == (period.first, period.last)
    assert period.is_one_day is (len(period.days) == 1)
    assert period.back().on() == period
    assert len(period.back().days) == len(period.days)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("x", "", "`from`: expected a day like 2026-11-20, got 'x'"),
        ("", "2026-13-01", "`to`: expected a day like"),
        ("2026-11-20T12:00", "", "`from`: expected a day like"),
        ("\0", "", "`from`: expected a day like"),
        ("9" * 1000, "", "`from`: expected a day like"),
        ("0001-01-01", "", "`from`: expected a day from 2000-01-01 to 2026-11-21, got 0001-01-01"),
        ("", "9999-12-31", "`to`: expected a day from"),
        ("2026-11-20", "2026-11-19", "`from` to be no later than `to`, got 2026-11-20 and 2026-11-19"),
        ("2026-08-20", "2026-11-20", "at most 92 days, got 93: 2026-08-20 to 2026-11-20"),
    ],
)
def test_what_is_no_period_is_refused(first: str, last: str, expected: str) -> None:
    with pytest.raises(UsageError) as raised:
        period_of(first, last, TODAY)
    assert expected in str(raised.value)
    assert len(str(raised.value)) < 300
