"""A store that only pretends to write, for dry runs: it reads what is there, and counts what would be done to it."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from nightjar.runtime.forwarding import ForwardingStore
from nightjar.runtime.store import ObjectInfo


class RehearsalStore(ForwardingStore):
    """Reads from `store` and changes nothing there. Its own reads do not show what it was asked to write."""

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
