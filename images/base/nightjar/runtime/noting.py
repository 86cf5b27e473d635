"""A store that notes all that is read, written and removed through it, so that a stage's manifest names it."""

import hashlib
import threading
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from nightjar.domain.manifest import DeletedRef, ObjectRef, Refs
from nightjar.runtime.forwarding import ForwardingStore
from nightjar.runtime.store import ObjectInfo, ObjectStore

_SHA256 = "sha256"  # the metadata of an object that says it


class Notes:
    """The versions of objects that were read, asked about, written and removed. Safe to use from threads.

    Listings, and objects that were asked about and not there, are not noted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, str], ObjectRef] = {}
        self._read: dict[tuple[str, str], ObjectRef] = {}
        self._written: dict[tuple[str, str], ObjectRef] = {}
        self._deleted: dict[tuple[str, str], DeletedRef] = {}
        self._last: dict[str, ObjectRef] = {}

    def last(self, key: str) -> ObjectRef | None:
        """The version of `key` that was read or written last; None of one that was not."""
        with self._lock:
            return self._last.get(key)

    def note_read(self, ref: ObjectRef) -> None:
        """The content of `ref` was read."""
        with self._lock:
            self._read.pop(ref.identity, None)  # of a key in several versions, the one read last comes last
            self._read[ref.identity] = self._last[ref.key] = ref

    def note_asked(self, ref: ObjectRef) -> None:
        """`ref` was asked about, and is there."""
        with self._lock:
            self._asked.pop(ref.identity, None)
            self._asked[ref.identity] = ref

    def note_written(self, ref: ObjectRef) -> None:
        """`ref` is a new version."""
        with self._lock:
            self._written[ref.identity] = self._last[ref.key] = ref

    def note_deleted(self, ref: DeletedRef) -> None:
        """A version was removed, or a delete marker put."""
        with self._lock:
            self._deleted[ref.identity] = ref

    def besides(self, inputs: Iterable[ObjectRef], objects: Iterable[ObjectRef]) -> Refs:
        """All that was noted and is not among `inputs` and `objects`, in the order in which it was noted last.

        An object that was read or asked about after it had been written is no input.
        """
        named_inputs, named_objects = ({ref.identity for ref in refs} for refs in (inputs, objects))
        with self._lock:
            own = self._written.keys() | named_objects
            return Refs(
                inputs=_others(self._read, named_inputs | self._written.keys()),
                asked=_others(self._asked, named_inputs | self._read.keys() | own),
                objects=_others(self._written, named_objects),
                deleted=list(self._deleted.values()),
            )


def _others(refs: Mapping[tuple[str, str], ObjectRef], named: Collection[tuple[str, str]]) -> list[ObjectRef]:
    return [ref for identity, ref in refs.items() if identity not in named]


class NotingStore(ForwardingStore):
    """An ObjectStore that passes everything on to another one, and notes it."""

    def __init__(self, store: ObjectStore, notes: Notes) -> None:
        super().__init__(store)
        self._notes = notes

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        info = self._store.head(key, version_id)
        if info is not None:
            self._notes.note_asked(_ref(info, info.metadata.get(_SHA256, "")))
        return info

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        data, info = self._store.get(key, version_id)
        self._notes.note_read(_ref(info, hashlib.sha256(data).hexdigest()))
        return data, info

    def get_range(self, key: str, first: int, length: int, version_id: str | None = None) -> bytes:
        """Noted where the version is given; size and SHA-256 of the whole are not known."""
        data = self._store.get_range(key, first, length, version_id)
        if version_id is not None:
            self._notes.note_read(ObjectRef(key=key, version_id=version_id, sha256="", size=0))
        return data

    def download(self, key: str, path: Path, version_id: str | None = None) -> ObjectInfo:
        info = self._store.download(key, path, version_id)
        self._notes.note_read(_ref(info, info.metadata.get(_SHA256, "")))
        return info

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        if_absent: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        info = self._store.put(
            key, data, content_type=content_type, metadata=metadata, if_absent=if_absent, if_match=if_match
        )
        sha256 = (metadata or {}).get(_SHA256) or hashlib.sha256(data).hexdigest()
        self._notes.note_written(_ref(info, sha256))
        return info

    def copy(
        self, source_key: str, source_version: str, target_key: str, metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        info = self._store.copy(source_key, source_version, target_key, metadata)
        written = _ref(info, info.metadata.get(_SHA256, ""))
        self._notes.note_read(written.model_copy(update={"key": source_key, "version_id": source_version}))
        self._notes.note_written(written)
        return info

    def delete(self, key: str, version_id: str | None = None) -> str | None:
        marker = self._store.delete(key, version_id)
        gone = marker if version_id is None else version_id
        self._notes.note_deleted(DeletedRef(key=key, version_id=gone or "", is_marker=version_id is None))
        return marker


def _ref(info: ObjectInfo, sha256: str) -> ObjectRef:
    return ObjectRef(key=info.key, version_id=info.version_id, sha256=sha256, size=info.size)
