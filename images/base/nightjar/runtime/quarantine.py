"""Putting what is refused into quarantine: the thing itself and, beside it, why."""

from datetime import date

from nightjar.domain.layout import digest, quarantine_prefix
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.runtime.manifests import read_record, write_record
from nightjar.runtime.store import ObjectExistsError, ObjectInfo, ObjectStore

OBJECT = "object"
REASON = "reason.json"


def source_metadata(key: str, version_id: str, sha256: str) -> dict[str, str]:
    """Metadata by which a copy is known again: ASCII and short, whatever the key it was copied from.

    `sha256` is empty for what was refused unread.
    """
    known = {"sha256": sha256} if sha256 else {}
    return {**known, "source-key-sha256": digest(key, 64), "source-version": version_id}


def is_copy_of(info: ObjectInfo, key: str, version_id: str) -> bool:
    """Whether `info` (with metadata) is a copy of that version of that key."""
    source = (info.metadata.get("source-key-sha256"), info.metadata.get("source-version"))
    return source == (digest(key, 64), version_id)


def entry_prefix(entry: QuarantineEntry) -> str:
    """Where `entry` is: by the day it was taken or, where that is not known, received."""
    day: date = (entry.taken_at or entry.received_at).date()
    return quarantine_prefix(entry.reason, day, entry.source_key, entry.source_version, entry.detail)


def write_quarantine(store: ObjectStore, entry: QuarantineEntry, data: bytes | None = None) -> tuple[ObjectRef, ...]:
    """Write `object`, then `reason.json`; doing it again changes nothing. Returns both.

    Without `data` the object is copied inside the store from the entry's source; raises ObjectMissingError when that
    is gone and was not copied before.
    """
    prefix = entry_prefix(entry)
    key = f"{prefix}{OBJECT}"
    info = store.head(key)
    if info is None:
        metadata = source_metadata(entry.source_key, entry.source_version, entry.sha256)
        if data is None:
            info = store.copy(entry.source_key, entry.source_version, key, metadata)
        else:
            try:
                info = store.put(key, data, metadata=metadata, if_absent=True)
            except ObjectExistsError:  # the answer to an earlier try was lost on its way
                info = store.head(key)
                if info is None:
                    raise
    written = ObjectRef(key=key, version_id=info.version_id, sha256=entry.sha256, size=info.size)
    return written, write_record(store, f"{prefix}{REASON}", entry)


def find_quarantine(store: ObjectStore, prefix: str) -> tuple[ObjectRef, ...]:
    """Both objects of the entry below `prefix`; empty when there is none, or only a part of one."""
    info, reason = store.head(f"{prefix}{OBJECT}"), store.head(f"{prefix}{REASON}")
    if info is None or reason is None:
        return ()
    entry, reference = read_record(store, reason.key, QuarantineEntry, reason.version_id)
    return ObjectRef(key=info.key, version_id=info.version_id, sha256=entry.sha256, size=info.size), reference
