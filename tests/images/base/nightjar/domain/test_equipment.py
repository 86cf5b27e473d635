"""Which troubles a camera has: tables of gaps, pictures, clocks and refusals, with their boundaries."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.equipment import Limits, alike_within_noise, due, patience, silent, troubles
from nightjar.domain.health import GOOD, Health, Look, Offset, Print, gap_bin
from nightjar.domain.reasons import Reason
from nightjar.domain.troubles import TroubleKind

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LIMITS = Limits(
    void_pictures=3,
    void_seconds=300,
    frozen_pictures=3,
    frozen_seconds=600,
    frozen_noise_seconds=86_400,
    silent_history_seconds=3 * 86_400,
    silent_least_seconds=1800,
    silent_first_seconds=86_400,
    clock_off_seconds=5400,
    clock_arrivals=3,
    clock_seconds=1200,
    refused_share=0.5,
    refused_pictures=20,
)
NEW = Health(user="alice", device="porch", since=NOON - 30 * DAY)
VOID, COVERED, FROZEN = TroubleKind.VOID, TroubleKind.COVERED, TroubleKind.FROZEN
CLOCK, REFUSED = TroubleKind.CLOCK, TroubleKind.REFUSED


def never(_: datetime) -> Sequence[str]:
    return ()


def at_night(moment: datetime) -> Sequence[str]:
    return ("intruder",) if moment.hour >= 22 else ()


def kinds(health: Health, now: datetime = NOON, limits: Limits = LIMITS) -> set[str]:
    return set(troubles(health, never, now, limits))


def looks(text: str, minutes: int = 5, last: datetime = NOON) -> tuple[Look, ...]:
    """A picture every few minutes up to `last`: v(oid), g(rey), any other letter is a good one of its own."""
    first = last - (len(text) - 1) * minutes * MINUTE
    reasons = {"v": Reason.VOID, "g": Reason.GREY}
    return tuple(
        Look(taken_at=first + n * minutes * MINUTE, reason=reasons.get(letter, GOOD), sha256=letter * 64)
        for n, letter in enumerate(text)
    )


def test_of_a_camera_that_nothing_is_known_of_there_is_no_trouble() -> None:
    assert kinds(NEW) == set()


@pytest.mark.parametrize(
    ("text", "minutes", "is_open", "expected"),
    [
        ("a", 5, False, set()),
        ("av", 5, False, set()),
        ("avv", 5, False, set()),
        ("avvv", 5, False, {VOID}),
        ("vvv", 2, False, set()),  # four minutes
        ("vvvv", 2, False, {VOID}),
        ("vvva", 5, False, set()),
        ("vvvag", 5, True, set()),  # what is refused for another reason is seen
        ("av", 5, True, {VOID}),
        ("a", 5, True, set()),
        ("", 5, True, set()),
    ],
)
def test_void(text: str, minutes: int, is_open: bool, expected: set[str]) -> None:
    health = NEW.model_copy(update={"looks": looks(text, minutes), "open": (VOID,) if is_open else ()})
    assert kinds(health) == expected


@pytest.mark.parametrize(
    ("text", "last", "open_before", "expected"),
    [
        ("v", NOON.replace(hour=22), (), {COVERED}),
        ("av", NOON.replace(hour=22), (), {COVERED}),
        ("va", NOON.replace(hour=22), (COVERED,), set()),
        ("v", NOON, (), set()),
        ("v", NOON.replace(hour=21, minute=59), (), set()),
        ("vvvv", NOON.replace(hour=22), (), {COVERED}),  # and not void besides
        ("vvvv", NOON.replace(hour=22), (VOID,), {COVERED, VOID}),  # of which people know
        (
            "vvv",
            NOON.replace(hour=23) + 3 * HOUR,
            (COVERED,),
            {COVERED},
        ),  # the night is over, and it still sees nothing
        ("", NOON, (COVERED,), set()),
    ],
)
def test_covered_while_a_rule_is_armed(
    text: str, last: datetime, open_before: tuple[str, ...], expected: set[str]
) -> None:
    health = NEW.model_copy(update={"looks": looks(text, last=last), "open": open_before})
    found = troubles(health, at_night, last, LIMITS)
    assert set(found) == expected
    if COVERED in found and COVERED not in open_before:
        assert found[COVERED].facts.rules == ("intruder",)


@pytest.mark.parametrize(
    ("text", "minutes", "is_open", "how"),
    [
        ("abcd", 5, False, None),
        ("abb", 5, False, None),
        ("abbb", 5, False, "exact"),
        ("bbb", 4, False, None),  # eight minutes
        ("abgbvb", 5, False, "exact"),  # refused ones in between say nothing
        ("bbbc", 5, True, None),
        ("abb", 5, True, "exact"),
        ("vvv", 5, False, None),  # these are void
        ("", 5, False, None),
    ],
)
def test_frozen(text: str, minutes: int, is_open: bool, how: str | None) -> None:
    health = NEW.model_copy(update={"looks": looks(text, minutes), "open": (FROZEN,) if is_open else ()})
    found = troubles(health, never, NOON, LIMITS).get(FROZEN)
    assert (found and found.facts.how) == how


def prints(*tiles: bytes) -> tuple[Print, ...]:
    first = NOON - (len(tiles) - 1) * HOUR
    return tuple(Print(taken_at=first + n * HOUR, tiles=each.hex()) for n, each in enumerate(tiles))


SCENE = bytes(range(64, 128))
NOISY = bytes(each + 2 for each in SCENE)
BRIGHTER = bytes(each + 3 for each in SCENE)
CLOCK_IN_IT = bytes([0, 0, 0]) + SCENE[3:]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (SCENE, SCENE, True),
        (SCENE, NOISY, True),
        (SCENE, BRIGHTER, False),
        (SCENE, CLOCK_IN_IT, True),
        (SCENE, bytes(4) + SCENE[4:], False),
        (SCENE, SCENE[:16], False),
        (b"", b"", False),
    ],
)
def test_the_same_within_noise(one: bytes, other: bytes, alike: bool) -> None:
    first, second = prints(one, other)
    assert alike_within_noise(first, second) is alike


@pytest.mark.parametrize(
    ("seen", "limits", "how"),
    [
        ([SCENE] * 25, LIMITS, "noise"),
        ([SCENE, NOISY] * 12 + [SCENE], LIMITS, "noise"),
        ([SCENE] * 24, LIMITS, None),  # 23 hours
        ([SCENE] * 24 + [BRIGHTER], LIMITS, None),
        ([SCENE] * 12 + [BRIGHTER] + [SCENE] * 12, LIMITS, None),
        ([SCENE] * 25, replace(LIMITS, frozen_noise_seconds=0), None),
        ([], LIMITS, None),
    ],
)
def test_frozen_within_noise(seen: list[bytes], limits: Limits, how: str | None) -> None:
    found = troubles(NEW.model_copy(update={"prints": prints(*seen)}), never, NOON, limits).get(FROZEN)
    assert (found and found.facts.how) == how


def offsets(*hours: float | tuple[float, float], minutes: int = 10) -> tuple[Offset, ...]:
    """Footage every few minutes: so many hours after the time in its name, or from so many to so many."""
    bounds = [each if isinstance(each, tuple) else (each, each) for each in hours]
    first = NOON - (len(bounds) - 1) * minutes * MINUTE
    return tuple(
        Offset(arrived_at=first + n * minutes * MINUTE, least=3600 * least, most=3600 * most)
        for n, (least, most) in enumerate(bounds)
    )


@pytest.mark.parametrize(
    ("arrived", "is_open", "expected"),
    [
        (offsets(0, 0.01, 0), False, None),
        (offsets(8, 8.1, 8), False, 8),
        (offsets(8, 8), False, None),  # twice is not again and again
        (offsets(8, 8, 8, minutes=9), False, None),  # 18 minutes
        (offsets(1.4, 1.4, 1.4), False, None),  # an hour's clip, or a slow upload
        (offsets(1.5, 1.5, 1.5), False, 1.5),
        (offsets(8, 8, 0), True, None),
        (offsets(8, 8, (0, 8)), True, None),  # something is right again
        (offsets(0, 8), True, 8),
        (offsets(-0.5, -0.5, -0.5), False, -0.5),  # ahead: refused at once, so minutes are enough
        (offsets(-0.1, -0.1, -0.1), False, None),
        (offsets(-300_000, -300_000, -300_000), False, -300_000),
        ((), True, None),
        # Delayed uploads of a whole day: at once; over an hour, oldest or newest first; each hour what was taken in it.
        (offsets((2, 24)), False, None),
        (offsets(24, 22, 20, 18, 16, 14), False, None),
        (offsets(2, 5, 8, 11, 14, 17), False, None),
        (offsets((2, 10), (2, 10), (2, 10)), False, None),
        (offsets((8, 9), (8, 9), (8, 9), minutes=60), False, 8),  # each hour the hour's footage, by a clock 8 h behind
        (offsets((-8, -7), (-8, -7), (-8, -7), minutes=60), False, -8),
        (offsets((8, 10.1), (8, 10.1), (8, 10.1), minutes=60), False, None),
        (offsets((8, 9), (8.3, 9), (8.6, 9), minutes=60), False, None),
    ],
)
def test_clock(arrived: tuple[Offset, ...], is_open: bool, expected: float | None) -> None:
    health = NEW.model_copy(update={"offsets": arrived, "open": (CLOCK,) if is_open else ()})
    found = troubles(health, never, NOON, LIMITS).get(CLOCK)
    assert (found and found.facts.offset_seconds) == (expected and 3600 * expected)


@pytest.mark.parametrize(
    ("hours", "open_before", "expected"),
    [
        ({}, (), None),
        ({"2026-11-20T12": {"": 10, "grey": 10}}, (), {"grey": 10}),
        ({"2026-11-20T12": {"": 11, "grey": 10}}, (), None),
        ({"2026-11-20T12": {"grey": 19}}, (), None),  # too few to tell
        ({"2026-11-19T11": {"grey": 50}, "2026-11-20T12": {"": 20}}, (), None),  # of the day before
        ({"2026-11-19T12": {"grey": 20}, "2026-11-20T12": {"": 20}}, (), {"grey": 20}),
        (
            {"2026-11-20T12": {"": 1, "grey": 4, "corrupt": 9, "truncated": 2, "empty": 20}},
            (),
            {"empty": 20, "corrupt": 9, "grey": 4},
        ),
        ({"2026-11-20T12": {"void": 40}}, (VOID,), None),  # has been told
        ({"2026-11-20T12": {"void": 40}}, (), {"void": 40}),
        ({"2026-11-20T12": {"void": 10, "grey": 30}}, (COVERED,), {"grey": 30, "void": 10}),
        ({"2026-11-20T12": {"implausible-time": 40}}, (CLOCK,), None),
        ({"2026-11-20T12": {"": 20, "grey": 10}}, (REFUSED,), {"grey": 10}),  # a third: not over yet
        ({"2026-11-20T12": {"": 31, "grey": 10}}, (REFUSED,), None),
        ({}, (REFUSED,), {}),  # nothing came since
    ],
)
def test_refused(
    hours: dict[str, dict[str, int]], open_before: tuple[str, ...], expected: dict[str, int] | None
) -> None:
    found = troubles(NEW.model_copy(update={"hours": hours, "open": open_before}), never, NOON, LIMITS).get(REFUSED)
    assert (found and found.facts.reasons) == expected


def test_refusals_are_over_after_good_minutes_and_do_not_come_back_for_what_was_before() -> None:
    health = NEW.model_copy(update={"hours": {"2026-11-20T11": {"grey": 90}, "2026-11-20T12": {"": 10}}})
    mended = health.model_copy(update={"open": (REFUSED,), "looks": looks("gabcdefhijk")})
    assert kinds(health) == {REFUSED}
    assert kinds(mended.model_copy(update={"looks": looks("gabc")})) == {REFUSED}
    assert kinds(mended) == set()
    assert kinds(mended.model_copy(update={"open": (), "refused_from": NOON})) == set()


def gaps(*days: dict[timedelta, int]) -> dict[str, dict[int, int]]:
    return {f"2026-11-{n + 1:02d}": {gap_bin(gap): number for gap, number in day.items()} for n, day in enumerate(days)}


@pytest.mark.parametrize(
    ("history", "age", "hours"),
    [
        ({}, 30 * DAY, 0.5),  # every minute or so: half an hour at the least
        (gaps({HOUR: 20}), 30 * DAY, 3),
        (gaps({HOUR: 19, 8 * HOUR: 1}), 30 * DAY, 3),
        (gaps({HOUR: 18, 8 * HOUR: 1}), 30 * DAY, 24),
        # Quiet nights: too few for the percentile, but it came back from each.
        (gaps(*[{HOUR: 30, 8 * HOUR: 1}] * 3), 30 * DAY, 10),
        (gaps(*[{HOUR: 30, 8 * HOUR: 1}] * 2, {HOUR: 30}), 30 * DAY, 3),  # two outages are no habit
        (gaps({HOUR: 20}), 3 * DAY, 3),
        (gaps({HOUR: 20}), 3 * DAY - MINUTE, 24),  # too little history
        ({}, timedelta(0), 24),
    ],
)
def test_patience_with_a_quiet_camera(history: dict[str, dict[int, int]], age: timedelta, hours: float) -> None:
    health = NEW.model_copy(update={"gaps": history, "since": NOON - age, "last_arrived_at": NOON})
    allowed = patience(health, NOON, LIMITS).allowed
    assert hours * HOUR <= allowed < 1.25 * hours * HOUR  # a bin has some width
    assert due(health, LIMITS) == NOON + allowed
    assert silent(health, NOON, NOON + allowed - MINUTE, LIMITS) is None
    found = silent(health, NOON, NOON + allowed, LIMITS)
    assert found and (found.since, found.facts.last_at) == (NOON, NOON)


@pytest.mark.parametrize("health", [None, NEW])
def test_a_camera_that_never_sent_any(health: Health | None) -> None:
    assert silent(health, NOON, NOON + DAY - MINUTE, LIMITS) is None
    found = silent(health, NOON, NOON + DAY, LIMITS)
    assert found and (found.since, found.facts.last_at, found.facts.allowed_seconds) == (NOON, None, 86_400)
