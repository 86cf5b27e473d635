"""The outcome of a single footage object: from the store of validations, from its name and size, or by decoding it."""

import contextlib
import hashlib
import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from nightjar.domain.batch import Footage
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import NameRefused, check_time
from nightjar.domain.reasons import Reason
from nightjar.domain.rules import Rules
from nightjar.domain.validations import Validation
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectUnreadableError
from nightjar.settings.validate import ValidateSettings
from nightjar.stores.footage import footage_key
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.runs import folder_of
from nightjar.stores.standard import StandardPictures
from nightjar.stores.validations import Validations
from nightjar_validate.deciding import camera_settings, limits_of, validator_id
from nightjar_validate.decoded import Decoded, Job, Refused
from nightjar_validate.foreign import described
from nightjar_validate.formats import HEAD, Format, sniff
from nightjar_validate.known import KnownValidations
from nightjar_validate.pool import DecoderPool
from nightjar_validate.writing import Source, Writer, Written

log = logging.getLogger(__name__)

MISSING, UNREADABLE = "footage-missing", "footage-unreadable"  # behind the latter, after a colon: the code of S3
# Wall-clock time for a second of computing: pods get less than a CPU at times.
_PATIENCE = 3.0


@dataclass(frozen=True)
class Done:
    """The outcome of one footage object. No validation: it failed, for the reason in `failed`, as `detail` says."""

    footage: Footage
    validation: Validation | None
    refs: tuple[ObjectRef, ...] = ()
    reused: bool = False
    failed: str = ""
    detail: str = ""


