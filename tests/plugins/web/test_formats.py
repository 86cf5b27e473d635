"""Times and numbers as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from plugins.web import formats

AT = datetime(2026, 11, 20, 13, 5, 9, tzinfo=UTC)


def test_a_moment() -> None:
    assert formats.utc(AT) == "2026-11-20 13:05:09 UTC"
    assert formats.local(AT, "Europe/Berlin") == "Fri 20 Nov, 14:05:09 CET"
    assert formats.iso(AT.astimezone()) == "2026-11-20T13:05:09+00:00"


@pytest.mark.parametrize("zone", ["", "Nowhere/Such", "../../etc/passwd", "a\0b", "<b>", "x" * 5000, "Europe"])
def test_a_time_zone_that_is_none_is_utc(zone: str) -> None:
    assert formats.local(AT, zone) == formats.utc(AT)


def test_a_moment_at_the_end_of_time_has_no_local_one() -> None:
    first = datetime.min.replace(tzinfo=UTC)
    assert formats.local(first, "America/New_York") == formats.utc(first)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (0, "0 s"), (8.24, "8.2 s"), (59.9, "59.9 s"),
        (60, "1 min"), (185, "3 min 5 s"), (3599.7, "1 h"), (7800, "2 h 10 min"),
        (86400, "1 d"), (timedelta(days=3, hours=4, seconds=9), "3 d 4 h"), (-90, "-1 min 30 s"),
        (float("nan"), "unknown"), (float("inf"), "unknown"),
    ],
)  # fmt: skip
def test_a_duration(span: float | timedelta, text: str) -> None:
    assert formats.duration(span) == text


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3600, "1 hour ago"),
        (86400 * 2, "2 days ago"),
        (-7200, "in 2 hours"),
    ],
)
def test_how_long_ago(before: float, text: str) -> None:
    assert formats.ago(AT - timedelta(seconds=before), AT) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (12345, "12,345"), (2.0, "2"), (0.25, "0.2"), (-1234.56, "-1,234.6")]
)
def test_a_number(value: float, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(0, "0.00%"), (0.1234567, "12.35%"), (1, "100.00%"), (-0.2, "0.00%"), (7, "100.00%")]
)
def test_a_place_in_a_picture(fraction: float, text: str) -> None:
    assert formats.across(fraction) == text
