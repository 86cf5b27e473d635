"""Filing: one received version becomes footage, or is known as a duplicate, or goes to quarantine."""

import hashlib
import logging
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nightjar.domain.batch import BatchLine, Outcome, ReceivedVersion
from nightjar.domain.layout import footage_identity_prefix, footage_key, quarantine_prefix
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import FootageName, NameRefused, check_time, parse_footage_name, shown
from nightjar.domain.quarantine import QuarantineEntry, expected_and_found
from nightjar.domain.reasons import Reason
from nightjar.errors import TryAgainError
from nightjar.runtime.quarantine import find_quarantine, is_copy_of, source_metadata, write_quarantine
from nightjar.runtime.store import ObjectExistsError, ObjectInfo, ObjectMissingError, ObjectStore
from nightjar_collect.selection import footage_name

log = logging.getLogger(__name__)

# Up to this size an object is held in memory, once for each transfer at work.
IN_MEMORY = 16 << 20
_one_large_file = threading.Lock()  # on the pod's disk at a time


@dataclass(frozen=True)
class Filed:
    """What became of a version, with the objects that hold it now. No line: it was withdrawn before it was filed."""

    line: BatchLine | None
    refs: tuple[ObjectRef, ...] = ()


@dataclass(frozen=True)
class _Content:
    sha256: str  # empty: not read
    data: bytes | None  # None: too large to hold


