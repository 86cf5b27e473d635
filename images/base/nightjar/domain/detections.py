"""A line of the detections store, and of what leads up to it: a format that outside programs rely on."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field, field_serializer

from nightjar.domain.model import Part, Stored, iso_utc
from nightjar.domain.names import Camera

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class Picture(Part):
    """A standard picture, as validations and detections name it. Sizes in pixels, upright."""

    user: str
    device: str
    taken_at: datetime
    footage_key: str
    footage_version: str
    standard_key: str
    standard_sha256: str
    width: int
    height: int

    @property
    def camera(self) -> Camera:
        """Whose it is."""
        return Camera(self.user, self.device)

    @field_serializer("taken_at")
    def _taken_at(self, moment: datetime) -> str:
        return iso_utc(moment)


class ListedPicture(Picture, Stored):
    """A line of `pictures.jsonl`, by which validate hands a picture to detect.

    `standard_version` is the version of the object that validate put or found; None in lines of release 0.1.
    """

    standard_version: str | None = None

    @classmethod
    def of(cls, picture: Picture, standard_version: str | None = None) -> "ListedPicture":
        """The line of `picture`."""
        return cls.model_validate({**dict(picture), "standard_version": standard_version})


class FailedPicture(Stored):
    """A picture that detect could not look at, and why: a line of its `failures.jsonl`."""

    standard_key: str
    reason: str
    detail: str


class DetectorRef(Part):
    """The detector of a line: its image's tag, its model's name and SHA-256, and all else that decides the result."""

    tag: str
    model: str
    sha256: str
    settings: str


class DetectedObject(Part):
    """One object. `box` is x_min, y_min, x_max, y_max as fractions of the upright picture, origin top left."""

    label: str
    probability: Fraction
    box: tuple[Fraction, Fraction, Fraction, Fraction]


class Detection(Stored):
    """The objects that a detector saw in one picture."""

    picture: Picture
    detector: DetectorRef
    objects: tuple[DetectedObject, ...]
    counts: dict[str, int]

    @classmethod
    def of(cls, picture: Picture, detector: DetectorRef, objects: Iterable[DetectedObject]) -> "Detection":
        """A detection with its counts, objects from the most to the least probable."""
        ordered = tuple(sorted(objects, key=lambda o: (-o.probability, o.label, o.box)))
        return cls(
            picture=picture,
            detector=detector,
            objects=ordered,
            counts=dict(sorted(Counter(o.label for o in ordered).items())),
        )
