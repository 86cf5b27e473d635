"""The object store as stages see it: a small interface over a versioned S3 bucket.

`nightjar.runtime.s3.S3Store` is the real one; `nightjar.runtime.memory.MemoryStore` is the fake that ships with it and
keeps the same contract (one test table runs over both).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from nightjar.errors import InputError, NightjarError

# Codes of objects that have a `head` all the same. Archived: it has to be restored before it can be read.
ARCHIVED = "InvalidObjectState"
INCOMPLETE = "IncompleteBody"  # our name for a body that ends before its Content-Length, for which S3 has none


class ObjectMissingError(NightjarError):
    """The key, or that version of it, is not there."""


class ObjectUnreadableError(InputError):
    """The object is there, but S3 does not give it, while it gives others: archived, its key disabled, damaged.

    `code` is the API's, such as `InvalidObjectState`. What concerns the bucket is a TryAgainError or a UsageError.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class ObjectExistsError(NightjarError):
    """A create-only write found the key taken."""


class ObjectChangedError(NightjarError):
    """A conditional write found another state than the one it was made for."""


@dataclass(frozen=True)
class ObjectInfo:
    """One version of one object. `etag` is quoted as S3 gives it; `metadata` is only filled by `head` and `get`."""

    key: str
    version_id: str
    size: int
    etag: str
    modified_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class VersionInfo:
    """A version as a version listing gives it. A delete marker has no size and stands for "gone"."""

    key: str
    version_id: str
    size: int
    modified_at: datetime
    is_latest: bool
    is_delete_marker: bool


class ObjectStore(Protocol):
    """A versioned bucket. Every method may raise TryAgainError (the service fails) or UsageError (refused for good).

    `head`, `get`, `get_range`, `download` and `copy` raise ObjectUnreadableError where only this object cannot be read.
    An archived or damaged object still has a `head`.
    """

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        """Size, version and metadata of an object; None when it is not there."""

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        """The whole object; raises ObjectMissingError."""

    def get_range(self, key: str, first: int, length: int, version_id: str | None = None) -> bytes:
        """At most `length` (1 or more) bytes from byte `first` on, which the object has; raises ObjectMissingError."""

    def download(self, key: str, path: Path, version_id: str | None = None) -> ObjectInfo:
        """Stream the object into the file `path`, in bounded memory; raises ObjectMissingError."""

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
        """Write a new version. `metadata` is ASCII.

        With `if_absent`, raises ObjectExistsError when there is an object; with `if_match` (an etag), raises
        ObjectChangedError when the current object has another.
        """

    def copy(
        self, source_key: str, source_version: str, target_key: str, metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        """Copy one version inside the store, of any size; raises ObjectMissingError."""

    def delete(self, key: str, version_id: str | None = None) -> str | None:
        """Remove one version for good, or, without one, put a delete marker. Fine when it is already gone.

        Returns the version id of the delete marker, as far as the server tells it.
        """

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every current object below `prefix`, in no promised order (SeaweedFS lists by folder tree)."""

    def list_folders(self, prefix: str) -> list[str]:
        """The prefixes one level below `prefix`, each ending in a slash, sorted."""

    def list_versions(self, prefix: str) -> Iterator[VersionInfo]:
        """Every version and delete marker below `prefix`, in no promised order."""

    def is_versioned(self) -> bool:
        """Whether the bucket keeps versions."""
