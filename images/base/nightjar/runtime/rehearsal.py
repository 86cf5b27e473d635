"""A store that only pretends to write, for dry runs: it reads what is there, and counts what would be done to it."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from nightjar.runtime.store import ObjectInfo, ObjectStore, VersionInfo


class RehearsalStore:
    """Reads from `store` and changes nothing there. Its own reads do not show what it was asked to write."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        return self._store.head(key, version_id)

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        return self._store.get(key, version_id)

    def get_range(self, key: str, first: int, length: int, version_id: str | None = None) -> bytes:
        return self._store.get_range(key, first, length, version_id)

    def download(self, key: str, path: Path, version_id: str | None = None) -> ObjectInfo:
        return self._store.download(key, path, version_id)

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
        del content_type, if_absent, if_match
        etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        return ObjectInfo(key, "rehearsed", len(data), etag, datetime.now(UTC), dict(metadata or {}))

    def copy(
        self, source_key: str, source_version: str, target_key: str, metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        data, info = self._store.get(source_key, source_version)
        return self.put(target_key, data, metadata=info.metadata if metadata is None else metadata)

    def delete(self, key: str, version_id: str | None = None) -> None:
        return None

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        return self._store.list_objects(prefix)

    def list_folders(self, prefix: str) -> list[str]:
        return self._store.list_folders(prefix)

    def list_versions(self, prefix: str) -> Iterator[VersionInfo]:
        return self._store.list_versions(prefix)

    def is_versioned(self) -> bool:
        return self._store.is_versioned()
