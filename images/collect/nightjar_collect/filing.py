"""Filing: one received version becomes footage, or is known as a duplicate, or goes to quarantine."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nightjar.domain.batch import BatchLine, NameFields, Outcome, ReceivedVersion
from nightjar.domain.layout import last_segment
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import FootageName, NameRefused, check_time, name_refusal, parse_footage_name, shown
from nightjar.domain.quarantine import QuarantineEntry, StoredReason, expected_and_found
from nightjar.domain.reasons import Reason
from nightjar.errors import TryAgainError
from nightjar.runtime.store import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectStore,
    ObjectUnreadableError,
)
from nightjar.stores.drop_zone import DropZone
from nightjar.stores.footage import FIRST_VERSION, FootageStore, footage_key
from nightjar.stores.provenance import is_copy_of
from nightjar.stores.quarantine import Quarantine, quarantine_prefix
from nightjar_collect.contents import Content, Contents, Place
from nightjar_collect.parts import Extent

log = logging.getLogger(__name__)


_one_comparison = threading.Lock()


class _Beside(Enum):
    """The relation of a version to footage of its identity: a part of it, the whole of it, or something else."""

    PART, WHOLE, OTHER = range(3)


@dataclass(frozen=True)
class Filed:
    """The outcome of a version, with the objects that hold it now. No line: it was withdrawn before it was filed.

    `part` is the footage that gave way to it: a part of it that was filed before.
    """

    line: BatchLine | None
    refs: tuple[ObjectRef, ...] = ()
    part: ObjectInfo | None = None


class Filer:
    """Files versions from `drop_zone`. It recognises what it did before a kill, and gives the same outcome again."""

    def __init__(self, store: ObjectStore, drop_zone: DropZone, image: str, run: str, max_bytes: int) -> None:
        self._store, self._drop_zone, self._max_bytes = store, drop_zone, max_bytes
        self._image, self._run = image, run  # `run` is a folder below runs/
        self._footage, self._quarantine, self._contents = FootageStore(store), Quarantine(store), Contents(store)

    def file_all(self, versions: Sequence[ReceivedVersion]) -> list[Filed]:
        """File `versions` of one identity in this order: the first is kept, unless it is a part of a later one.

        Parts make no refusal beside their whole: what conflicts, and the empty object that S3 mounts put first, is
        looked at when all others are filed.
        """
        filed: list[Filed] = []
        waiting: list[ReceivedVersion] = []

        def file(version: ReceivedVersion, *, at_last: bool) -> None:
            done = self.file(version, at_last=at_last)
            if done is None:
                waiting.append(version)
                return
            if done.part and done.line:
                filed[:] = [_given_way(each, done.part, done.line) for each in filed]
            filed.append(done)

        for version in versions:
            file(version, at_last=False)
        for version in tuple(waiting):
            file(version, at_last=True)
        return filed

    def file(self, version: ReceivedVersion, *, at_last: bool = True) -> Filed | None:
        """File one version; a refusal is an outcome, not an error.

        None, unless `at_last`, if others of its identity, that are filed meanwhile, may change its outcome.
        """
        try:
            return self._filed_again(version) if self._footage.holds(version.key) else self._file(version, at_last)
        except ObjectUnreadableError as error:
            return self._unreadable(version, error)
        except ObjectMissingError as error:  # taken back or erased while it was compared
            raise TryAgainError(f"expected objects to stay while they are compared: {error}") from error

    def refs(self, line: BatchLine) -> tuple[ObjectRef, ...]:
        """The objects that hold what this line is about, from the line and the bucket."""
        if line.outcome is Outcome.FILED:
            filed = line.footage
            return (ObjectRef(key=filed.key, version_id=filed.version_id, sha256=filed.sha256, size=filed.size),)
        if line.reason is None:
            return ()
        return self._in_quarantine(line.source, line.reason)

    def _filed_again(self, version: ReceivedVersion) -> Filed:
        """The outcome of footage that validate refused and that is retried: it is filed already."""
        current = self._store.head(version.key)
        if current is None:
            return self._withdrawn(version, None)
        if current.version_id != version.version_id:  # the whole of it came since
            return Filed(_line(version, Outcome.DUPLICATE, current, current.metadata.get("sha256")))
        return _filed(version, current, current.metadata.get("sha256", ""))

    def _file(self, version: ReceivedVersion, at_last: bool) -> Filed | None:
        name = version.name
        if name is None:
            return self._refuse(version, Reason.BAD_NAME, name_refusal(self._drop_zone.name(version.key)))
        try:
            check_time(name, version.received_at)
        except NameRefused as refusal:
            return self._refuse(version, Reason.IMPLAUSIBLE_TIME, str(refusal))
        if version.size > self._max_bytes:
            sentence = f"expected a smaller object, got {version.size:,} bytes (at most {self._max_bytes:,} allowed)"
            return self._refuse(version, Reason.TOO_MANY_BYTES, sentence)
        filed = self._footage.of_moment(name)
        if version.size == 0 and not at_last:
            return None
        if version.size == 0 and not filed:  # it must not take the identity from the whole one
            return self._refuse(version, Reason.EMPTY, "expected content, got an empty file (0 bytes)")
        if filed:
            return self._meet(version, name, filed, at_last)
        content = self._read(version)
        if content is None:
            return self._withdrawn(version, Reason.IDENTITY_CONFLICT)
        if content.data is None:
            info = self._footage.copy(name, version.key, version.version_id, content.sha256, _stored(version))
        else:
            try:
                info = self._footage.put(name, content.data, version.key, version.version_id, content.sha256)
            except ObjectExistsError:  # an earlier try whose answer was lost, or another run
                return self._meet(version, name, self._footage.of_moment(name), at_last)
        return _filed(version, info, content.sha256)

    def _meet(
        self, version: ReceivedVersion, name: FootageName, filed: Sequence[ObjectInfo], at_last: bool
    ) -> Filed | None:
        """The outcome of `version` beside the footage of its identity that is filed already."""
        if not filed:
            raise TryAgainError(f"expected the footage of {name.stem} that kept it from being filed, got none")
        for info in filed:
            if is_copy_of(info, version.key, version.version_id):
                return _filed(version, info, info.metadata["sha256"])
        content = self._read(version)
        if content is None:
            return self._withdrawn(version, Reason.IDENTITY_CONFLICT)
        hashes = [self._sha256(info) for info in filed]
        for info, sha256 in zip(filed, hashes, strict=True):
            if sha256 == content.sha256:
                return Filed(_line(version, Outcome.DUPLICATE, info, sha256))
        for info, sha256 in zip(filed, hashes, strict=True):
            beside = self._compare(version, content, info)
            if beside is _Beside.PART:
                return Filed(_line(version, Outcome.DUPLICATE, info, sha256))
            if beside is _Beside.WHOLE:
                return self._replace(version, name, info, content, at_last)
        if not at_last:
            return None
        known = " and ".join(f"{last_segment(i.key)} with {s}" for i, s in zip(filed, hashes, strict=True))
        came = f"another content under the name of {known} (SHA-256 {content.sha256})"
        sentence = f"expected the content that is filed already, got {came}"
        return self._refuse(version, Reason.IDENTITY_CONFLICT, sentence, content)

    def _sha256(self, info: ObjectInfo) -> str:
        """The SHA-256 of footage; empty for one that was put there by hand and that S3 does not give."""
        if known := info.metadata.get("sha256"):
            return known
        try:
            return self._contents.read(_place(info)).sha256
        except ObjectUnreadableError as error:
            log.warning("not compared: %s", error)
            return ""

    def _compare(self, version: ReceivedVersion, content: Content, info: ObjectInfo) -> "_Beside":
        """The relation of `version` to footage with another content. One at a time: three contents may be held."""
        ours, theirs = _place_of(version), _place(info)
        with _one_comparison:
            mine = Extent.of(content.data) if content.data is not None else self._contents.extent(ours)
            try:
                filed = self._contents.extent(theirs)
                if mine.sha256 == filed.sha256 or (mine.size < filed.size and self._contents.holds(theirs, mine)):
                    return _Beside.PART
            except ObjectUnreadableError as error:  # such as an archived original
                log.warning("not compared: %s", error)
                return _Beside.OTHER
            is_whole = filed.size < mine.size and (
                filed.is_in(content.data) if content.data is not None else self._contents.holds(ours, filed)
            )
            return _Beside.WHOLE if is_whole else _Beside.OTHER

    def _replace(
        self, version: ReceivedVersion, name: FootageName, part: ObjectInfo, content: Content, at_last: bool
    ) -> Filed | None:
        """File `version`, of which only `part` is filed: as a new version of its key, so that it is looked at."""
        source = (version.key, version.version_id, content.sha256)
        try:
            info = self._footage.replace(part, content.data, _stored(version), *source)
        except ObjectChangedError:  # an earlier try whose answer was lost, or another run
            return self._meet(version, name, self._footage.of_moment(name), at_last)
        log.info("filed in place of a part of it", extra={"footage": part.key, **_whose(version)})
        done = _filed(version, info, content.sha256)
        return Filed(done.line, done.refs, part)

    def _read(self, version: ReceivedVersion) -> Content | None:
        """The content of a version; None when it is gone."""
        try:
            return self._contents.read(_place_of(version))
        except ObjectMissingError:
            return None

    def _refuse(self, version: ReceivedVersion, reason: Reason, sentence: str, content: Content | None = None) -> Filed:
        if version.size > self._max_bytes:  # more than the pod's disk may take, which would fail at every try
            content = Content("", None)
        content = content or self._read(version)
        if content is None:
            return self._withdrawn(version, reason)
        try:
            entry = self._entry(version, reason, sentence, content.sha256)
            refs = self._quarantine.put(entry, content.data, _stored(version))
        except ObjectMissingError:
            return self._withdrawn(version, reason)
        log.info("refused: %s", sentence, extra={"reason": str(reason), **_whose(version)})
        return Filed(_line(version, Outcome.QUARANTINED, reason=reason), refs)

    def _unreadable(self, version: ReceivedVersion, error: ObjectUnreadableError) -> Filed:
        """Refuse a version whose content S3 does not give: only the reason is written, the object stays."""
        sentence = f"expected an object that S3 gives, as it gives others, got {error.code}: {error}"
        refs = self._quarantine.note(self._entry(version, Reason.UNREADABLE, sentence, ""))
        log.warning("refused: %s", sentence, extra={"reason": str(Reason.UNREADABLE), **_whose(version)})
        return Filed(_line(version, Outcome.QUARANTINED, reason=Reason.UNREADABLE), refs)

    def _entry(self, version: ReceivedVersion, reason: Reason, sentence: str, sha256: str) -> QuarantineEntry:
        expected, found = expected_and_found(sentence)
        return QuarantineEntry(
            reason=reason,
            meaning=reason.meaning,
            expected=expected,
            found=found,
            source_key=version.key,
            source_version=version.version_id,
            detail="",
            received_at=version.received_at,
            taken_at=_taken_at(version, reason),
            sha256=sha256,
            size=version.size,
            stage="collect",
            image=self._image,
            run=self._run,
        )

    def _withdrawn(self, version: ReceivedVersion, reason: Reason | None) -> Filed:
        """The outcome of a version that is no longer there: if an earlier try put it in quarantine, it stays there."""
        if reason and (refs := self._in_quarantine(version, reason)):
            return Filed(_line(version, Outcome.QUARANTINED, reason=reason), refs)
        log.warning("withdrawn before it was filed: %s", shown(version.key), extra=_whose(version))
        return Filed(None)

    def _in_quarantine(self, version: ReceivedVersion, reason: StoredReason) -> tuple[ObjectRef, ...]:
        day = (_taken_at(version, reason) or version.received_at).date()
        return self._quarantine.find(quarantine_prefix(reason, day, version.key, version.version_id))


def _stored(version: ReceivedVersion) -> tuple[str, str]:
    """Key and version of the object that holds the content."""
    return (version.kept.key, version.kept.version_id) if version.kept else (version.key, version.version_id)


def _place_of(version: ReceivedVersion) -> Place:
    return Place(*_stored(version), version.size)


def _place(info: ObjectInfo) -> Place:
    return Place(info.key, info.version_id, info.size)


def _given_way(filed: Filed, part: ObjectInfo, whole: BatchLine) -> Filed:
    """The outcome of an earlier version of a claim, if it was `part` or a duplicate of that: a duplicate of `whole`."""
    line = filed.line
    if line is None or (line.footage_key, line.footage_version) != (part.key, part.version_id):
        return filed
    place = {"footage_key": whole.footage_key, "footage_version": whole.footage_version, "sha256": whole.sha256}
    return Filed(line.model_copy(update={"outcome": Outcome.DUPLICATE, "first_version": None, **place}))


def _taken_at(version: ReceivedVersion, reason: StoredReason) -> datetime | None:
    """When it was taken, where the name tells and is not itself what is wrong."""
    name = version.name
    return name.taken_at if name and reason not in (Reason.BAD_NAME, Reason.IMPLAUSIBLE_TIME) else None


def _whose(version: ReceivedVersion) -> dict[str, str]:
    """For logs: where a version landed and, where the name tells, its camera."""
    named = version.named
    return {"source": shown(version.key)} | ({"camera": named.camera.name} if named else {})


def _filed(version: ReceivedVersion, info: ObjectInfo, sha256: str) -> Filed:
    """The outcome of a version that is `info` in `footage/` now."""
    ref = ObjectRef(key=info.key, version_id=info.version_id, sha256=sha256, size=info.size)
    line = _line(version, Outcome.FILED, info, sha256)
    if version.name and info.key != footage_key(version.name):  # the whole of a part that has another extension
        name = parse_footage_name(last_segment(info.key))
        source = version.model_copy(update={"named": NameFields.of(name)})
        line = line.model_copy(update={"source": source})
    return Filed(line.model_copy(update={"first_version": info.metadata.get(FIRST_VERSION)}), (ref,))


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
