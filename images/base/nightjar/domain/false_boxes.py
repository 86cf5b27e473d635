"""Standing false boxes: places of a camera where the detector sees something day after day that is not there."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field, field_serializer

from nightjar.domain.detections import Fraction
from nightjar.domain.model import Part, Stored, iso_utc
from nightjar.domain.sights import ObjectSeen, overlap_of

OVERLAP = 0.7


class FalseBox(Part):
    """A bush that is a person at dusk: objects of `label` whose box overlaps `box` by at least `overlap` are false.

    `box` is x_min, y_min, x_max, y_max as fractions of the upright picture; `overlap` is intersection over union.
    """

    label: str
    box: tuple[Fraction, Fraction, Fraction, Fraction]
    overlap: Annotated[float, Field(gt=0.0, le=1.0)] = OVERLAP
    confirmed_by: str
    confirmed_at: datetime

    @field_serializer("confirmed_at")
    def _confirmed_at(self, moment: datetime) -> str:
        return iso_utc(moment)

    def holds(self, one: ObjectSeen) -> bool:
        """Whether `one` is this false object."""
        return one.label == self.label and overlap_of(one.box, self.box) >= self.overlap


class CameraFalseBoxes(Stored):
    """`config/false-boxes/<user>-<device>.json`: the false boxes of one camera that a person has confirmed."""

    boxes: tuple[FalseBox, ...] = ()


def is_false(one: ObjectSeen, boxes: Iterable[FalseBox]) -> bool:
    """Whether `one` is at one of the false boxes."""
    return any(box.holds(one) for box in boxes)
