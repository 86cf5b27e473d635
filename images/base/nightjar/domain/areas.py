"""Areas of a picture: polygons, in fractions of the upright picture's width and height, origin top left. Pure geometry.

Edges and corners belong to a polygon. A box is x_min, y_min, x_max, y_max, as in the detections.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

Point = tuple[float, float]
Box = tuple[float, float, float, float]

MOST_CORNERS = 100  # each picture's objects are held against each edge, and each edge against each other
_LEAST_CORNERS = 3
_EPSILON = 1e-9  # of a picture's size: less than any pixel, more than what a float loses
_ROOM = 10 * _EPSILON


class PolygonError(ValueError):
    """These corners make no area. `corner` is the index of the one that is wrong, where it is a single one."""

    def __init__(self, message: str, corner: int | None = None) -> None:
        super().__init__(message)
        self.corner = corner


@dataclass(frozen=True)
class Polygon:
    """A closed polygon that does not cross itself: an edge leads from each corner to the next, and back to the first.

    Raises PolygonError for corners that make none.
    """

    corners: tuple[Point, ...]

    def __post_init__(self) -> None:
        _check(self.corners)

    @classmethod
    def of(cls, corners: Sequence[Point]) -> "Polygon":
        """The polygon with these corners; the first one may be repeated at the end. Raises PolygonError."""
        closed = len(corners) > _LEAST_CORNERS and corners[0] == corners[-1]
        return cls(tuple(corners[:-1] if closed else corners))

    @cached_property
    def edges(self) -> tuple[tuple[Point, Point], ...]:
        """From each corner to the next, and from the last to the first."""
        return tuple(itertools.pairwise((*self.corners, self.corners[0])))

    @property
    def share(self) -> float:
        """The share of the picture's area that it takes, 0 to 1."""
        return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in self.edges)) / 2

    @cached_property
    def _framed_edges(self) -> tuple[tuple[Point, Point, float, float, float, float], ...]:
        """Each edge with the sides of a frame beyond which no point is on it: most points need no closer look."""
        return tuple(
            (a, b, min(a[0], b[0]) - _ROOM, min(a[1], b[1]) - _ROOM, max(a[0], b[0]) + _ROOM, max(a[1], b[1]) + _ROOM)
            for a, b in self.edges
        )

    def contains(self, point: Point) -> bool:
        """Whether `point` is inside or on an edge."""
        x, y = point
        is_inside = False
        for a, b, left, upper, right, lower in self._framed_edges:
            if left <= x <= right and upper <= y <= lower and _on(point, a, b):
                return True
            # A ray to the right crosses the edge; a corner on the ray counts for the edge above it only.
            if (a[1] > y) != (b[1] > y) and x < _x_at(y, a, b):
                is_inside = not is_inside
        return is_inside

    def touches(self, box: Box) -> bool:
        """Whether `box` and the polygon have at least a point in common."""
        x_min, y_min, x_max, y_max = box
        frame = ((x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max))
        sides = tuple(itertools.pairwise((*frame, frame[0])))
        return (
            any(x_min <= x <= x_max and y_min <= y <= y_max for x, y in self.corners)
            or self.contains(frame[0])
            or any(_meet(*edge, *side) for edge in self.edges for side in sides)
        )


def _check(corners: Sequence[Point]) -> None:
    for n, corner in enumerate(corners):
        if not all(0 <= value <= 1 for value in corner):
            raise PolygonError(f"expected fractions of the picture from 0 to 1, got {_shown(corner)}", n)
    for n, corner in enumerate(corners):
        if corner in corners[:n]:
            raise PolygonError(f"expected each corner only once, got {_shown(corner)} twice", n)
    if not _LEAST_CORNERS <= len(corners) <= MOST_CORNERS:
        raise PolygonError(f"expected {_LEAST_CORNERS} to {MOST_CORNERS} different corners, got {len(corners)}")
    far = max(corners, key=lambda corner: math.dist(corner, corners[0]))
    if all(abs(_side(corner, corners[0], far)) < _EPSILON for corner in corners):
        raise PolygonError("expected an area, got corners in one line")
    for (a, b), (c, d) in _crossings(list(itertools.pairwise((*corners, corners[0])))):
        edges = f"{_shown(a)} to {_shown(b)} and {_shown(c)} to {_shown(d)}"
        raise PolygonError(f"expected edges that do not cross or touch each other, got {edges}")


def _crossings(edges: Sequence[tuple[Point, Point]]) -> Iterator[tuple[tuple[Point, Point], tuple[Point, Point]]]:
    for (m, first), (n, second) in itertools.combinations(enumerate(edges), 2):
        if n == m + 1:  # neighbours share a corner; they may not run back over each other
            bad = _on(second[1], *first) or _on(first[0], *second)
        elif m == 0 and n == len(edges) - 1:
            bad = _on(second[0], *first) or _on(first[1], *second)
        else:
            bad = _meet(*first, *second)
        if bad:
            yield first, second


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the line from `a` to `b` and that from `c` to `d` have a point in common."""
    if _on(a, c, d) or _on(b, c, d) or _on(c, a, b) or _on(d, a, b):
        return True
    return (_side(c, a, b) > 0) != (_side(d, a, b) > 0) and (_side(a, c, d) > 0) != (_side(b, c, d) > 0)


def _on(point: Point, a: Point, b: Point) -> bool:
    """Whether `point` is on the line from `a` to `b`, its ends included."""
    length = math.dist(a, b)
    if length < _EPSILON:
        return math.dist(point, a) < _EPSILON
    along = ((point[0] - a[0]) * (b[0] - a[0]) + (point[1] - a[1]) * (b[1] - a[1])) / length
    return -_EPSILON <= along <= length + _EPSILON and abs(_side(point, a, b)) / length <= _EPSILON


def _side(point: Point, a: Point, b: Point) -> float:
    """More than 0 on one side of the line through `a` and `b`, less on the other."""
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])


def _x_at(y: float, a: Point, b: Point) -> float:
    return a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1])


def _shown(corner: Point) -> str:
    return f"[{corner[0]:g}, {corner[1]:g}]"
