"""Metadata that says of an object in `footage/` or `quarantine/` which received version it is a copy of."""

from nightjar.domain.layout import digest
from nightjar.runtime.store import ObjectInfo


def source_metadata(key: str, version_id: str, sha256: str) -> dict[str, str]:
    """Metadata for a copy of that version of `key`: ASCII and short, whatever the key is.

    `sha256` is empty for an object that was refused unread.
    """
    known = {"sha256": sha256} if sha256 else {}
    return {**known, "source-key-sha256": digest(key, 64), "source-version": version_id}


def is_copy_of(info: ObjectInfo, key: str, version_id: str) -> bool:
    """Whether `info` (with metadata) is a copy of that version of that key."""
    source = (info.metadata.get("source-key-sha256"), info.metadata.get("source-version"))
    return source == (digest(key, 64), version_id)
