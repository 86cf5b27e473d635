"""Objects in pictures, as the templates draw and say them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from nightjar.domain.detections import DetectedObject
from nightjar.domain.probability import percent

MOST_BOXES = 12  # drawn over one picture, the most probable


@dataclass(frozen=True)
class Box:
    """A box as fractions of the upright picture, origin top left, and its label with the probability."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float
    label: str


def boxes_of(objects: Iterable[DetectedObject] | None, least: float = 0.0) -> list[Box]:
    """The boxes of the most probable objects, of those with a probability of `least` or more."""
    probable = sorted((o for o in objects or () if o.probability >= least), key=lambda o: -o.probability)
    return [Box(*each.box, f"{each.label} {percent(each.probability)}") for each in probable[:MOST_BOXES]]
