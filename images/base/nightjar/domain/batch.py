"""The batch: what one run works on, a line a received object version."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from nightjar.domain.layout import digest
from nightjar.domain.model import Part, Stored
from nightjar.domain.names import Camera, FootageName, parse_footage_name
from nightjar.domain.reasons import StoredReason


class Outcome(StrEnum):
    """What became of a received version when it was collected."""

    FILED = "filed"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


class ReceivedVersion(Part):
    """One version of one object that landed in the drop zone: `(key, version_id)` names it for ever."""

    key: str
    version_id: str
    size: int
    received_at: datetime


class BatchLine(Stored):
    """A received version and what became of it. `footage_*` and `sha256` are set unless it was quarantined.

    For a duplicate they name the footage that is already there. Only filed lines are worked on.
    """

    source: ReceivedVersion
    outcome: Outcome
    reason: StoredReason | None = None
    footage_key: str | None = None
    footage_version: str | None = None
    sha256: str | None = None

    @property
    def footage(self) -> "Footage":
        """The filed footage of this line; raises ValueError for a line that is not filed."""
        if self.outcome is not Outcome.FILED or self.footage_key is None or self.footage_version is None:
            raise ValueError(f"expected a filed line, got {self.outcome}")
        return Footage(
            key=self.footage_key,
            version_id=self.footage_version,
            size=self.source.size,
            sha256=self.sha256 or "",
        )


class Footage(Stored):
    """One original in `footage/`: a line of a shard. `sha256` may be empty where only a listing was read."""

    key: str
    version_id: str
    size: int
    sha256: str

    @property
    def name(self) -> FootageName:
        """The parsed name; raises NameRefused if the key breaks the contract."""
        return parse_footage_name(self.key.rsplit("/", 1)[-1])

    @property
    def camera(self) -> Camera:
        """Whose it is; raises NameRefused if the key breaks the contract."""
        return self.name.camera


def batch_id(versions: Iterable[ReceivedVersion]) -> str:
    """The stable id of a batch: when its first version landed and a digest of all, from names and never the clock.

    Raises ValueError for no versions: an empty batch is no batch.
    """
    ordered = sorted(versions, key=lambda v: (v.key, v.version_id))
    if not ordered:
        raise ValueError("expected at least one received version, got none")
    first = min(v.received_at for v in ordered)
    content = "\n".join(f"{v.key}\t{v.version_id}" for v in ordered)
    return f"{first:%Y%m%dT%H%M%SZ}-{digest(content, 12)}"
