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
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import FootageName, NameRefused, check_time, name_refusal, shown
from nightjar.domain.quarantine import QuarantineEntry, StoredReason, expected_and_found
from nightjar.domain.reasons import Reason
from nightjar.errors import TryAgainError
from nightjar.runtime.store import ObjectExistsError, ObjectInfo, ObjectMissingError, ObjectStore
from nightjar.stores.drop_zone import DropZone
from nightjar.stores.footage import FootageStore
from nightjar.stores.provenance import is_copy_of
from nightjar.stores.quarantine import Quarantine, quarantine_prefix

log = logging.getLogger(__name__)

# Up to this size an object is held in memory, once for each transfer at work.
IN_MEMORY = 16 << 20
_one_large_file = threading.Lock()  # on the pod's disk at a time


@dataclass(frozen=True)
class Filed:
    """The outcome of a version, with the objects that hold it now. No line: it was withdrawn before it was filed."""

    line: BatchLine | None
    refs: tuple[ObjectRef, ...] = ()


@dataclass(frozen=True)
class _Content:
    sha256: str  # empty: not read
    data: bytes | None  # None: too large to hold


class Filer:
    """Files versions from `drop_zone`. It recognises what it did before a kill, and gives the same outcome again."""

    def __init__(self, store: ObjectStore, drop_zone: DropZone, image: str, max_bytes: int) -> None:
        self._store, self._drop_zone, self._image, self._max_bytes = store, drop_zone, image, max_bytes
        self._footage, self._quarantine = FootageStore(store), Quarantine(store)

    def file_all(self, versions: Sequence[ReceivedVersion]) -> list[Filed]:
        """File `versions` in this order: of one identity, the first is kept."""
        return [self.file(version) for version in versions]

    def file(self, version: ReceivedVersion) -> Filed:
        """File one version; a refusal is an outcome, not an error."""
        name = version.name
        if name is None:
            return self._refuse(version, Reason.BAD_NAME, name_refusal(self._drop_zone.name(version.key)))
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
        if filed := self._footage.of_moment(name):
            return self._meet(version, name, filed)
        content = self._read(version.key, version.version_id, version.size)
        if content is None:
            return self._withdrawn(version, Reason.IDENTITY_CONFLICT)
        if content.data is None:
            info = self._footage.copy(name, version.key, version.version_id, content.sha256)
        else:
            try:
                info = self._footage.put(name, content.data, version.key, version.version_id, content.sha256)
            except ObjectExistsError:  # an earlier try whose answer was lost, or another run
                return self._meet(version, name, self._footage.of_moment(name))
        return _filed(version, info, content.sha256)

    def _meet(self, version: ReceivedVersion, name: FootageName, filed: Sequence[ObjectInfo]) -> Filed:
        """The outcome of `version` beside the footage of its identity that is filed already."""
        if not filed:
            raise TryAgainError(f"expected the footage of {name.stem} that kept it from being filed, got none")
        for info in filed:
            if is_copy_of(info, version.key, version.version_id):
                return _filed(version, info, info.metadata["sha256"])
        content = self._read(version.key, version.version_id, version.size)
        if content is None:
            return self._withdrawn(version, Reason.IDENTITY_CONFLICT)
        hashes = [self._sha256(info) for info in filed]
        for info, sha256 in zip(filed, hashes, strict=True):
            if sha256 == content.sha256:
                return Filed(_line(version, Outcome.DUPLICATE, info, sha256))
        sentence = f"expected one content for {name.stem}, SHA-256 {' and '.join(hashes)}, got SHA-256 {content.sha256}"
        return self._refuse(version, Reason.IDENTITY_CONFLICT, sentence, content)

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
            taken_at=_taken_at(version, reason),
            sha256=content.sha256,
            size=version.size,
            stage="collect",
            image=self._image,
        )
        try:
            refs = self._quarantine.put(entry, content.data)
        except ObjectMissingError:
            return self._withdrawn(version, reason)
        log.info("refused: %s", sentence, extra={"reason": str(reason), **_whose(version)})
        return Filed(_line(version, Outcome.QUARANTINED, reason=reason), refs)

    def _withdrawn(self, version: ReceivedVersion, reason: Reason) -> Filed:
        """The outcome of a version that is no longer there: if an earlier try put it in quarantine, it stays there."""
        if refs := self._in_quarantine(version, reason):
            return Filed(_line(version, Outcome.QUARANTINED, reason=reason), refs)
        log.warning("withdrawn before it was filed: %s", shown(version.key), extra=_whose(version))
        return Filed(None)

    def _in_quarantine(self, version: ReceivedVersion, reason: StoredReason) -> tuple[ObjectRef, ...]:
        day = (_taken_at(version, reason) or version.received_at).date()
        return self._quarantine.find(quarantine_prefix(reason, day, version.key, version.version_id))


def _taken_at(version: ReceivedVersion, reason: StoredReason) -> datetime | None:
    """When it was taken, where the name tells and is not itself what is wrong."""
    name = version.name
    return name.taken_at if name and reason not in (Reason.BAD_NAME, Reason.IMPLAUSIBLE_TIME) else None


def _whose(version: ReceivedVersion) -> dict[str, str]:
    """For logs: where a version landed and, where the name tells, its camera."""
    named = version.named
    return {"source": shown(version.key)} | ({"camera": named.camera.name} if named else {})


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
