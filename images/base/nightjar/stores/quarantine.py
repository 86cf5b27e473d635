"""Refused footage and pictures: `quarantine/<reason>/YYYY/MM/DD/<hash>/{object,reason.json,preview.jpg}`.

The day is the UTC day on which it was taken or, where its name does not tell, received. The hash covers key and version
of the source and, where only a part of it is refused (a frame of a video), which part. `object` is what a stranger
uploaded; `preview.jpg` is a small picture that validate's sealed decoder made of it, where it decoded that far.
"""

import hashlib
import re
from collections.abc import Collection, Iterator
from datetime import date

from nightjar.domain.layout import day_path, digest
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import shown
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.reasons import Reason
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_record, write_bytes, write_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectExistsError, ObjectInfo, ObjectMissingError, ObjectStore
from nightjar.stores.erasure import erase_versions, was_dropped_by
from nightjar.stores.provenance import source_metadata

QUARANTINE = "quarantine/"
_OBJECT, _REASON, _PREVIEW = "object", "reason.json", "preview.jpg"
_FOLDER = re.compile(r"([a-z0-9-]{1,64})/([0-9]{4})/([0-9]{2})/([0-9]{2})/([0-9a-f]{32})/?")
_READERS = 16


def quarantine_prefix(reason: str, day: date, source_key: str, source_version: str, detail: str = "") -> str:
    """The folder of a refusal; `detail` is empty where the whole source is refused."""
    identity = digest("\n".join((source_key, source_version, detail)), 32)
    return f"{QUARANTINE}{reason}/{day_path(day)}/{identity}/"


def entry_prefix(entry: QuarantineEntry) -> str:
    """The folder of `entry`."""
    day = (entry.taken_at or entry.received_at).date()
    return quarantine_prefix(entry.reason, day, entry.source_key, entry.source_version, entry.detail)


def parse_folder(text: str) -> str:
    """The folder that `text` names, `<reason>/YYYY/MM/DD/<hash>`, below `quarantine/` or with it in front.

    Raises ValueError, which says what was expected, for anything else: text from outside names no other key.
    """
    match = _FOLDER.fullmatch(text.removeprefix(QUARANTINE))
    try:
        if match:
            day = date(int(match[2]), int(match[3]), int(match[4]))
            return f"{QUARANTINE}{match[1]}/{day_path(day)}/{match[5]}/"
    except ValueError:
        pass  # no day of the calendar: told like any other text
    raise ValueError(f"expected a folder of quarantine, <reason>/YYYY/MM/DD/<32 hex digits>, got {shown(text)}")


