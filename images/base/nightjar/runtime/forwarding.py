"""A store that passes every call on to another one: the base of those that do something besides, or instead."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from nightjar.runtime.store import ObjectInfo, ObjectStore, VersionInfo


class ForwardingStore:
    """An ObjectStore that passes every call on to `store`. As safe to use from threads as `store` is."""

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
        return self._store.put(
            key, data, content_type=content_type, metadata=metadata, if_absent=if_absent, if_match=if_match
        )

    def copy(
        self, source_key: str, source_version: str, target_key: str, metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        return self._store.copy(source_key, source_version, target_key, metadata)

    def delete(self, key: str, version_id: str | None = None) -> str | None:
        return self._store.delete(key, version_id)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        return self._store.list_objects(prefix)

    def list_folders(self, prefix: str) -> list[str]:
        return self._store.list_folders(prefix)

    def list_versions(self, prefix: str) -> Iterator[VersionInfo]:
        return self._store.list_versions(prefix)

    def is_versioned(self) -> bool:
        return self._store.is_versioned()
