"""Pictures as judging needs them: a time, and objects. Pure, and light: a week has 100,000 pictures.

A `DetectedObject` is an `ObjectSeen`, and so is the tuple `Thing` for whoever reads many lines.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from nightjar.domain.areas import Box


class ObjectSeen(Protocol):
    """An object in a picture; `box` is x_min, y_min, x_max, y_max as fractions of the upright picture."""

    @property
    def label(self) -> str: ...

    @property
    def probability(self) -> float: ...

    @property
    def box(self) -> Box: ...


class Thing(NamedTuple):
    """An object in a picture, as cheap as can be."""

    label: str
    probability: float
    box: Box


O = TypeVar("O", bound=ObjectSeen)  # noqa: E741 - an object


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture of one camera: when it was taken (aware), and everything that the detector saw in it.

    `is_seen` is False where the detector did not look, and the objects are from other pictures.
    """

    taken_at: datetime
    objects: Sequence[ObjectSeen]
    is_seen: bool = True


def in_order(objects: Iterable[O]) -> list[O]:
    """`objects` from the most to the least probable, as detections have them."""
    return sorted(objects, key=lambda o: (-o.probability, o.label, o.box))


def overlap_of(one: Box, other: Box) -> float:
    """Intersection over union of two boxes: 0 where they are apart, 1 where they are the same."""
    left, upper, right, lower = one
    from_left, from_top, to_right, to_bottom = other
    # Comparisons in line: this is asked millions of times for a week of pictures.
    width = (right if right < to_right else to_right) - (left if left > from_left else from_left)
    height = (lower if lower < to_bottom else to_bottom) - (upper if upper > from_top else from_top)
    if width <= 0 or height <= 0:
        return float(one == other)  # a box without an area
    both = width * height
    return both / ((right - left) * (lower - upper) + (to_right - from_left) * (to_bottom - from_top) - both)
