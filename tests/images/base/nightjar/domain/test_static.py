"""Static objects: what stays, what is seen now and then, what leaves and comes back, and what stands beside it."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.domain.areas import Box
from nightjar.domain.judging import judge_pictures
from nightjar.domain.rules import Safe, Static
from nightjar.domain.sights import Sight, Thing
from nightjar.domain.standing import Standing
from nightjar.domain.static import MOST_BOXES, Look, boxes_by_label, influence_end, matches, static_boxes
from nightjar.runtime.rules import parse_rules
from tests.bucket import PORCH

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PLACE: Box = (0.10, 0.50, 0.30, 0.90)
NUDGED: Box = (0.12, 0.50, 0.32, 0.90)  # overlaps PLACE by 0.82
BESIDE: Box = (0.35, 0.50, 0.55, 0.90)
STATIC = Static(after_seconds=60, overlap=0.7, forget_seconds=30)


def look(seconds: float, *boxes: Box, label: str = "car") -> Look:
    return Look(NOON + timedelta(seconds=seconds), {label: boxes} if boxes else {})


def is_static(looks: Sequence[Look], box: Box = PLACE, static: Static = STATIC) -> bool:
    """Whether `box` in the last of the `looks` is static."""
    *before, last = looks
    return box in static_boxes(last, {"car": [box]}, reversed(before), static)


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([look(0, PLACE)], False),
        ([look(0, PLACE), look(59, PLACE)], False),
        ([look(0, PLACE), look(60, PLACE)], True),
        ([look(0, NUDGED), look(60, PLACE)], True),
        ([look(0, BESIDE), look(60, PLACE)], False),
        ([look(0, PLACE, label="dog"), look(60, PLACE)], False),
        ([look(0, PLACE), look(86_400, PLACE)], True),  # a day without any picture is no absence
        ([look(0, PLACE), look(86_401, PLACE)], False),  # older than what is looked for
        ([look(0, PLACE), look(30), look(60, PLACE)], False),  # it was missing, and not seen for 60 s
        ([look(0, PLACE), look(40, PLACE), look(50), look(70, PLACE)], True),  # not seen for 30 s
        ([look(0, PLACE), look(39, PLACE), look(50), look(70, PLACE)], False),  # not seen for 31 s
        ([look(0, PLACE), look(10), look(30, PLACE), look(80, PLACE)], True),  # missing in a picture in the past
        ([look(0, PLACE), look(10), look(31, PLACE), look(80, PLACE)], False),
        ([look(0, PLACE), look(10), look(20, PLACE), look(70), look(80, PLACE)], False),
        ([look(-100, PLACE), look(-50), look(0, PLACE), look(60, PLACE)], True),  # it came back, and has stayed since
        ([look(0, PLACE), look(20, BESIDE), look(40), look(60, PLACE)], False),
    ],
)
def test_what_stays_is_static(looks: list[Look], expected: bool) -> None:
    assert is_static(looks) is expected


def test_what_drives_slowly_is_not_static() -> None:
    """Each box overlaps the one before, and none the box of a minute ago."""
    looks = [look(10 * n, (0.05 * n, 0.5, 0.2 + 0.05 * n, 0.9)) for n in range(12)]
    assert not any(is_static(looks[: n + 1], looks[n].boxes["car"][0]) for n in range(12))


def test_of_two_cars_side_by_side_each_is_judged_by_itself() -> None:
    both = [*(look(10 * n, PLACE) for n in range(6)), look(60, PLACE, BESIDE)]
    assert is_static(both)
    assert not is_static(both, BESIDE)


def test_a_car_that_parks_close_to_another_is_no_part_of_the_scene() -> None:
    """One box of the past is one object: the new box overlaps it enough, and the old box overlaps it more."""
    close = [look(0, PLACE), look(60, NUDGED, PLACE)]
    assert is_static(close, PLACE)
    assert not is_static(close, NUDGED)


@pytest.mark.parametrize(
    ("own", "others", "matched"),
    [
        ([], [PLACE], set()),
        ([PLACE], [], set()),
        ([PLACE, NUDGED], [PLACE], {0}),
        ([PLACE, NUDGED], [NUDGED], {1}),
        ([PLACE, NUDGED], [NUDGED, PLACE], {0, 1}),
        ([PLACE, BESIDE], [PLACE, BESIDE], {0, 1}),
        ([PLACE, PLACE], [PLACE], {0}),
    ],
)
def test_one_box_is_matched_to_one_box(own: list[Box], others: list[Box], matched: set[int]) -> None:
    assert matches(own, others, 0.7) == matched


def test_a_look_keeps_the_most_probable_of_a_full_car_park() -> None:
    things = [Thing("car", 0.9, (n / 1000, 0.0, 0.5, 0.5)) for n in range(200)]
    boxes = boxes_by_label([*things, Thing("dog", 0.8, PLACE)], frozenset({"car", "dog"}))
    assert {label: len(found) for label, found in boxes.items()} == {"car": MOST_BOXES}


_JITTER = st.sampled_from([0.0, 0.005, 0.01, 0.02, 0.04, 0.2])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([5, 10, 31, 70]), st.lists(st.tuples(_JITTER, _JITTER), max_size=3, unique=True)),
        max_size=40,
    )
)
def test_what_stands_picture_after_picture_is_what_looking_back_finds(
    steps: list[tuple[int, list[tuple[float, float]]]],
) -> None:
    seconds = itertools.accumulate(step for step, _ in steps)
    looks = [
        look(second, *((0.1 + dx, 0.5 + dy, 0.3 + dx, 0.7 + dy) for dx, dy in places))
        for second, (_, places) in zip(seconds, steps, strict=True)
    ]
    standing = Standing(looks, STATIC)
    for number, each in enumerate(looks):
        found = standing.boxes(number, each.boxes)
        assert found == static_boxes(each, each.boxes, reversed(looks[:number]), STATIC)


@pytest.mark.parametrize(
    ("following", "seconds"), [(None, 86_400), (10, 100), (86_390, 86_400)], ids=["none", "soon", "late"]
)
def test_until_when_a_picture_decides(following: float | None, seconds: float) -> None:
    after = None if following is None else NOON + timedelta(seconds=following)
    assert influence_end(after, NOON, STATIC) == NOON + timedelta(seconds=seconds)


RULES = """\
static: {after_seconds: 60, forget_seconds: 30}
rules:
  200: {name: anything, unsafe: [car, person], min_probability: 50%}
