"""A line of the detections store, and of what leads up to it: a format that outside programs rely on."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_serializer

from nightjar.domain.model import Part, Stored, is_none, iso_utc
from nightjar.domain.names import Camera

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class Picture(Part):
    """A standard picture, as validations and detections name it. Sizes in pixels, upright.

    `standard_version` is the version of the object, where whoever names it knows.
    """

    user: str
    device: str
    taken_at: datetime
    footage_key: str
    footage_version: str
    standard_key: str
    standard_sha256: str
    standard_version: Annotated[str | None, Field(exclude_if=is_none)] = None
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
    """The detector of a line: its image's tag, its model's name and SHA-256, and all else that decides the result.

    `image_digest` is the image's content (`sha256:…`), where the release that looked had it.
    """

    tag: str
    image_digest: Annotated[str | None, Field(exclude_if=is_none)] = None
    model: str
    sha256: str
    settings: str


class DetectedObject(Part):
    """One object. `box` is x_min, y_min, x_max, y_max as fractions of the upright picture, origin top left."""

    label: str
    probability: Fraction
    box: tuple[Fraction, Fraction, Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class Origin:
    """By which detector, and in which run and shard, the line of a picture was made."""

    detector: DetectorRef
    run: str | None = None
    shard: str | None = None


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


# Absent, as in all lines of releases before there were marks: the picture was looked at.
Marked = Annotated[Mark | None, Field(exclude_if=is_none)]


class Detection(Stored):
    """The objects that a detector saw in one picture; with a `mark`, those that it would have seen there.

    `run` (a folder below `runs/`) and `shard` are those in which it was looked at, or marked; a run that knows the line
    from before leaves them. None in lines before 0.3.
    """

    picture: Picture
    detector: DetectorRef
    objects: tuple[DetectedObject, ...]
    counts: dict[str, int]
    mark: Marked = None
    run: Annotated[str | None, Field(exclude_if=is_none)] = None
    shard: Annotated[str | None, Field(exclude_if=is_none)] = None

    @property
    def is_seen(self) -> bool:
        """Whether the detector looked at the picture."""
        return self.mark is None

    @property
    def origin(self) -> "Origin":
        """By which detector, and where, it was made."""
        return Origin(self.detector, self.run, self.shard)

    @classmethod
    def of(
        cls,
        picture: Picture,
        detector: DetectorRef,
        objects: Iterable[DetectedObject],
        mark: Mark | None = None,
        run: str | None = None,
        shard: str | None = None,
    ) -> "Detection":
        """A detection with its counts, objects from the most to the least probable."""
        ordered = tuple(sorted(objects, key=lambda o: (-o.probability, o.label, o.box)))
        return cls(
            picture=picture,
            detector=detector,
            objects=ordered,
            counts=dict(sorted(Counter(o.label for o in ordered).items())),
            mark=mark,
            run=run,
            shard=shard,
        )
