"""Standing false boxes: found over days, told apart from what moves, what is new and what is rare."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from nightjar.domain.detections import DetectedObject
from nightjar.domain.sights import overlap_of
from nightjar.domain.standing_boxes import Box, Measure, Sighting, StandingBox, standing_boxes
from tests.bucket import PORCH
from tests.scenes import detection

DUSK = datetime(2026, 11, 2, 17, 40, tzinfo=UTC)
_USUAL = Measure()
BUSH: Box = (0.60, 0.40, 0.75, 0.90)
OTHER: Box = (0.10, 0.40, 0.25, 0.90)


def moved(box: Box, x: float, y: float = 0.0) -> Box:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def sighting(day: int, box: Box, label: str = "person", minute: int = 0, probability: float = 0.7) -> Sighting:
    """On the day so many days after the first, `minute` minutes after dusk."""
    local = DUSK + timedelta(days=day, minutes=minute)
    return Sighting(
        local, DetectedObject(label=label, probability=probability, box=box), detection(PORCH, local, {label: 0.7})
    )


def days(numbers: Iterable[int]) -> list[date]:
    return [(DUSK + timedelta(days=n)).date() for n in numbers]


def found(seen: Sequence[Sighting], pictured: Iterable[int] = range(7), measure: Measure = _USUAL) -> list[StandingBox]:
    """The same in whatever order the sightings come."""
    result = standing_boxes(seen, days(pictured), measure)
    shuffled = list(seen)
    random.Random(7).shuffle(shuffled)
    assert standing_boxes(shuffled, days(pictured), measure) == result
    return result


@pytest.mark.parametrize(
    ("seen_on", "pictured", "measure", "expected"),
    [
        ([], range(7), Measure(), 0),
        ([0, 1], range(7), Measure(), 0),
        ([0, 1, 2], range(7), Measure(), 3),
        ([0, 1], range(7), Measure(days=2), 2),
        ([0, 3, 5], range(7), Measure(), 3),  # three of six days
        ([0, 3, 6], range(7), Measure(), 0),  # three of seven: less than half
        ([0, 3, 6], range(7), Measure(of_days=0.4), 3),
        ([0, 3, 6], [0, 3, 6], Measure(), 3),  # no pictures on the other days
        ([0, 3, 6], [], Measure(), 3),
        (range(7), range(7), Measure(days=7), 7),
        (range(7), range(7), Measure(days=8), 0),
    ],
)
def test_on_how_many_days(seen_on: Iterable[int], pictured: Iterable[int], measure: Measure, expected: int) -> None:
    boxes = found([sighting(day, BUSH) for day in seen_on], pictured, measure)
    assert [len(box.days) for box in boxes] == ([expected] if expected else [])


def test_all_that_is_told_of_a_box() -> None:
    wobbling = [
        sighting(day, moved(BUSH, 0.003 * day), minute=m, probability=0.5 + m / 100) for day in range(4) for m in (0, 9)
    ]
    [box] = found(wobbling)
    assert box.label == "person"
    assert box.box == pytest.approx(moved(BUSH, 0.0045), abs=1e-4)
    assert box.alike > 0.9
    assert (box.pictures, box.of_days, box.days) == (8, 4, tuple(days(range(4))))
    assert box.probability == 0.59
    assert {each.seen.probability for each in box.examples} == {0.59}


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param([sighting(n, moved(BUSH, -0.05 * n)) for n in range(7)], id="it moves, each day"),
        pytest.param([sighting(0, moved(BUSH, -0.01 * n), minute=n) for n in range(60)], id="it walks, on one day"),
        pytest.param(
            [sighting(day, moved(BUSH, 0.05 * (-1) ** day * (day + 1) / 2), minute=day) for day in range(4)],
            id="somebody at the door each day, a little aside each time",
        ),
        pytest.param(
            [sighting(n, BUSH, ("person", "dog", "cat", "bird")[n]) for n in range(4)], id="another label each day"
        ),
        pytest.param([sighting(0, BUSH, minute=n) for n in range(60)], id="many times on one day"),
    ],
)
def test_no_standing_box(seen: list[Sighting]) -> None:
    assert found(seen) == []


def test_two_boxes_and_two_labels() -> None:
    seen = [sighting(day, box) for day in range(3) for box in (BUSH, OTHER)]
    seen += [sighting(day, BUSH, "dog") for day in range(5)]
    boxes = found(seen)
    assert [(box.label, len(box.days)) for box in boxes] == [("dog", 5), ("person", 3), ("person", 3)]
    assert [box.box for box in boxes[1:]] == [OTHER, BUSH]


def test_people_who_pass_do_not_hide_a_bush() -> None:
    seen = [sighting(day, BUSH, minute=5) for day in range(5)]
    seen += [sighting(day, moved(OTHER, 0.03 * n), minute=n) for day in range(5) for n in range(day, 20, 5)]
    assert [box.box for box in found(seen)] == [BUSH]


def test_a_box_that_drifts_through_the_days_is_no_chain() -> None:
    """Each day's box overlaps the one of the day before well, and the first and the last do not meet."""
    drifting = [sighting(day, moved(BUSH, -0.012 * day)) for day in range(12)]
    boxes = found(drifting, range(12))
    assert boxes
    for box in boxes:
        assert all(overlap_of(each.seen.box, box.box) >= 0.8 for each in box.examples)
