"""The objects of pictures between two that were looked at."""

import pytest

from nightjar.domain.areas import Box
from nightjar.domain.detections import DetectedObject
from nightjar.domain.interpolation import interpolated
from nightjar.domain.likeness import likeness

LEFT: Box = (0.2, 0.3, 0.3, 0.7)
RIGHT: Box = (0.24, 0.3, 0.36, 0.74)


def seen(box: Box, probability: float, label: str = "person") -> DetectedObject:
    return DetectedObject(label=label, probability=probability, box=box)


def between(
    first: list[DetectedObject], second: list[DetectedObject], share: float, least: float = 0.1
) -> list[tuple[str, float, Box]]:
    found = interpolated(first, second, likeness(first, second, 0.75), share, least)
    return [(one.label, one.probability, one.box) for one in found]


@pytest.mark.parametrize(
    ("share", "probability", "box"),
    [
        (0.0, 0.9, LEFT),
        (0.25, 0.8, (0.21, 0.3, 0.315, 0.71)),
        (0.5, 0.7, (0.22, 0.3, 0.33, 0.72)),
        (1.0, 0.5, RIGHT),
    ],
)
def test_an_object_in_both_moves_grows_and_fades_evenly(share: float, probability: float, box: Box) -> None:
    assert between([seen(LEFT, 0.9)], [seen(RIGHT, 0.5)], share) == [("person", probability, box)]


@pytest.mark.parametrize(("share", "is_there"), [(0.1, True), (0.5, True), (0.51, False), (0.9, False)])
def test_an_object_in_one_stays_for_the_nearer_half_less_probable(share: float, is_there: bool) -> None:
    stays = [("person", 0.72, LEFT)]
    assert between([seen(LEFT, 0.9)], [], share) == (stays if is_there else [])
    assert between([], [seen(LEFT, 0.9)], share) == ([] if is_there else stays)


@pytest.mark.parametrize(
    ("first", "second", "number"),
    [
        pytest.param([], [], 0, id="nothing"),
        pytest.param([seen(LEFT, 0.12)], [seen(LEFT, 0.12)], 0, id="too faint to be followed"),
        pytest.param([seen(LEFT, 0.16)], [], 1, id="faint, and still recorded"),
        pytest.param([seen(LEFT, 0.9), seen(LEFT, 0.6, "dog")], [seen(RIGHT, 0.7)], 2, id="one of two goes on"),
    ],
)
def test_how_many_objects_there_are_on_the_nearer_half(
    first: list[DetectedObject], second: list[DetectedObject], number: int
) -> None:
    assert len(between(first, second, 0.4)) == number


def test_what_the_detector_would_not_record_is_left_out() -> None:
    assert between([seen(LEFT, 0.6)], [], 0.1, least=0.5) == []
    assert between([seen(LEFT, 0.7)], [], 0.1, least=0.5) == [("person", 0.56, LEFT)]


def test_the_most_probable_comes_first() -> None:
    first = [seen(LEFT, 0.9), seen((0.6, 0.3, 0.7, 0.7), 0.5)]
    second = [seen(LEFT, 0.2), seen((0.6, 0.3, 0.7, 0.7), 0.8)]
    assert [p for _, p, _ in between(first, second, 0.9)] == [0.77, 0.27]
