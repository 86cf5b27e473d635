"""The stored answers of a comparison: of one user and one time, and their sum."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, field_serializer

from nightjar.domain.detections import DetectedObject, Picture
from nightjar.domain.model import Part, Stored, iso_utc


class Kind(StrEnum):
    """The things that are counted on both sides."""

    ALERTS = "alerts"
    EVENTS = "events"
    OBJECTS = "objects"


class Change(StrEnum):
    """The effect of the candidate on a thing."""

    LOST = "lost"
    GAINED = "gained"


KnownKind = Annotated[Kind | str, Field(union_mode="left_to_right")]
KnownChange = Annotated[Change | str, Field(union_mode="left_to_right")]


class Tally(Part):
    """How many things the deployed side has (`before`) and the candidate (`after`), and how many only one of them."""

    before: int = 0
    after: int = 0
    gained: int = 0
    lost: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """The sum of two."""
        return Tally(
            before=self.before + other.before,
            after=self.after + other.after,
            gained=self.gained + other.gained,
            lost=self.lost + other.lost,
        )


class CountedThings(Part):
    """The things of one kind and label at one camera."""

    kind: KnownKind
    device: str
    label: str
    tally: Tally


class ReviewedEvent(Part):
    """An event of which a person said something, and whether each side has it.

    `before` and `after` say whether an event of its label is there on that side, at its camera and at its time.
    """

    event: str
    device: str
    label: str
    verdict: str
    started_at: datetime
    before: bool
    after: bool

    @field_serializer("started_at")
    def _started_at(self, moment: datetime) -> str:
        return iso_utc(moment)


class Example(Part):
    """A picture to be looked at, with the objects that each side sees in it.

    `why` is the other side's reason for an alert that it does not send; `verdict` is what a person said of the event.
    """

    kind: KnownKind
    change: KnownChange
    picture: Picture
    label: str
    probability: float
    rule: str = ""
    severity: str = ""
    why: str = ""
    verdict: str = ""
    before: tuple[DetectedObject, ...] = ()
    after: tuple[DetectedObject, ...] = ()


class SideRef(Part):
    """One side: the detector by its folder in `detections/`, and the rules by their SHA-256 (empty for none).

    `labels` are all that the detector can see; empty where nobody knows, as of release 0.1.
    """

    detector: str
    tag: str = ""
    model: str = ""
    rules: str = ""
    labels: tuple[str, ...] = ()


class UserCompared(Stored):
    """`comparisons/<id>/YYYY/MM/DD/<user>.json`: one user's cameras on both sides, from `start` up to `end`.

    `pictures` are those that both detectors know; of the others, which only one of them knows, nothing is counted.
    """

    user: str
    start: datetime
    end: datetime
    before: SideRef
    after: SideRef
    pictures: int = 0
    before_only: int = 0
    after_only: int = 0
    cameras: int = 0
    counts: tuple[CountedThings, ...] = ()
    held_before: dict[str, int] = Field(default_factory=dict)
    held_after: dict[str, int] = Field(default_factory=dict)
    reviewed: tuple[ReviewedEvent, ...] = ()
    examples: tuple[Example, ...] = ()

    @field_serializer("start", "end")
    def _moment(self, moment: datetime) -> str:
        return iso_utc(moment)


class SumOf(Part):
    """The things of one kind that share a name: a label, a camera or a user."""

    kind: KnownKind
    name: str
    tally: Tally


class Words(Part):
    """Of the events that people called one thing: how many each side has, how many go and come with the candidate."""

    verdict: str
    reviewed: int
    before: int
    after: int
    gone: int
    new: int


class Speed(Part):
    """The cost of one detector: over so many `shards`, the looks and their seconds, and the most memory of a stage.

    `pictures_per_second` is looks by seconds; None where nothing was measured.
    """

    shards: int = 0
    looks: int = 0
    seconds: float = 0.0
    pictures_per_second: float | None = None
    peak_memory_bytes: int | None = None

    @classmethod
    def of(cls, shards: int, looks: int, seconds: float, peak_memory_bytes: int | None) -> Self:
        """The speed that follows."""
        return cls(
            shards=shards,
            looks=looks,
            seconds=round(seconds, 3),
            pictures_per_second=round(looks / seconds, 2) if looks and seconds > 0 else None,
            peak_memory_bytes=peak_memory_bytes,
        )


class Comparison(Stored):
    """`comparisons/<id>/comparison.json`: the sum over users and days.

    `unseen` are the labels that rules name and the candidate cannot see; `failed` says, by shard, what the candidate
    did not get done. `examples` are bounded, the most telling first.
    """

    before: SideRef
    after: SideRef
    start: datetime
    end: datetime
    users: int = 0
    cameras: int = 0
    pictures: int = 0
    before_only: int = 0
    after_only: int = 0
    totals: dict[str, Tally] = Field(default_factory=dict)
    by_label: tuple[SumOf, ...] = ()
    by_camera: tuple[SumOf, ...] = ()
    by_user: tuple[SumOf, ...] = ()
    held_before: dict[str, int] = Field(default_factory=dict)
    held_after: dict[str, int] = Field(default_factory=dict)
    words: tuple[Words, ...] = ()
    unseen: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    speed_before: Speed = Speed()
    speed_after: Speed = Speed()
    examples: tuple[Example, ...] = ()

    @field_serializer("start", "end")
    def _moment(self, moment: datetime) -> str:
        return iso_utc(moment)

    def total(self, kind: Kind) -> Tally:
        """All things of one kind."""
        return self.totals.get(kind, Tally())

    def of_kind(self, sums: Iterable[SumOf], kind: Kind) -> list[SumOf]:
        """Those of `sums` that are of one kind."""
        return [each for each in sums if each.kind == kind]
