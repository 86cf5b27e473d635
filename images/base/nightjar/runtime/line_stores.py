"""The stores of JSON lines that stages append to, one file a camera, day and run: read as one, newest line first.

A store is read whole whether a day is compacted or not: what several files say about the same thing counts as the
newest file has it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from nightjar.domain.detections import Detection
from nightjar.domain.model import Stored
from nightjar.domain.validations import Validation
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.store import ObjectInfo, ObjectStore

WHOLE_DAY = "day.jsonl"
_TRIES = 5

L = TypeVar("L", bound=Stored)


@dataclass(frozen=True)
class Lines(Generic[L]):
    """What a store holds: the kind of its lines, and what two lines about the same thing have in common."""

    kind: type[L]
    identity: Callable[[L], tuple[str, ...]]

    def newest(self, files: Iterable[Iterable[L]]) -> list[L]:
        """The lines of `files`, given oldest first, in a stable order; of lines about the same thing the newest."""
        found = {self.identity(line): line for lines in files for line in lines}
        return [found[key] for key in sorted(found)]


DETECTIONS = Lines(Detection, lambda line: (line.picture.taken_at.isoformat(), line.picture.standard_key))
VALIDATIONS = Lines(Validation, lambda line: (line.footage_key, line.footage_version))


@dataclass(frozen=True)
class Snapshot(Generic[L]):
    """What the files of a folder said when they were read."""

    files: tuple[ObjectInfo, ...]
    lines: list[L]


def read_newest(store: ObjectStore, lines: Lines[L], prefix: str) -> Snapshot[L]:
    """Everything below `prefix`, read file by file, oldest first.

    Raises InputError for a line that is not of its kind, TryAgainError when files keep vanishing while they are read.
    """
    for _ in range(_TRIES):
        files = oldest_first(i for i in store.list_objects(prefix) if i.key.endswith(".jsonl"))
        try:
            return Snapshot(tuple(files), lines.newest([read_lines(store, i.key, lines.kind)[0] for i in files]))
        except InputError:
            if all(store.head(i.key) for i in files):
                raise
    raise TryAgainError(f"expected the files below {prefix!r} to hold still, they vanished {_TRIES} times while read")


def oldest_first(files: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    """By age; `day.jsonl` before what was added in the same second, which it cannot hold."""
    return sorted(files, key=lambda f: (f.modified_at, not f.key.endswith(f"/{WHOLE_DAY}"), f.key))