class Quarantine:
    """Keeps refused objects, each with the reason beside it. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(
        self,
        entry: QuarantineEntry,
        data: bytes | None = None,
        place: tuple[str, str] | None = None,
        preview: bytes = b"",
    ) -> tuple[ObjectRef, ...]:
        """Write `object`, `preview.jpg` if there is one, then `reason.json`. Returns all that it wrote.

        Doing it again, in this run or another, changes nothing. Without `data` the object is copied inside the bucket
        from `place` (key, version), by default the entry's source; raises ObjectMissingError when that is gone and was
        not copied before.
        """
        if preview:
            entry = entry.model_copy(update={"preview_sha256": hashlib.sha256(preview).hexdigest()})
        prefix = entry_prefix(entry)
        key = f"{prefix}{_OBJECT}"
        info = self._store.head(key)
        kept = self._same_reason(prefix, entry) if info else None
        if info is None:
            metadata = source_metadata(entry.source_key, entry.source_version, entry.sha256)
            if data is None:
                info = self._store.copy(*(place or (entry.source_key, entry.source_version)), key, metadata)
            else:
                try:
                    info = self._store.put(key, data, metadata=metadata, if_absent=True)
                except ObjectExistsError:  # the answer to an earlier try was lost on its way
                    info = self._store.head(key)
                    if info is None:
                        raise
        written = [ObjectRef(key=key, version_id=info.version_id, sha256=entry.sha256, size=info.size)]
        if preview:
            written.append(write_bytes(self._store, f"{prefix}{_PREVIEW}", preview, content_type="image/jpeg"))
        return (*written, kept or write_record(self._store, f"{prefix}{_REASON}", entry))

    def note(self, entry: QuarantineEntry) -> tuple[ObjectRef, ...]:
        """Write `reason.json` alone, for an object that cannot be read or copied; it stays where it is."""
        prefix = entry_prefix(entry)
        return (self._same_reason(prefix, entry) or write_record(self._store, f"{prefix}{_REASON}", entry),)

    def lift(self, prefix: str) -> None:
        """Take a refusal that no longer holds out of the listing: delete markers on all its objects."""
        for name in (_REASON, _OBJECT, _PREVIEW):
            if self._store.head(f"{prefix}{name}"):
                self._store.delete(f"{prefix}{name}")

    def object_of(self, prefix: str) -> ObjectInfo | None:
        """The refused object in the folder `prefix`; None where S3 did not give it."""
        return self._store.head(f"{prefix}{_OBJECT}")

    def preview_of(self, prefix: str) -> tuple[bytes, ObjectInfo] | None:
        """The preview in the folder `prefix`, a JPEG of some KiB; None where there is none."""
        try:
            return self._store.get(f"{prefix}{_PREVIEW}")
        except ObjectMissingError:
            return None

    def at(self, prefix: str) -> QuarantineEntry | None:
        """The refusal in the folder `prefix`; None when there is none, or it was lifted. Raises InputError."""
        return self._entry(f"{prefix}{_REASON}")

    def find(self, prefix: str) -> tuple[ObjectRef, ...]:
        """The objects in the folder `prefix`; empty when the refusal is not there, or only a part of it."""
        info, reason = self._store.head(f"{prefix}{_OBJECT}"), self._store.head(f"{prefix}{_REASON}")
        if reason is None:
            return ()
        entry, reference = read_record(self._store, reason.key, QuarantineEntry, reason.version_id)
        if info is None:
            return (reference,) if entry.reason == Reason.UNREADABLE else ()
        held = ObjectRef(key=info.key, version_id=info.version_id, sha256=entry.sha256, size=info.size)
        return (held, *self._preview(prefix, entry), reference)

    def of_day(self, day: date) -> Iterator[tuple[str, QuarantineEntry]]:
        """Every refusal of a UTC day with its folder, by folder; raises InputError for a `reason.json` that is none."""
        prefixes = [f"{reason}{day_path(day)}/" for reason in self._store.list_folders(QUARANTINE)]
        listed = in_parallel(lambda prefix: [i.key for i in self._store.list_objects(prefix)], prefixes, _READERS)
        keys = sorted(key for some in listed for key in some if key.endswith(f"/{_REASON}"))
        for key, entry in zip(keys, in_parallel(self._entry, keys, _READERS), strict=True):
            if entry is not None:
                yield key.removesuffix(_REASON), entry

    def entries(
        self, reasons: Collection[str], first: date, last: date
    ) -> Iterator[tuple[str, QuarantineEntry | InputError]]:
        """The refusals of these reasons (of all, if none) and of days from `first` to `last`, with their folders.

        Instead of a `reason.json` that cannot be read, the error that says why.
        """

        def read(key: str) -> QuarantineEntry | InputError | None:
            try:
                return self._entry(key)
            except InputError as error:
                return error

        folders = [f"{QUARANTINE}{reason}/" for reason in sorted(reasons)] or [QUARANTINE]
        keys = (info.key for folder in folders for info in self._store.list_objects(folder))
        bounds = day_path(first), day_path(last)
        wanted = [key for key in keys if key.endswith(f"/{_REASON}") and bounds[0] <= _day_in(key) <= bounds[1]]
        for key, entry in zip(wanted, in_parallel(read, wanted, _READERS), strict=True):
            if entry is not None:
                yield key.removesuffix(_REASON), entry

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of the refusals of a user (or of one camera); returns their number.

        A folder's name does not tell whose it is: every `reason.json` is read. An object that has none is left. A name
        that broke the contract is theirs if it has theirs as a word.
        """
        versions = (version for version in self._store.list_versions(QUARANTINE) if version.key.endswith(f"/{_REASON}"))
        reasons = [version for version in versions if not version.is_delete_marker]
        entries = in_parallel(lambda reason: self._entry(reason.key, reason.version_id), reasons, _READERS)
        folders = {
            reason.key.removesuffix(_REASON)
            for reason, entry in zip(reasons, entries, strict=True)
            if entry and was_dropped_by(entry.source_key.partition("/")[2], user, device)
        }
        return sum(erase_versions(self._store, folder, lambda _: True) for folder in sorted(folders))

    def _preview(self, prefix: str, entry: QuarantineEntry) -> list[ObjectRef]:
        info = self._store.head(f"{prefix}{_PREVIEW}") if entry.preview_sha256 else None
        if info is None:
            return []
        return [ObjectRef(key=info.key, version_id=info.version_id, sha256=entry.preview_sha256, size=info.size)]

    def _same_reason(self, prefix: str, entry: QuarantineEntry) -> ObjectRef | None:
        """The `reason.json` in the folder `prefix`, if it says the same as `entry` of an earlier run."""
        key = f"{prefix}{_REASON}"
        if self._store.head(key) is None:
            return None
        before, reference = read_record(self._store, key, QuarantineEntry)
        if not entry.preview_sha256:  # an earlier run's is of the same object
            entry = entry.model_copy(update={"preview_sha256": before.preview_sha256})
        return reference if before.model_copy(update={"run": entry.run}) == entry else None

    def _entry(self, key: str, version_id: str | None = None) -> QuarantineEntry | None:
        """The `reason.json` at `key`; None when it is gone since it was listed."""
        try:
            return read_record(self._store, key, QuarantineEntry, version_id)[0]
        except InputError:
            if self._store.head(key, version_id) is None:
                return None
            raise


def _day_in(key: str) -> str:
    """2026/11/20 of `quarantine/<reason>/2026/11/20/<hash>/reason.json`."""
    return "/".join(key.split("/")[2:5])
