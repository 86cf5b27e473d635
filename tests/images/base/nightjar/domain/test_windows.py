"""Hours of the day."""

from datetime import time

import pytest

from nightjar.domain.windows import Hours


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22:00-06:00", ["22:00", "23:59", "00:00", "05:59"], ["21:59", "06:00", "12:00"]),
        ("08:00-17:30", ["08:00", "17:29"], ["07:59", "17:30", "00:00"]),
        ("00:00-24:00", ["00:00", "12:00", "23:59"], []),
        ("22:00-24:00", ["22:00", "23:59"], ["00:00", "21:59"]),
        ("22:00-00:00", ["22:00", "23:59"], ["00:00", "21:59"]),
        ("00:00-00:01", ["00:00"], ["00:01", "23:59"]),
    ],
)
def test_the_start_is_inside_and_the_end_is_not(text: str, inside: list[str], outside: list[str]) -> None:
    hours = Hours.parse(text)
    assert [t for t in inside + outside if hours.holds_at(time.fromisoformat(t))] == inside
    assert str(hours) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "22:00",
        "22-06",
        "22:00-22:00",
        "24:00-06:00",
        "25:00-06:00",
        "22:60-06:00",
        "24:01-06:00",
        "22:00 - 06:00",
        "22:00-06:00\n",
        "٢٢:00-06:00",
        "9:00-17:00",
        "-1:00-06:00",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Hours.parse(text)


def test_seconds_do_not_matter() -> None:
    assert Hours.parse("22:00-06:00").holds_at(time(5, 59, 59, 999_999))


@pytest.mark.parametrize(
    ("hours", "clock", "expected"),
    [
        ("22:00-06:00", "22:00", False),
        ("22:00-06:00", "23:59", False),
        ("22:00-06:00", "00:00", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-00:00", "22:00", False),
        ("22:00-24:00", "23:59", False),
        ("08:00-12:00", "08:00", False),
    ],
)
def test_hours_across_midnight_began_yesterday(hours: str, clock: str, expected: bool) -> None:
    assert Hours.parse(hours).began_yesterday(time.fromisoformat(clock)) is expected
