"""Polygons: inside, on the edge, outside; and corners that make none."""

import math
import random

import pytest

from nightjar.domain.areas import MOST_CORNERS, Box, Point, Polygon, PolygonError

SQUARE = Polygon(((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)))
# An arrow that points right, with a notch at its left.
ARROW = Polygon(((0.1, 0.1), (0.9, 0.5), (0.1, 0.9), (0.4, 0.5)))


@pytest.mark.parametrize(
    ("polygon", "point", "inside"),
    [
        (SQUARE, (0.5, 0.5), True),
        (SQUARE, (0.2, 0.2), True),  # a corner
        (SQUARE, (0.2, 0.5), True),  # an edge
        (SQUARE, (0.8, 0.8), True),
        (SQUARE, (0.5, 0.8), True),
        (SQUARE, (0.19, 0.5), False),
        (SQUARE, (0.1, 0.2), False),  # in line with an edge
        (SQUARE, (0.9, 0.2), False),
        (SQUARE, (0.5, 0.81), False),
        (ARROW, (0.41, 0.5), True),
        (ARROW, (0.3, 0.5), False),  # in the notch, at the height of two corners
        (ARROW, (0.05, 0.5), False),
        (ARROW, (0.2, 0.2), True),
        (ARROW, (0.9, 0.5), True),
        (ARROW, (0.95, 0.5), False),
        (Polygon(((0, 0), (1, 0), (1, 1), (0, 1))), (1.0, 1.0), True),
        (Polygon(((0, 0), (1, 1), (0, 1))), (0.3, 0.3), True),  # on a slanting edge
        (Polygon(((0, 0), (1, 1), (0, 1))), (0.3, 0.29), False),
    ],
)
def test_a_point(polygon: Polygon, point: Point, inside: bool) -> None:
    assert polygon.contains(point) is inside
    assert Polygon(tuple(reversed(polygon.corners))).contains(point) is inside


@pytest.mark.parametrize(
    ("polygon", "box", "touches"),
    [
        (SQUARE, (0.4, 0.4, 0.6, 0.6), True),  # inside
        (SQUARE, (0.0, 0.0, 1.0, 1.0), True),  # around it
        (SQUARE, (0.1, 0.3, 0.3, 0.4), True),
        (SQUARE, (0.0, 0.45, 1.0, 0.5), True),  # through it, no corner inside
        (SQUARE, (0.0, 0.0, 0.2, 0.2), True),  # a corner
        (SQUARE, (0.8, 0.0, 0.9, 0.3), True),  # along an edge
        (SQUARE, (0.0, 0.0, 0.19, 1.0), False),
        (SQUARE, (0.81, 0.81, 1.0, 1.0), False),
        (ARROW, (0.1, 0.48, 0.3, 0.52), False),  # in the notch
        (ARROW, (0.1, 0.48, 0.41, 0.52), True),
    ],
)
def test_a_box(polygon: Polygon, box: Box, touches: bool) -> None:
    assert polygon.touches(box) is touches


@pytest.mark.parametrize(
    ("corners", "corner", "message"),
    [
        ([], None, "expected 3 to 100 different corners, got 0"),
        ([(0, 0), (1, 1)], None, "expected 3 to 100 different corners, got 2"),
        ([(0, 0), (1, 1), (0, 0)], 2, r"expected each corner only once, got \[0, 0\] twice"),
        ([(0, 0), (1, 0), (1, 1), (1, 0)], 3, "only once"),
        ([(0, 0), (1, 0), (1, 1.1)], 2, r"expected fractions of the picture from 0 to 1, got \[1, 1.1\]"),
        ([(0, 0), (-0.1, 0), (1, 1)], 1, "fractions"),
        ([(0, 0), (math.nan, 0), (1, 1)], 1, "fractions"),
        ([(0, 0), (0.5, 0.5), (1, 1)], None, "corners in one line"),
        (
            [(0, 0), (1, 1), (1, 0), (0, 1)],
            None,
            r"touch each other, got \[0, 0\] to \[1, 1\] and \[1, 0\] to",
        ),
        ([(0, 0), (1, 0), (0.5, 0), (0.5, 1)], None, "cross or touch"),  # back over an edge
        ([(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)], None, "cross or touch"),  # a corner on an edge
        ([(n / 101, (n / 101) ** 2) for n in range(101)], None, "expected 3 to 100 different corners, got 101"),
    ],
)
def test_corners_that_make_no_area(corners: list[Point], corner: int | None, message: str) -> None:
    with pytest.raises(PolygonError, match=message) as caught:
        Polygon.of(corners)
    assert caught.value.corner == corner


def test_the_first_corner_may_be_repeated_at_the_end() -> None:
    assert Polygon.of([*SQUARE.corners, SQUARE.corners[0]]) == SQUARE


def test_many_corners() -> None:
    angles = [2 * math.pi * n / MOST_CORNERS for n in range(MOST_CORNERS)]
    circle = Polygon.of([(0.5 + 0.4 * math.cos(a), 0.5 + 0.4 * math.sin(a)) for a in angles])
    random.seed(9)
    for _ in range(300):
        point = (random.random(), random.random())
        away = math.dist(point, (0.5, 0.5))
        if abs(away - 0.4) > 0.001:
            assert circle.contains(point) is (away < 0.4)
            assert circle.touches((*point, *point)) is (away < 0.4)
