"""A store over a store: it reads given versions where they are, and writes everything below a prefix.

What a stage sees of it is a bucket that holds the given versions and nothing else, with the keys, versions, times and
ETags that they have. What it writes is kept below the prefix, and so is what it removes: the bucket itself is only
read, whatever the stage does.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from nightjar.errors import InputError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectStore,
    VersionInfo,
)

GIVEN = "given.jsonl"  # below the prefix: the given versions
WRITTEN = "store/"  # below the prefix: what is written, by its key
_REMOVED = {"nightjar-removed": "yes"}  # the metadata of an empty object that stands for a given one that is gone
_READERS = 16


def open_overlay(store: ObjectStore, prefix: str) -> "OverlayStore":
    """The overlay at `prefix`, whose given versions are listed there; raises InputError when the list is not there.

    A line is {"key": …, "version_id": …}. If a key has several versions, all can be read, and the last one counts.
    A line {"as_of": …} says which UTC day counts as today for whoever works there.
    """
    key = f"{prefix}{GIVEN}"
    try:
        data, _ = store.get(key)
    except ObjectMissingError:
        raise InputError(f"expected the versions to read at {key!r}, found none") from None
    given: dict[str, tuple[str, ...]] = {}
    as_of: date | None = None
    for number, line in enumerate(data.splitlines(), 1):
        try:
            each = json.loads(line)
            if "as_of" in each:
                as_of = date.fromisoformat(each["as_of"])
                continue
            given[str(each["key"])] = (*given.get(str(each["key"]), ()), str(each["version_id"]))
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"expected a key and a version_id in line {number} of {key!r}, got {line[:200]!r}"
            ) from None
    return OverlayStore(store, f"{prefix}{WRITTEN}", given, as_of)


class OverlayStore:
    """An ObjectStore that reads `given` versions of `base` and writes below `prefix`. Safe to use from threads.

    `given` holds the versions by key; the last of a key is the one that is read without a version, until the key is
    written. No other object of `base` can be seen, and none outside of `prefix` is ever written or removed. `as_of` is
    the UTC day that counts as today for whoever works there; None for the clock's.
    """

    def __init__(
        self,
        base: ObjectStore,
        prefix: str,
        given: Mapping[str, tuple[str, ...]],
        as_of: date | None = None,
    ) -> None:
        self._base, self._prefix, self._given = base, prefix, given
        self.as_of = as_of

    def place(self, key: str, version_id: str | None = None) -> tuple[str, str | None]:
        """Where the object is in `base`: its key and version there. Raises ObjectMissingError for a removed one."""
        versions = self._given.get(key, ())
        if version_id is not None:
            return (key if version_id in versions else self._below(key)), version_id
        if not versions:
            return self._below(key), None
        written = self._base.head(self._below(key))
        if written is None:
            return key, versions[-1]
        if _is_removed(written):
            raise ObjectMissingError(f"expected an object at {key!r}, it was removed")
        return self._below(key), written.version_id

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        try:
            info = self._base.head(*self.place(key, version_id))
        except ObjectMissingError:
            return None
        return replace(info, key=key) if info else None

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        data, info = self._base.get(*self.place(key, version_id))
        return data, replace(info, key=key)

    def get_range(self, key: str, first: int, length: int, version_id: str | None = None) -> bytes:
        placed, version = self.place(key, version_id)
        return self._base.get_range(placed, first, length, version)

    def download(self, key: str, path: Path, version_id: str | None = None) -> ObjectInfo:
        placed, version = self.place(key, version_id)
        return replace(self._base.download(placed, path, version), key=key)

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
        if key in self._given and (if_absent or if_match is not None):
            if_absent, if_match = self._condition(key, if_absent=if_absent, if_match=if_match)
        info = self._base.put(
            self._below(key),
            data,
            content_type=content_type,
            metadata=metadata,
            if_absent=if_absent,
            if_match=if_match,
        )
        return replace(info, key=key)

    def _condition(self, key: str, *, if_absent: bool, if_match: str | None) -> tuple[bool, str | None]:
        """The condition on what is below the prefix that holds as the one asked for does on a given object."""
        written = self._base.head(self._below(key))
        if written is not None and not _is_removed(written):
            return if_absent, if_match
        there = None if written else self._base.head(key, self._given[key][-1])
        if if_absent:
            if there:
                raise ObjectExistsError(f"expected no object at {key!r}, version {there.version_id} is given")
            return written is None, written.etag if written else None
        if there is None or there.etag != if_match:
            raise ObjectChangedError(f"expected etag {if_match} at {key!r}, found {there.etag if there else 'none'}")
        return True, None

    def copy(
        self, source_key: str, source_version: str, target_key: str, metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        placed, version = self.place(source_key, source_version)
        assert version is not None, "expected the place of a version to have one"
        return replace(self._base.copy(placed, version, self._below(target_key), metadata), key=target_key)

    def delete(self, key: str, version_id: str | None = None) -> str | None:
        versions = self._given.get(key, ())
        if version_id not in (None, *versions) or not versions:
            return self._base.delete(self._below(key), version_id)
        if version_id is None or version_id == versions[-1]:
            return self._base.put(self._below(key), b"", metadata=_REMOVED).version_id
        return None

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        written = {info.key.removeprefix(self._prefix): info for info in self._base.list_objects(self._below(prefix))}
        empty = [key for key, info in written.items() if not info.size and key in self._given]
        removed = {
            info.key.removeprefix(self._prefix)
            for info in in_parallel(lambda key: self._base.head(self._below(key)), empty, _READERS)
            if info and _is_removed(info)
        }
        yield from (replace(info, key=key) for key, info in written.items() if key not in removed)
        others = [key for key in self._given if key.startswith(prefix) and key not in written]
        for info in in_parallel(lambda key: self._base.head(key, self._given[key][-1]), others, _READERS):
            if info:
                yield replace(info, metadata={})

    def list_folders(self, prefix: str) -> list[str]:
        rests = (info.key.removeprefix(prefix) for info in self.list_objects(prefix))
        return sorted({f"{prefix}{rest.partition('/')[0]}/" for rest in rests if "/" in rest})

    def list_versions(self, prefix: str) -> Iterator[VersionInfo]:
        written = list(self._base.list_versions(self._below(prefix)))
        keys = {version.key.removeprefix(self._prefix) for version in written}
        yield from (replace(version, key=version.key.removeprefix(self._prefix)) for version in written)
        given = [(key, v) for key, versions in self._given.items() if key.startswith(prefix) for v in versions]
        for info in in_parallel(lambda each: self._base.head(*each), given, _READERS):
            if info:
                is_latest = info.key not in keys and info.version_id == self._given[info.key][-1]
                yield VersionInfo(
                    key=info.key,
                    version_id=info.version_id,
                    size=info.size,
                    modified_at=info.modified_at,
                    is_latest=is_latest,
                    is_delete_marker=False,
                )

    def is_versioned(self) -> bool:
        return self._base.is_versioned()

    def _below(self, key: str) -> str:
        return f"{self._prefix}{key}"


def given_lines(given: Iterable[tuple[str, str]], as_of: date | None = None) -> bytes:
    """The list of given versions, each a key and a version, and of the day, as `open_overlay` reads it."""
    lines: list[dict[str, str]] = [{"as_of": as_of.isoformat()}] if as_of else []
    lines += [{"key": key, "version_id": version} for key, version in given]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _is_removed(info: ObjectInfo) -> bool:
    return not info.size and info.metadata == _REMOVED
