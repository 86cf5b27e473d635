"""The manifest, which a stage writes as its last act, and the sums that must hold in it.

It names every object that the stage wrote, removed, or read the content of. Where these are many, `_refs.jsonl` beside
it names those that the stage itself does not pass on, and the manifest names that file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue

from nightjar.domain.model import Part, Stored


class ObjectRef(Part):
    """One version of one object, by which it can be read back exactly.

    `sha256` is empty where it is not known: of an object that was copied or downloaded without being looked through.
    """

    key: str
    version_id: str
    sha256: str
    size: int

    @property
    def identity(self) -> tuple[str, str]:
        """Key and version."""
        return self.key, self.version_id


class DeletedRef(Part):
    """A removal: of one version for good, or, with `is_marker`, of an object, which keeps its versions.

    `version_id` is that of the version that is gone, or of the delete marker; empty where S3 did not tell.
    """

    key: str
    version_id: str
    is_marker: bool

    @property
    def identity(self) -> tuple[str, str]:
        """Key and version."""
        return self.key, self.version_id


class Role(StrEnum):
    """How a stage dealt with an object."""

    INPUT = "input"
    ASKED = "asked"
    OBJECT = "object"
    DELETED = "deleted"


class NamedRef(Stored):
    """A line of `_refs.jsonl`: an object that the manifest beside it means, and how the stage dealt with it."""

    role: Annotated[Role | str, Field(union_mode="left_to_right")]
    key: str
    version_id: str
    sha256: str = ""
    size: int = 0
    is_marker: bool = False


class TaskRef(Part):
    """The try of an Airflow task that a stage ran for: where its log is. `map_index` is -1 of a task without shards.

    `pod` is None where the stage ran as a process. A pod that a later try took up keeps the number of the try that
    started it.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    try_number: int = 1
    pod: str | None = None


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


@dataclass(frozen=True)
class Refs:
    """All objects that a manifest means: read, asked about, written and removed."""

    inputs: Sequence[ObjectRef] = ()
    asked: Sequence[ObjectRef] = ()
    objects: Sequence[ObjectRef] = ()
    deleted: Sequence[DeletedRef] = ()

    def __len__(self) -> int:
        return len(self.inputs) + len(self.asked) + len(self.objects) + len(self.deleted)

    def lines(self) -> list[NamedRef]:
        """The lines of `_refs.jsonl` for them."""
        named = [(Role.INPUT, self.inputs), (Role.ASKED, self.asked), (Role.OBJECT, self.objects)]
        return [
            *(NamedRef.model_validate({"role": role, **dict(ref)}) for role, refs in named for ref in refs),
            *(NamedRef.model_validate({"role": Role.DELETED, **dict(ref)}) for ref in self.deleted),
        ]

    @classmethod
    def of_lines(cls, lines: Iterable[NamedRef]) -> "Refs":
        """From the lines of `_refs.jsonl`; those of a role that only a later release knows are left out."""
        refs: dict[str, list[ObjectRef]] = {Role.INPUT: [], Role.ASKED: [], Role.OBJECT: []}
        deleted: list[DeletedRef] = []
        for line in lines:
            if line.role == Role.DELETED:
                deleted.append(DeletedRef(key=line.key, version_id=line.version_id, is_marker=line.is_marker))
            elif line.role in refs:
                ref = ObjectRef(key=line.key, version_id=line.version_id, sha256=line.sha256, size=line.size)
                refs[line.role].append(ref)
        return cls(refs[Role.INPUT], refs[Role.ASKED], refs[Role.OBJECT], deleted)


class Manifest(Stored):
    """`_manifest.json`: proof that a stage came to its end. The only place that holds times of work.

    `inputs` are the objects that the stage read, `asked` those that it only asked about (of size, time and metadata,
    and found), `objects` those that it wrote or left as they were, `deleted` those that it removed. With `names_all`
    these are all there are, together with the lines of the `_refs.jsonl` that `more` names; without it, in manifests
    before 0.3, the inputs and objects are those that other stages go by. Of a key that was read in several versions,
    the last one comes last. `image_digest` is the image's content digest (`sha256:…`) where the release has it.
    """

    stage: str
    image: str
    run: str
    release: str = ""  # SHA-256 of the release.json that the stage worked by; empty for a stage outside of a release
    inputs: tuple[ObjectRef, ...] = ()
    asked: tuple[ObjectRef, ...] = ()
    objects: tuple[ObjectRef, ...] = ()
    deleted: tuple[DeletedRef, ...] = ()
    more: ObjectRef | None = None
    names_all: bool = False
    counts: Counts = Counts()
    result: dict[str, JsonValue] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    image_digest: str | None = None
    task: TaskRef | None = None  # None of a stage that was not started by Airflow, and in manifests before 0.3
    peak_memory_bytes: int | None = None  # of the stage's own process; decoders and other children are not in it
    started_at: datetime
    finished_at: datetime

    @property
    def seconds(self) -> float:
        """How long the stage worked."""
        return (self.finished_at - self.started_at).total_seconds()
