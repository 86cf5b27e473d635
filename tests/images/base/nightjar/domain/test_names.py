from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.names import Camera, NameRefused, check_time, parse_footage_name, parse_time_digits, shown


@pytest.mark.parametrize(
    ("name", "canonical", "taken_at"),
    [
        ("alice-porch-1700000000.jpg", "alice-porch-1700000000.jpg", "2023-11-14T22:13:20+00:00"),
        ("alice-porch-1700000000000.jpg", "alice-porch-1700000000.jpg", "2023-11-14T22:13:20+00:00"),
        ("alice-porch-1700000000250.JPEG", "alice-porch-1700000000250.jpg", "2023-11-14T22:13:20.250000+00:00"),
        ("a_1-B_2-0000000000.MP4", "a_1-B_2-0000000000.mp4", "1970-01-01T00:00:00+00:00"),
        (f"{'u' * 64}-{'d' * 64}-9999999999.webp",) * 2 + ("2286-11-20T17:46:39+00:00",),
    ],
)
def test_a_good_name_has_one_canonical_form(name: str, canonical: str, taken_at: str) -> None:
    parsed = parse_footage_name(name)
    assert parsed.canonical == canonical
    assert parsed.taken_at.isoformat() == taken_at
    assert parse_footage_name(parsed.canonical) == parsed


@pytest.mark.parametrize(
    "name",
    [
        "",
        "alice-porch-1700000000",
        "alice-porch-1700000000.",
        "alice-porch-170000000.jpg",
        "alice-porch-17000000000.jpg",
        "alice-porch-1700000000.jpg\n",
        "alice--1700000000.jpg",
        "alice-porch-side-1700000000.jpg",
        "-porch-1700000000.jpg",
        "../alice-porch-1700000000.jpg",
        "front/alice-porch-1700000000.jpg",
        "al ice-porch-1700000000.jpg",
        "älice-porch-1700000000.jpg",
        "alice-porch-\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660.jpg",
        "{{ti}}-porch-1700000000.jpg",
        "alice'\"-porch-1700000000.jpg",
        f"{'u' * 65}-porch-1700000000.jpg",
        "x" * 1000,
    ],
)
def test_what_breaks_the_contract_is_refused_with_what_came(name: str) -> None:
    with pytest.raises(NameRefused) as caught:
        parse_footage_name(name)
    message = str(caught.value)
    place = " in no folder" if "/" in name else ""
    assert f"expected <user>-<device>-<unixtime>.<ext>{place}, got " in message
    assert message.isascii() or "…" in message
    assert len(message) < 700


@pytest.mark.parametrize("digits", ["", "1", "12345678901", "-123456789", "1e10000000"])
def test_times_of_another_length_are_refused(digits: str) -> None:
    with pytest.raises(NameRefused):
        parse_time_digits(digits)


RECEIVED = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("offset", "plausible"),
    [
        (timedelta(0), True),
        (timedelta(minutes=10), True),
        (timedelta(minutes=10, seconds=1), False),
        (timedelta(days=365), False),
        (timedelta(days=-3653), True),
        (timedelta(days=-3653, seconds=-1), False),
    ],
)
def test_times_must_be_plausible(offset: timedelta, plausible: bool) -> None:
    name = parse_footage_name(f"alice-porch-{int((RECEIVED + offset).timestamp()):010d}.jpg")
    if plausible:
        check_time(name, RECEIVED)
    else:
        with pytest.raises(NameRefused, match="expected a time from"):
            check_time(name, RECEIVED)


@pytest.mark.parametrize("name", ["", "alice", "alice-", "a-b-c", "a/b-c"])
def test_cameras_have_two_parts(name: str) -> None:
    with pytest.raises(NameRefused):
        Camera.parse(name)
    assert Camera.parse("alice-porch") == Camera("alice", "porch")


def test_untrusted_text_is_shown_escaped_and_cut() -> None:
    assert shown("a\n'é") == r'''"a\n'\xe9"'''
    assert len(shown("x" * 10_000)) < 200
