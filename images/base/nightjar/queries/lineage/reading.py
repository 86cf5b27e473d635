"""The bucket as a lineage reads it: each object once for a question, bounded, and what cannot be read is left out."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nightjar.domain.lineage.nodes import State
from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.release import Release
from nightjar.errors import InputError
from nightjar.queries.readable import LARGEST_LINES
from nightjar.runtime.manifests import read_lines, read_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectStore, ObjectUnreadableError, VersionInfo
from nightjar.stores.runs import Run, Runs

AT_ONCE = 16
_LARGEST_HASHED = 4 << 20  # bytes

T = TypeVar("T")
R = TypeVar("R")
D = TypeVar("D", bound=Stored)


@dataclass(frozen=True)
class Found:
    """An object in the version that took part, and whether it is still there."""

    key: str
    version: str
    sha256: str
    size: int | None
    state: State


@dataclass
class _Slot:
    """An answer that is kept; `lock` is held by the thread that reads it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    is_known: bool = False
    value: Any = None


class Reading:
    """Reads for one question. Safe to use from threads: of two that ask for the same at once, one waits."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self._slots: dict[tuple[object, ...], _Slot] = {}
        self._lock = threading.Lock()

    def once(self, name: tuple[object, ...], read: Callable[[], T]) -> T:
        """The answer of `read`, kept under `name`."""
        with self._lock:
            slot = self._slots.setdefault(name, _Slot())
        with slot.lock:
            if not slot.is_known:
                slot.value, slot.is_known = read(), True
            value: T = slot.value
            return value

    def each(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`function` of each item, several at once."""
        return list(in_parallel(function, items, AT_ONCE))

    def head(self, key: str, version: str | None = None) -> ObjectInfo | None:
        """The object, or one version of it, without its content; None when it is not there.

        Raises ObjectUnreadableError where S3 has the object and does not give it.
        """
        return self.once(("head", key, version), lambda: self.store.head(key, version))

    def found(self, key: str, version: str = "", sha256: str = "") -> Found:
        """The object at `key` in `version`, as far as that was recorded, or with the content `sha256`."""
        try:
            now = self.head(key)
            if not version:
                return self._by_content(key, sha256, now)
            if now is not None and now.version_id == version:
                return Found(key, version, sha256 or _sha256(now), now.size, State.CURRENT)
            then = self.head(key, version)
        except (ObjectUnreadableError, ObjectMissingError):
            return Found(key, version, sha256, None, State.UNREADABLE)
        if then is None:
            return Found(key, version, sha256, None, State.ERASED)
        state = State.OVERWRITTEN if now else State.DELETED
        return Found(key, version, sha256 or _sha256(then), then.size, state)

    def _by_content(self, key: str, sha256: str, now: ObjectInfo | None) -> Found:
        """The object whose version was not recorded; without a SHA-256 in its metadata it is read, if it is small."""
        if now is None:
            return Found(key, "", sha256, None, State.ERASED)
        there = _sha256(now)
        if sha256 and not there and now.size <= _LARGEST_HASHED:
            there = self.once(("sha256", key), lambda: hashlib.sha256(self.store.get(key)[0]).hexdigest())
        if not sha256 or not there:
            return Found(key, now.version_id, sha256 or there, now.size, State.UNKNOWN if sha256 else State.CURRENT)
        if there == sha256:
            return Found(key, now.version_id, sha256, now.size, State.CURRENT)
        return Found(key, "", sha256, None, State.OTHER)

    def run(self, prefix: str) -> Run:
        """The run with the folder `prefix`."""
        return Runs(self.store).at(prefix)

    def release(self, prefix: str) -> tuple[Release, ObjectRef] | None:
        """The release of a run; None when it is gone, or cannot be read."""
        return self.once(("release", prefix), lambda: _or_none(self.run(prefix).release))

    def manifest(self, prefix: str, stage: str, shard: str | None = None) -> tuple[Manifest, ObjectRef] | None:
        """The manifest that a stage left in a run; None when there is none, or it cannot be read."""
        return self.once(
            ("manifest", prefix, stage, shard), lambda: _or_none(lambda: self.run(prefix).manifest(stage, shard))
        )

    def shards(self, prefix: str) -> list[str]:
        """The shards of a run, by name."""
        return self.once(("shards", prefix), self.run(prefix).shards)

    def document(self, key: str, kind: type[D], version: str | None = None) -> D | None:
        """The JSON document at `key`, as it is now or in a version; None where it is gone, or cannot be read."""
        return self.once(
            ("document", key, version), lambda: _or_none(lambda: read_record(self.store, key, kind, version)[0])
        )

    def versions(self, key: str) -> list[VersionInfo]:
        """Every version of the object at `key`, the newest first, without delete markers."""

        def read() -> list[VersionInfo]:
            listed = (each for each in self.store.list_versions(key) if each.key == key and not each.is_delete_marker)
            return sorted(listed, key=lambda each: (each.is_latest, each.modified_at), reverse=True)

        return self.once(("versions", key), read)

    def lines(self, key: str, kind: type[Any], version: str | None = None) -> list[Any]:
        """The JSON lines of an object; none where it is gone, too large for a question, or has other lines."""

        def read() -> list[Any]:
            try:
                head = self.head(key, version)
                if head is None or head.size > LARGEST_LINES:
                    return []
                return read_lines(self.store, key, kind, version)[0]
            except (InputError, ObjectUnreadableError):
                return []

        return self.once(("lines", key, version), read)


def _sha256(info: ObjectInfo) -> str:
    return info.metadata.get("sha256", "")


def _or_none(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except (InputError, ObjectUnreadableError):
        return None