users:
  alice: {email: alice@example.com, timezone: UTC, rules: [200], devices: {porch: {static: STATIC}}}
"""


@pytest.mark.parametrize(
    ("label", "static", "threats"),
    [
        ("car", "{after_seconds: 60}", [0, 20, 40]),
        ("car", "{after_seconds: 120}", [0, 20, 40, 60, 80, 100]),
        ("car", "false", [0, 20, 40, 60, 80, 100]),
        ("car", "{after_seconds: 60, exempt: [car]}", [0, 20, 40, 60, 80, 100]),
        ("person", "{after_seconds: 60}", [0, 20, 40, 60, 80, 100]),
        ("person", "{after_seconds: 60, exempt: [car]}", [0, 20, 40, 60, 80, 100]),  # people never are
    ],
)
def test_whoever_stands_still_is_no_furniture(label: str, static: str, threats: list[int]) -> None:
    camera = parse_rules(RULES.replace("STATIC", static).encode()).device(PORCH)
    assert camera is not None
    sights = [Sight(NOON + timedelta(seconds=s), [Thing(label, 0.9, PLACE)]) for s in range(0, 120, 20)]
    judgement = judge_pictures(sights, camera, timedelta(seconds=60))
    moments = [moment for by_moment in judgement.threats.values() for moment in by_moment]
    assert moments == [NOON + timedelta(seconds=s) for s in threats]
    assert {why for lines in judgement.suppressed.values() for _, why in lines} <= {Safe.STATIC}


def test_a_faint_box_says_that_it_is_still_there() -> None:
    camera = parse_rules(RULES.replace("STATIC", "{after_seconds: 60}").encode()).device(PORCH)
    assert camera is not None
    probabilities = [0.9, 0.2, 0.2, 0.2, 0.9]
    sights = [Sight(NOON + timedelta(seconds=40 * n), [Thing("car", p, PLACE)]) for n, p in enumerate(probabilities)]
    judgement = judge_pictures(sights, camera, timedelta(seconds=60))
    assert [[why for _, why in lines] for lines in judgement.suppressed.values()] == [
        *[[Safe.BELOW_PROBABILITY]] * 3,
        [Safe.STATIC],
    ]
