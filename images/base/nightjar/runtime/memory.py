"""The object store in memory: the fake for tests, with the contract of the real one."""

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from nightjar.runtime.store import (
    ARCHIVED,
    INCOMPLETE,
    ObjectChangedError,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectUnreadableError,
    VersionInfo,
)


@dataclass(frozen=True)
class _Version:
    info: ObjectInfo
    data: bytes | None  # None: a delete marker


class MemoryStore:
    """A versioned bucket in memory, safe to use from threads. `clock` gives `modified_at`."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._versions: dict[str, list[_Version]] = {}
        self._unreadable: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def make_unreadable(self, key: str, code: str | None = ARCHIVED) -> None:
        """Let S3 refuse with `code` to give the object at `key`, in any version; None: give it again."""
        with self._lock:
            self._unreadable.pop(key, None)
            if code is not None:
                self._unreadable[key] = code

    def _check_readable(self, method: str, key: str) -> None:
        code = self._unreadable.get(key)
        if code is not None and not (method == "head" and code in (ARCHIVED, INCOMPLETE)):
            raise ObjectUnreadableError(f"{method} {key!r}: expected an object that can be read, S3 says {code}", code)

    def _current(self, key: str) -> _Version | None:
        versions = self._versions.get(key)
        return versions[-1] if versions and versions[-1].data is not None else None

    def _find(self, key: str, version_id: str | None) -> _Version | None:
        with self._lock:
            if version_id is None:
                return self._current(key)
            found = (v for v in self._versions.get(key, []) if v.info.version_id == version_id)
            version = next(found, None)
            return version if version and version.data is not None else None

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        version = self._find(key, version_id)
        if version:
            self._check_readable("head", key)
        return version.info if version else None

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        version = self._find(key, version_id)
        if version is None or version.data is None:
            raise ObjectMissingError(f"expected an object at {key!r} version {version_id}, found none")
        self._check_readable("get", key)
        return version.data, version.info

    def get_range(self, key: str, first: int, length: int, version_id: str | None = None) -> bytes:
        return self.get(key, version_id)[0][first : first + length]

    def download(self, key: str, path: Path, version_id: str | None = None) -> ObjectInfo:
        data, info = self.get(key, version_id)
        path.write_bytes(data)
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
        del content_type
        with self._lock:
            current = self._current(key)
            if if_absent and current:
                raise ObjectExistsError(f"expected no object at {key!r}, found version {current.info.version_id}")
            if if_match is not None and (current is None or current.info.etag != if_match):
                found = current.info.etag if current else "none"
                raise ObjectChangedError(f"expected etag {if_match} at {key!r}, found {found}")
            info = ObjectInfo(
                key=key,
                version_id=f"v{next(self._numbers):08d}",
                size=len(data),
                etag=f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"',
                modified_at=self._clock(),
                metadata=dict(metadata or {}),
            )
            self._versions.setdefault(key, []).append(_Version(info, data))
            return info

    def copy(
        self, source_key: str, source_version: str, target_key: str, metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        data, info = self.get(source_key, source_version)
        return self.put(target_key, data, metadata=info.metadata if metadata is None else metadata)

    def delete(self, key: str, version_id: str | None = None) -> str | None:
        with self._lock:
            versions = self._versions.get(key, [])
            if version_id is not None:
                self._versions[key] = [v for v in versions if v.info.version_id != version_id]
                return None
            if not versions:
                return None
            marker = ObjectInfo(key, f"v{next(self._numbers):08d}", 0, "", self._clock())
            versions.append(_Version(marker, None))
            return marker.version_id

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._lock:
            found = [self._current(key) for key in sorted(self._versions) if key.startswith(prefix)]
        return iter([replace(v.info, metadata={}) for v in found if v])

    def list_folders(self, prefix: str) -> list[str]:
        rests = (info.key[len(prefix) :] for info in self.list_objects(prefix))
        return sorted({f"{prefix}{rest.partition('/')[0]}/" for rest in rests if "/" in rest})

    def list_versions(self, prefix: str) -> Iterator[VersionInfo]:
        with self._lock:
            return iter(
                [
                    VersionInfo(
                        key=key,
                        version_id=version.info.version_id,
                        size=version.info.size,
                        modified_at=version.info.modified_at,
                        is_latest=version is versions[-1],
                        is_delete_marker=version.data is None,
                    )
                    for key, versions in sorted(self._versions.items())
                    if key.startswith(prefix)
                    for version in versions
                ]
            )

    def is_versioned(self) -> bool:
        return True
