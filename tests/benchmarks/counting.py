"""An object store that counts its requests and bytes, around any other."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nightjar.runtime.forwarding import ForwardingStore
from nightjar.runtime.store import ObjectInfo, ObjectStore, VersionInfo

# S3 answers a listing in pages of so many keys; each page is a request.
_PAGE = 1000


@dataclass
class Counted:
    """Requests, bytes of objects read and written, and keys that listings gave."""

    requests: int = 0
    read: int = 0
    written: int = 0
    listed: int = 0

    @property
    def moved(self) -> int:
        """Bytes read and written."""
        return self.read + self.written


class CountingStore(ForwardingStore):
    """Passes every call on to `store` and counts it in `counted`. As safe to use from threads as `store` is."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._lock = threading.Lock()
        self.counted = Counted()

    def _count(self, requests: int = 1, read: int = 0, written: int = 0, listed: int = 0) -> None:
        with self._lock:
            counted = self.counted
            self.counted = Counted(
                counted.requests + requests, counted.read + read, counted.written + written, counted.listed + listed
            )

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        self._count()
        return self._store.head(key, version_id)

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self._count()
        data, info = self._store.get(key, version_id)
        self._count(0, read=len(data))
        return data, info

    def get_range(self, key: str, first: int, length: int, version_id: str | None = None) -> bytes:
        self._count()
        data = self._store.get_range(key, first, length, version_id)
        self._count(0, read=len(data))
        return data

    def download(self, key: str, path: Path, version_id: str | None = None) -> ObjectInfo:
        self._count()
        info = self._store.download(key, path, version_id)
        self._count(0, read=info.size)
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
        self._count(written=len(data))
        return self._store.put(
            key, data, content_type=content_type, metadata=metadata, if_absent=if_absent, if_match=if_match
        )

    def copy(
        self, source_key: str, source_version: str, target_key: str, metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        self._count()
        return self._store.copy(source_key, source_version, target_key, metadata)

    def delete(self, key: str, version_id: str | None = None) -> str | None:
        self._count()
        return self._store.delete(key, version_id)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        listed = list(self._store.list_objects(prefix))
        self._count(1 + len(listed) // _PAGE, listed=len(listed))
        return iter(listed)

    def list_folders(self, prefix: str) -> list[str]:
        listed = self._store.list_folders(prefix)
        self._count(1 + len(listed) // _PAGE, listed=len(listed))
        return listed

    def list_versions(self, prefix: str) -> Iterator[VersionInfo]:
        listed = list(self._store.list_versions(prefix))
        self._count(1 + len(listed) // _PAGE, listed=len(listed))
        return iter(listed)

    def is_versioned(self) -> bool:
        self._count()
        return self._store.is_versioned()
