"""The manifest, which a stage writes as its last act, and the sums that must hold in it."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field, JsonValue

from nightjar.domain.model import Part, Stored


class ObjectRef(Part):
    """One version of one object, by which it can be read back exactly."""

    key: str
    version_id: str
    sha256: str
    size: int


class Counts(Part):
    """The number received, and the number with each outcome; every unit has exactly one outcome.

    `outcomes` maps an outcome, or `<outcome>:<reason>`, to a number: {"standard": 40, "quarantined:grey": 2}.
    `details` are further numbers that belong to no sum: {"videos": 2, "known": 12}.
    """

    received: int = 0
    outcomes: dict[str, int] = Field(default_factory=dict)
    details: dict[str, int] = Field(default_factory=dict)

    def problem(self) -> str | None:
        """The sum that does not add up, as a sentence; None when all do."""
        if negative := {k: v for k, v in self.outcomes.items() if v < 0}:
            return f"expected counts of at least 0, got {negative}"
        total = sum(self.outcomes.values())
        if total != self.received:
            return f"expected outcomes for {self.received} received, got {total}: {self.outcomes}"
        return None

    def total(self, outcome: str) -> int:
        """The number with `outcome`, over all its reasons."""
        return sum(v for k, v in self.outcomes.items() if k.partition(":")[0] == outcome)

    def by_reason(self, outcome: str) -> dict[str, int]:
        """The numbers with `outcome` by reason, zeros left out."""
        pairs = ((k.partition(":"), v) for k, v in sorted(self.outcomes.items()))
        return {reason: v for (name, _, reason), v in pairs if name == outcome and v}


def add_counts(first: Counts, second: Counts) -> Counts:
    """The sum of two counts, key by key."""
    return Counts(
        received=first.received + second.received,
        outcomes=_add(first.outcomes, second.outcomes),
        details=_add(first.details, second.details),
    )


def _add(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {k: first.get(k, 0) + second.get(k, 0) for k in sorted({*first, *second})}


class Manifest(Stored):
    """`_manifest.json`: proof that a stage came to its end. The only place that holds times of work."""

    stage: str
    image: str
    run: str
    release: str = ""  # SHA-256 of the release.json that the stage worked by; empty for a stage outside of a release
    inputs: tuple[ObjectRef, ...] = ()
    objects: tuple[ObjectRef, ...] = ()
    counts: Counts = Counts()
    result: dict[str, JsonValue] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    started_at: datetime
    finished_at: datetime

    @property
    def seconds(self) -> float:
        """How long the stage worked."""
        return (self.finished_at - self.started_at).total_seconds()