class Validator:
    """Validates single footage objects; safe to use from threads."""

    def __init__(
        self, context: StageContext, settings: ValidateSettings, rules: Rules, pool: DecoderPool, reader: RunShard
    ) -> None:
        self._store, self._settings, self._rules, self._pool = context.store, settings, rules, pool
        self._id = validator_id(settings)
        self._known = KnownValidations(Validations(context.store), reader)
        self._writer = Writer(context.store, context.image, folder_of(context.run_prefix))
        self._pictures, self._quarantine = StandardPictures(context.store), Quarantine(context.store)

    def validate(self, footage: Footage) -> Done:
        """The outcome of `footage`: from the store of validations, or by looking."""
        try:
            return self._validate(footage)
        except ObjectMissingError as error:
            return _failed(footage, MISSING, error)
        except ObjectUnreadableError as error:
            return _failed(footage, f"{UNREADABLE}:{error.code}", error)

    def _validate(self, footage: Footage) -> Done:
        name = footage.name
        if footage.key != footage_key(name):
            detail = f"expected the key {footage_key(name)}, got {footage.key}"
            return self._refuse_unread(footage, Reason.BAD_NAME, detail)
        device = self._rules.device(name.camera)
        place = Place(self._id, name.camera, name.taken_at.date())
        known = self._known.find(place, footage, camera_settings(device))
        if device is None:  # the rules knew the camera when it was judged: that holds, under whatever settings
            known = self._known.judged(place, footage) or known
        if known and (refs := self._kept_refs(known)) is not None:
            return Done(footage, known, refs, reused=True)
        if device is None:
            detail = f"expected a camera that the rules know, got {name.camera.name}"
            return self._refuse_unread(footage, Reason.UNKNOWN_CAMERA, detail)
        if problem := self._size_problem(footage.size, name.is_video):
            return self._refuse_unread(footage, *problem)
        with tempfile.TemporaryDirectory(prefix="nightjar-") as directory:
            path = Path(directory) / "footage"
            info = self._store.download(footage.key, path, footage.version_id)
            return self._look(footage, info, path)

    def _look(self, footage: Footage, info: ObjectInfo, path: Path) -> Done:
        if not footage.sha256:
            with path.open("rb") as file:
                footage = footage.model_copy(update={"sha256": hashlib.file_digest(file, "sha256").hexdigest()})
        source = Source(footage, info.modified_at, footage.name.taken_at, footage.name.is_video)
        try:
            check_time(footage.name, info.modified_at)
        except NameRefused as refusal:
            return self._write(source, [Refused(Reason.IMPLAUSIBLE_TIME, str(refusal))])
        with path.open("rb") as file:
            head = file.read(HEAD)
        kind = sniff(head)
        if kind is None:
            detail = f"expected JPEG, PNG, WebP, MP4, MOV, MKV or AVI, got {described(head)}"
            return self._write(source, [Refused(Reason.UNSUPPORTED_FORMAT, detail)])
        if problem := self._size_problem(info.size, kind.is_video):
            return self._write(source, [Refused(*problem)])
        # Closed at once also when a write fails: its decoder is then free for others, or ended.
        with contextlib.closing(self._pool.run(self._job(kind, footage), path)) as outputs:
            # A still's decoder goes on with the next one while this one is written; a whole video is too much to hold.
            decoded = outputs if kind.is_video else list(outputs)
            return self._write(replace(source, video=kind.is_video), decoded)

    def _job(self, kind: Format, footage: Footage) -> Job:
        device = self._rules.device(footage.camera)
        seconds = self._settings.video_seconds if kind.is_video else self._settings.still_seconds
        allow_grey = device is not None and device.allow_grey
        return Job(kind, allow_grey, limits_of(self._settings), seconds, seconds * _PATIENCE)

    def _size_problem(self, size: int, video: bool) -> tuple[Reason, str] | None:
        most = self._settings.max_video_bytes if video else self._settings.max_still_bytes
        if size == 0:
            return Reason.EMPTY, "expected content, got an empty file (0 bytes)"
        if size > most:
            kind = "video" if video else "still"
            return Reason.TOO_MANY_BYTES, f"expected a smaller {kind}, got {size:,} bytes (at most {most:,} allowed)"
        return None

    def _refuse_unread(self, footage: Footage, reason: Reason, detail: str) -> Done:
        info = self._store.head(footage.key, footage.version_id)
        if info is None:
            raise ObjectMissingError(f"expected footage at {footage.key!r}, got none")
        if not footage.sha256:
            footage = footage.model_copy(update={"sha256": info.metadata.get("sha256", "")})
        taken_at = None if reason is Reason.BAD_NAME else footage.name.taken_at
        source = Source(footage, info.modified_at, taken_at, footage.name.is_video)
        return self._write(source, [Refused(reason, detail)])

    def _write(self, source: Source, outputs: Iterable[Decoded | Refused]) -> Done:
        written = [self._write_output(source, output) for output in outputs]
        footage = source.footage
        validation = Validation(
            footage_key=footage.key,
            footage_version=footage.version_id,
            footage_sha256=footage.sha256,
            validator=self._id,
            settings=camera_settings(self._rules.device(footage.camera)),
            video=source.video,
            pictures=tuple(w.picture for w in written if w.picture),
            refusals=tuple(w.refusal for w in written if w.refusal),
            duplicates=sum(not w.picture and not w.refusal for w in written),
        )
        return Done(footage, validation, tuple(ref for w in written for ref in w.refs))

    def _write_output(self, source: Source, output: Decoded | Refused) -> Written:
        if isinstance(output, Decoded):
            return self._writer.standard(source, output)
        about = _about(source.footage)
        log.info("refused: %s", output.detail, extra={**about, "reason": output.reason, "offset_ms": output.offset_ms})
        return self._writer.quarantine(source, output)

    def _kept_refs(self, known: Validation) -> tuple[ObjectRef, ...] | None:
        """The objects of a known validation; None when a standard picture is gone or is another by now."""
        pictures = [self._pictures.find(picture) for picture in known.pictures]
        refusals = [ref for refusal in known.refusals for ref in self._quarantine.find(refusal.quarantine_key)]
        kept = [ref for ref in pictures if ref]
        return (*kept, *refusals) if len(kept) == len(pictures) else None


def _failed(footage: Footage, reason: str, error: Exception) -> Done:
    log.warning("failed: %s", error, extra={**_about(footage), "reason": reason})
    return Done(footage, None, failed=reason, detail=str(error))


def _about(footage: Footage) -> dict[str, str]:
    """For the log: which object, and whose."""
    return {"camera": footage.camera.name, "footage": footage.key}
