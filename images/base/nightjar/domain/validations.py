"""A line of the validations store: the outcome of one footage object by one validator."""

from datetime import datetime

from nightjar.domain.detections import Picture
from nightjar.domain.model import Part, Stored
from nightjar.domain.quarantine import StoredReason


class Refusal(Part):
    """A picture, a video, or the rest of a video, in quarantine. `detail` says what was expected and what came."""

    reason: StoredReason
    detail: str
    taken_at: datetime | None
    quarantine_key: str


class FailedFootage(Stored):
    """A footage object that validate could not look at, and why: a line of its `failures.jsonl`."""

    footage_key: str
    footage_version: str
    reason: str
    detail: str


class Validation(Stored):
    """The outcome of one footage object: every picture in it is standard, refused or a duplicate.

    A duplicate is of a moment of which other footage of the camera has left its picture: a clip and a still of the same
    second, or clips that overlap.

    `validator` is the validator's id (in release 0.1 its image's tag), `settings` how the rules treat the camera. Where
    footage, validator and settings agree, the object is not decoded again.
    """

    footage_key: str
    footage_version: str
    footage_sha256: str
    validator: str
    settings: str
    video: bool
    pictures: tuple[Picture, ...]
    refusals: tuple[Refusal, ...]
    duplicates: int = 0

    @property
    def received(self) -> int:
        """Pictures received with this object."""
        return len(self.pictures) + len(self.refusals) + self.duplicates
