"""Compaction of a day: the files that a camera has in a store become one, `day.jsonl`.

Nothing is lost whenever it is stopped, and a live run may add a file meanwhile: what is removed was read before, stands
in `day.jsonl` by then, and has not changed since. Removal puts delete markers, so every version can still be read.
"""

import logging
from collections.abc import Sequence
from typing import TypeVar

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Stored
from nightjar.errors import TryAgainError
from nightjar.runtime.line_stores import WHOLE_DAY, Lines, read_newest
from nightjar.runtime.manifests import jsonl, write_bytes
from nightjar.runtime.store import ObjectInfo, ObjectStore

log = logging.getLogger(__name__)

L = TypeVar("L", bound=Stored)


def compact(store: ObjectStore, lines: Lines[L], prefix: str) -> ObjectRef | None:
    """Compact what is below `prefix`, a camera's folder; the object that holds it all, None when there is nothing.

    Raises TryAgainError when another compaction of the same folder got in between.
    """
    snapshot = read_newest(store, lines, prefix)
    if not snapshot.files:
        return None
    target = f"{prefix}{WHOLE_DAY}"
    before = next((i for i in snapshot.files if i.key == target), None)
    now = store.head(target)
    if (now.etag if now else None) != (before.etag if before else None):
        raise TryAgainError(f"expected {target!r} as it was read, somebody else rewrote it")
    written = write_bytes(store, target, b"".join(jsonl(snapshot.lines)), content_type="application/x-ndjson")
    remove(store, [i for i in snapshot.files if i.key != target])
    return written


def remove(store: ObjectStore, superseded: Sequence[ObjectInfo]) -> int:
    """Put a delete marker on each of `superseded` that is still what was read; the number of those."""
    removed = 0
    for info in superseded:
        now = store.head(info.key)
        if now is None:
            continue
        if now.etag != info.etag:
            log.warning("kept, it changed while it was compacted: %s", info.key)
            continue
        store.delete(info.key)
        removed += 1
    return removed
