"""Objects in pictures, as the templates draw and say them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from nightjar.domain.detections import DetectedObject
from nightjar.domain.events import MOST_OBJECTS
from nightjar.domain.probability import percent
from nightjar.queries.event_card import BoxSeen


@dataclass(frozen=True)
class Box:
    """A box as fractions of the upright picture, origin top left, and its label with the probability."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float
    label: str


def boxes_of(
    objects: Iterable[DetectedObject | BoxSeen] | None, least: float = 0.0, *, named: bool = True
) -> list[Box]:
    """The boxes of the most probable objects, of those with a probability of `least` or more.

    `named` is False for a picture too small for labels. An object of an old row may have no probability: it is drawn.
    """
    probable = sorted(((_chance(each), each) for each in objects or ()), key=lambda pair: -pair[0])
    shown = [each for chance, each in probable if chance >= least][:MOST_OBJECTS]
    return [Box(*each.box, _label(each) if named else "") for each in shown]


def _chance(one: DetectedObject | BoxSeen) -> float:
    return 1.0 if one.probability is None else one.probability


def _label(one: DetectedObject | BoxSeen) -> str:
    return one.label if one.probability is None else f"{one.label} {percent(one.probability)}"
