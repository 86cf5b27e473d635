"""A line of the detections store, and of what leads up to it: a format that outside programs rely on."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

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


class How(StrEnum):
    """How a picture came by its objects without being looked at."""

    INTERPOLATED = "interpolated"  # between two pictures of the same burst, which agree
    CARRIED = "carried"  # from a picture before it, which is the same but for the camera's noise


class LookedAt(Part):
    """A picture that was looked at, and that another one has its objects from."""

    taken_at: datetime
    standard_key: str
    standard_sha256: str

    @classmethod
    def of(cls, picture: Picture) -> "LookedAt":
        """The part of `picture` by which a mark names it."""
        return cls(
            taken_at=picture.taken_at,
            standard_key=picture.standard_key,
            standard_sha256=picture.standard_sha256,
        )

    @field_serializer("taken_at")
    def _taken_at(self, moment: datetime) -> str:
        return iso_utc(moment)


class Mark(Part):
    """Tells that a picture was not looked at, how it came by its objects all the same, and from which pictures.

    Interpolated objects have two sources, the earlier one first; carried ones have one.
    """

    how: Annotated[How | str, Field(union_mode="left_to_right")]
    sources: tuple[LookedAt, ...]

    @property
    def word(self) -> str:
        """For people, short: `interpolated`, `carried over`."""
        return "carried over" if self.how == How.CARRIED else str(self.how)

    @property
    def told(self) -> str:
        """For people, with the times of the sources: `interpolated between … and … UTC`."""
        times = " and ".join(f"{source.taken_at:%H:%M:%S.%f}"[:-5] for source in self.sources)
        return f"{self.word} {'between' if len(self.sources) > 1 else 'from'} {times} UTC"


def is_none(value: Any) -> bool:
    """Whether a field is left out of what is stored: documents without a mark are those of releases before it."""
    return value is None


# Absent, as in all lines of releases before there were marks: the picture was looked at.
Marked = Annotated[Mark | None, Field(exclude_if=is_none)]


class Detection(Stored):
    """The objects that a detector saw in one picture; with a `mark`, those that it would have seen there."""

    picture: Picture
    detector: DetectorRef
    objects: tuple[DetectedObject, ...]
    counts: dict[str, int]
    mark: Marked = None

    @property
    def is_seen(self) -> bool:
        """Whether the detector looked at the picture."""
        return self.mark is None

    @classmethod
    def of(
        cls, picture: Picture, detector: DetectorRef, objects: Iterable[DetectedObject], mark: Mark | None = None
    ) -> "Detection":
        """A detection with its counts, objects from the most to the least probable."""
        ordered = tuple(sorted(objects, key=lambda o: (-o.probability, o.label, o.box)))
        return cls(
            picture=picture,
            detector=detector,
            objects=ordered,
            counts=dict(sorted(Counter(o.label for o in ordered).items())),
            mark=mark,
        )
