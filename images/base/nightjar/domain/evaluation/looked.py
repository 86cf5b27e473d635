"""The finds of a detector in pictures that it looked at: one JSON line about itself, then a line a picture.

{"detector": "near", "labels": ["person", "car"], "min_probability": 0.1}
{"picture": "bikes/000001", "width": 640, "height": 272,
 "objects": [{"label": "person", "probability": 0.91, "box": [0.1, 0.2, 0.3, 0.9]}]}
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from nightjar.domain.detections import DetectedObject, Fraction
from nightjar.domain.evaluation.labels import shown
from nightjar.domain.model import Part
from nightjar.errors import InputError

_MOST_PIXELS = 1_000_000  # a side


class Head(Part):
    """The first line: the detector's name, all labels that it can see, and the least probability that it tells."""

    detector: Annotated[str, Field(min_length=1), AfterValidator(shown)]
    labels: tuple[str, ...]
    min_probability: Fraction


class LookedPicture(Part):
    """A further line: the objects in a picture of so many pixels; `seconds` is what looking took, where it is known."""

    picture: str
    width: int = Field(gt=0, le=_MOST_PIXELS)
    height: int = Field(gt=0, le=_MOST_PIXELS)
    objects: tuple[DetectedObject, ...]
    seconds: float | None = Field(None, ge=0, allow_inf_nan=False)


@dataclass(frozen=True)
class Looked:
    """A detector's objects in pictures, by name."""

    head: Head
    pictures: Mapping[str, LookedPicture]

    def of_size(self, sizes: Mapping[str, tuple[int, int]]) -> "Looked":
        """The same, of pictures that were so large before they were made smaller: labels are in pixels of those."""
        pictures = {
            name: each.model_copy(update={"width": sizes[name][0], "height": sizes[name][1]}) if name in sizes else each
            for name, each in self.pictures.items()
        }
        return Looked(self.head, pictures)


def read_looked(lines: Iterable[str], source: str) -> Looked:
    """The lines as they were written; raises InputError, which names `source` and the line."""
    head: Head | None = None
    pictures: dict[str, LookedPicture] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if head is None:
                head = Head.model_validate_json(line)
                continue
            picture = LookedPicture.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            wanted = (
                "a line with detector, labels and min_probability"
                if head is None
                else "a line with picture, width, height and objects"
            )
            place = ".".join(map(str, first["loc"]))
            raise InputError(f"line {number} of {source}: expected {wanted}: {place}: {first['msg']}") from None
        if picture.picture in pictures:
            raise InputError(f"line {number} of {source}: expected each picture once, got {picture.picture!r} twice")
        pictures[picture.picture] = picture
    if head is None:
        raise InputError(f"{source}: expected detections, a JSON line a picture, got nothing")
    return Looked(head, pictures)
