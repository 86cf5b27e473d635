"""Pictures on their way through the detect stage: frames go into the gate, results come out of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nightjar.domain.detections import DetectedObject, Detection, How, LookedAt, Mark, Picture
from nightjar_detect.pictures import Failure, Shot
from nightjar_detect.preprocess import Pixels
from nightjar_detect.sameness import Blocks

Objects = Sequence[DetectedObject]
Ask = Callable[[Sequence[Pixels]], Sequence[Objects]]  # looks at several pictures: the objects in each


@dataclass(frozen=True, slots=True)
class Sparing:
    """How looks are spared at a camera.

    The fields are `burst_seconds`, `burst_unmatched`, `carry_seconds` and `min_probability` of the stage's settings.
    """

    seconds: float
    unmatched: float
    carry_seconds: float
    min_probability: float = 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture on its way: known, or to be looked at, or not to be had."""

    picture: Picture
    data: Detection | Shot | Failure


@dataclass(frozen=True, slots=True)
class Result:
    """The objects of a picture, or the failure. `mark` tells how it came by them without a look; `known` is the line of
    the store that had them before."""

    picture: Picture
    objects: Objects | Failure
    mark: Mark | None = None
    known: Detection | None = None


@dataclass(eq=False, slots=True)
class Slot:
    """A picture in the gate. Its `objects` are None until it is decided.

    `root` is the picture that was looked at whose objects it has: itself, or the one that they are carried from; None
    where they are of no single picture.
    """

    picture: Picture
    pixels: Pixels | None = None
    blocks: Blocks | None = None
    objects: Objects | Failure | None = None
    mark: Mark | None = None
    known: Detection | None = None
    root: "Slot | None" = None

    @classmethod
    def of(cls, frame: Frame) -> "Slot":
        """The slot of a picture that comes into the gate."""
        data = frame.data
        if isinstance(data, Shot):
            return cls(frame.picture, data.pixels, data.blocks)
        if isinstance(data, Failure):
            return cls(frame.picture, objects=data)
        slot = cls(frame.picture, objects=data.objects, mark=data.mark, known=data)
        slot.root = slot if data.mark is None else None
        return slot

    @property
    def is_failure(self) -> bool:
        """Whether there is no picture."""
        return isinstance(self.objects, Failure)

    @property
    def source(self) -> "tuple[Objects, Slot] | None":
        """The objects and their root, where this picture can be a source for others."""
        if self.root is None or self.objects is None or isinstance(self.objects, Failure):
            return None
        return self.objects, self.root

    def see(self, objects: Objects) -> None:
        """The objects that the detector sees here."""
        self.objects, self.root = objects, self

    def carry(self, root: "Slot") -> None:
        """The same objects as `root`, which has been looked at."""
        self.objects, self.root = root.objects, root
        self.mark = Mark(how=How.CARRIED, sources=(LookedAt.of(root.picture),))

    def interpolate(self, objects: Objects, roots: "tuple[Slot, Slot]") -> None:
        """These objects, which lie between those of `roots`."""
        self.objects = objects
        self.mark = Mark(how=How.INTERPOLATED, sources=tuple(LookedAt.of(each.picture) for each in roots))

    def result(self) -> Result:
        """The decision about this picture; raises ValueError before there is one."""
        if self.objects is None:
            raise ValueError(f"expected {self.picture.standard_key} to be decided")
        return Result(self.picture, self.objects, self.mark, self.known)
