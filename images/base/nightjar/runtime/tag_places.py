"""Places for the tags of boxes in a picture: within it, and on no other box and no other tag. Pure; all in pixels.

A tag stands at its box where there is room: above, beside or below, so that heads and faces stay free. Else it stands
inside its own box, or where the picture is free, nearest to its box, and a line leads to it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import floor

_STEPS = 24  # places looked at along each side of the picture when there is no room at the box


@dataclass(frozen=True)
class Area:
    """A rectangle by its sides, x from left to right, y from top to bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    def overlaps(self, other: "Area") -> bool:
        """Whether the two share more than a side."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def is_within(self, other: "Area") -> bool:
        """Whether no part of it is outside of `other`."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )

    def at(self, left: float, top: float) -> "Area":
        """An area of the same size there, on whole pixels."""
        return Area(floor(left), floor(top), floor(left) + self.width, floor(top) + self.height)

    def distance(self, other: "Area") -> float:
        """The shortest way to `other` along the axes; 0 when they touch."""
        across = max(self.left - other.right, other.left - self.right, 0.0)
        return across + max(self.top - other.bottom, other.top - self.bottom, 0.0)


def tag_places(picture: Area, boxes: Sequence[Area], tags: Sequence[Sequence[Area]]) -> list[Area | None]:
    """A place for the tag of each of `boxes`, in their order; None where every place would cover something.

    `tags` has the sizes that each tag may have, the best first. Earlier boxes choose first.
    """
    chosen: list[Area | None] = []
    for n, (box, sizes) in enumerate(zip(boxes, tags, strict=True)):
        taken = [*(each for m, each in enumerate(boxes) if m != n), *(each for each in chosen if each)]
        places = (place for size in sizes for place in _at(box, size, picture))
        chosen.append(_first_free(places, picture, taken) or _apart(box, sizes, picture, taken))
    return chosen


def _at(box: Area, tag: Area, picture: Area) -> Iterator[Area]:
    """Places at the box: outside of it, along each side; then inside, at its foot."""
    along = _within(box.left, picture.left, picture.right - tag.width)
    end = _within(box.right - tag.width, picture.left, picture.right - tag.width)
    beside = _within(box.top, picture.top, picture.bottom - tag.height)
    low = _within(box.bottom - tag.height, picture.top, picture.bottom - tag.height)
    for left in (along, end):
        yield tag.at(left, box.top - tag.height)
    for top in (beside, low):
        yield tag.at(box.right, top)
        yield tag.at(box.left - tag.width, top)
    for left in (along, end):
        yield tag.at(left, box.bottom)
    for left in (along, end):
        yield tag.at(left, low)


def _apart(box: Area, sizes: Sequence[Area], picture: Area, taken: Sequence[Area]) -> Area | None:
    """The free place nearest to the box, of a grid over the picture; the smallest tag has most of them."""
    for tag in sizes[-1:]:
        across, down = (picture.width - tag.width) / _STEPS, (picture.height - tag.height) / _STEPS
        grid = (
            tag.at(picture.left + across * x, picture.top + down * y) for x, y in product(range(_STEPS + 1), repeat=2)
        )
        return _first_free(sorted(grid, key=lambda place: place.distance(box)), picture, [box, *taken])
    return None


def _first_free(places: Iterable[Area], picture: Area, taken: Sequence[Area]) -> Area | None:
    for place in places:
        if place.is_within(picture) and not any(place.overlaps(each) for each in taken):
            return place
    return None


def _within(value: float, least: float, most: float) -> float:
    return max(least, min(value, most))
