"""The period on which rules are tried."""

from datetime import UTC, date, datetime

import pytest

from plugins.pages.rules.period import Period, PeriodError, period_of, usual_period

NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "first", "last"),
    [
        ([], "2026-11-14", "2026-11-20"),
        (["2026-11-20"], "2026-11-14", "2026-11-20"),  # it has only begun
        (["2026-11-19", "2026-11-20"], "2026-11-13", "2026-11-19"),
        (["2026-03-01", "2026-02-01"], "2026-02-23", "2026-03-01"),
        (["0001-01-01"], "0001-01-01", "0001-01-01"),
    ],
)
def test_the_usual_period(days: list[str], first: str, last: str) -> None:
    found = usual_period([date.fromisoformat(day) for day in days], NOW.date())
    assert (found.first, found.last) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-11-20", "2026-11-20", None),
        (" 2026-10-21 ", "2026-11-20", None),
        ("2026-11-20", "2026-12-20", None),
        ("2026-10-20", "2026-11-20", "a period of at most 31 days, got 32 days"),
        ("2026-11-20", "2026-11-19", "a first day that is not after the last"),
        ("2026-11-21", "2026-11-21", "a first day that is not in the future"),
        ("", "2026-11-20", "the first day as a UTC day such as 2026-11-20, got ''"),
        ("2026-11-20", "", "the last day as a UTC day"),
        ("2026-02-30", "2026-11-20", "the first day as a UTC day"),
        ("0001-01-01", "0001-01-02", "one before and one after"),
        ("9999-12-31", "9999-12-31", "one before and one after"),
        ("٢٠٢٦-11-20", "2026-11-20", None),  # digits all the same
        ("<script>" * 99, "2026-11-20", "the first day as a UTC day"),
        ("20261120", "2026-11-20", "the first day as a UTC day"),
    ],
)
def test_the_period_that_is_asked_for(first: str, last: str, expected: str | None) -> None:
    if expected is None:
        assert period_of(first, last, NOW).first <= period_of(first, last, NOW).last
    else:
        with pytest.raises(PeriodError) as caught:
            period_of(first, last, NOW)
        assert expected in str(caught.value)
        assert len(str(caught.value)) < 200


def test_a_period_has_its_last_day() -> None:
    period = Period(date(2026, 11, 13), date(2026, 11, 19))
    assert (period.start, period.end) == (datetime(2026, 11, 13, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