class Filer:
    """Files versions from `drop_zone`. Whatever it did before a kill it recognises and gives the same outcome again."""

    def __init__(self, store: ObjectStore, drop_zone: str, image: str, max_bytes: int) -> None:
        self._store, self._drop_zone, self._image, self._max_bytes = store, drop_zone, image, max_bytes

    def file_all(self, versions: Sequence[ReceivedVersion]) -> list[Filed]:
        """File `versions` in this order: of one identity, the first is kept."""
        return [self.file(version) for version in versions]

    def file(self, version: ReceivedVersion) -> Filed:
        """File one version; a refusal is an outcome, not an error."""
        try:
            name = footage_name(version.key, self._drop_zone)
        except NameRefused as refusal:
            return self._refuse(version, Reason.BAD_NAME, str(refusal))
        try:
            check_time(name, version.received_at)
        except NameRefused as refusal:
            return self._refuse(version, Reason.IMPLAUSIBLE_TIME, str(refusal))
        if version.size == 0:  # S3 mounts put an empty object first: it must not take the identity from the whole one
            return self._refuse(version, Reason.EMPTY, "expected content, got 0 bytes")
        if version.size > self._max_bytes:
            sentence = f"expected at most {self._max_bytes} bytes, got {version.size}"
            return self._refuse(version, Reason.TOO_MANY_BYTES, sentence)
        return self._file(version, name)

    def refs(self, line: BatchLine) -> tuple[ObjectRef, ...]:
        """The objects that hold what this line is about, from the line and the bucket."""
        if line.outcome is Outcome.FILED:
            filed = line.footage
            return (ObjectRef(key=filed.key, version_id=filed.version_id, sha256=filed.sha256, size=filed.size),)
        if line.reason is None:
            return ()
        return self._in_quarantine(line.source, line.reason)

    def _file(self, version: ReceivedVersion, name: FootageName) -> Filed:
        if there := self._same_identity(name):
            return self._meet(version, name, there)
        content = self._read(version.key, version.version_id, version.size)
        if content is None:
            return self._withdrawn(version, Reason.IDENTITY_CONFLICT)
        metadata = source_metadata(version.key, version.version_id, content.sha256)
        key = footage_key(name)
        if content.data is None:
            info = self._store.copy(version.key, version.version_id, key, metadata)
        else:
            try:
                info = self._store.put(key, content.data, metadata=metadata, if_absent=True)
            except ObjectExistsError:  # an earlier try whose answer was lost, or another run
                return self._meet(version, name, self._same_identity(name))
        return _filed(version, info, content.sha256)

    def _meet(self, version: ReceivedVersion, name: FootageName, there: Sequence[ObjectInfo]) -> Filed:
        """What `version` is beside the footage of its identity that is `there` already."""
        if not there:
            raise TryAgainError(f"expected the footage of {name.stem} that kept it from being filed, found none")
        for info in there:
            if is_copy_of(info, version.key, version.version_id):
                return _filed(version, info, info.metadata["sha256"])
        content = self._read(version.key, version.version_id, version.size)
        if content is None:
            return self._withdrawn(version, Reason.IDENTITY_CONFLICT)
        hashes = [self._sha256(info) for info in there]
        for info, sha256 in zip(there, hashes, strict=True):
            if sha256 == content.sha256:
                return Filed(_line(version, Outcome.DUPLICATE, info, sha256))
        sentence = f"expected one content for {name.stem}, SHA-256 {' and '.join(hashes)}, got SHA-256 {content.sha256}"
        return self._refuse(version, Reason.IDENTITY_CONFLICT, sentence, content)

    def _same_identity(self, name: FootageName) -> list[ObjectInfo]:
        """The footage of this camera and moment that is filed: stills, or videos, whatever their format."""
        keys = sorted(info.key for info in self._store.list_objects(footage_identity_prefix(name)))
        same = [key for key in keys if parse_footage_name(key.rpartition("/")[2]).is_video == name.is_video]
        return [info for info in map(self._store.head, same) if info]

    def _sha256(self, info: ObjectInfo) -> str:
        if known := info.metadata.get("sha256"):
            return known
        content = self._read(info.key, info.version_id, info.size)  # put there by hand
        return content.sha256 if content else ""

    def _read(self, key: str, version_id: str, size: int) -> _Content | None:
        """The content of a version; None when it is gone."""
        try:
            if size <= IN_MEMORY:
                data, _ = self._store.get(key, version_id)
                return _Content(hashlib.sha256(data).hexdigest(), data)
            with _one_large_file, tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / "object"
                self._store.download(key, path, version_id)
                with path.open("rb") as file:
                    return _Content(hashlib.file_digest(file, "sha256").hexdigest(), None)
        except ObjectMissingError:
            return None

    def _refuse(
        self, version: ReceivedVersion, reason: Reason, sentence: str, content: _Content | None = None
    ) -> Filed:
        if version.size > self._max_bytes:  # more than the pod's disk may take, which would fail at every try
            content = _Content("", None)
        content = content or self._read(version.key, version.version_id, version.size)
        if content is None:
            return self._withdrawn(version, reason)
        expected, found = expected_and_found(sentence)
        entry = QuarantineEntry(
            reason=reason,
            meaning=reason.meaning,
            expected=expected,
            found=found,
            source_key=version.key,
            source_version=version.version_id,
            detail="",
            received_at=version.received_at,
            taken_at=self._taken_at(version, reason),
            sha256=content.sha256,
            size=version.size,
            stage="collect",
            image=self._image,
        )
        try:
            refs = write_quarantine(self._store, entry, content.data)
        except ObjectMissingError:
            return self._withdrawn(version, reason)
        log.info("refused: %s", sentence, extra={"reason": str(reason), **self._whose(version)})
        return Filed(_line(version, Outcome.QUARANTINED, reason=reason), refs)

    def _withdrawn(self, version: ReceivedVersion, reason: Reason) -> Filed:
        """What to make of a version that is no longer there: what an earlier try put in quarantine stays so."""
        if refs := self._in_quarantine(version, reason):
            return Filed(_line(version, Outcome.QUARANTINED, reason=reason), refs)
        log.warning("withdrawn before it was filed: %s", shown(version.key), extra=self._whose(version))
        return Filed(None)

    def _in_quarantine(self, version: ReceivedVersion, reason: Reason) -> tuple[ObjectRef, ...]:
        day = (self._taken_at(version, reason) or version.received_at).date()
        return find_quarantine(self._store, quarantine_prefix(reason, day, version.key, version.version_id))

    def _taken_at(self, version: ReceivedVersion, reason: Reason) -> datetime | None:
        """When it was taken, where the name tells and is not itself what is wrong."""
        name = self._name(version)
        return name.taken_at if name and reason not in (Reason.BAD_NAME, Reason.IMPLAUSIBLE_TIME) else None

    def _whose(self, version: ReceivedVersion) -> dict[str, str]:
        """What logs say of a version: where it landed and, where the name tells, its camera."""
        name = self._name(version)
        return {"source": shown(version.key)} | ({"camera": name.camera.name} if name else {})

    def _name(self, version: ReceivedVersion) -> FootageName | None:
        try:
            return footage_name(version.key, self._drop_zone)
        except NameRefused:
            return None


def _filed(version: ReceivedVersion, info: ObjectInfo, sha256: str) -> Filed:
    ref = ObjectRef(key=info.key, version_id=info.version_id, sha256=sha256, size=info.size)
    return Filed(_line(version, Outcome.FILED, info, sha256), (ref,))


def _line(
    version: ReceivedVersion,
    outcome: Outcome,
    footage: ObjectInfo | None = None,
    sha256: str | None = None,
    reason: Reason | None = None,
) -> BatchLine:
    return BatchLine(
        source=version,
        outcome=outcome,
        reason=reason,
        footage_key=footage.key if footage else None,
        footage_version=footage.version_id if footage else None,
        sha256=sha256,
    )
