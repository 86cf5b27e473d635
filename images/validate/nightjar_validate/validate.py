"""The stage: every footage object of a shard becomes standard pictures, or is refused with a reason.

Threads fetch and write; decoding happens in the processes of the pool only. What the store of validations already knows
is not decoded again.
"""

import contextlib
import hashlib
import logging
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from nightjar.domain.batch import Footage
from nightjar.domain.layout import PICTURES, SHARD, footage_key, last_segment, validations_prefix
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.names import Camera, NameRefused, check_time
from nightjar.domain.reasons import Reason
from nightjar.domain.reels import MOST_PICTURES
from nightjar.domain.rules import Rules
from nightjar.domain.validations import Validation
from nightjar.errors import NightjarError, TryAgainError
from nightjar.runtime.manifests import read_lines, write_lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.quarantine import find_quarantine
from nightjar.runtime.settings import load
from nightjar.runtime.stage import StageContext, StageResult, StoppedError, stop_if_asked
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectStore
from nightjar.settings.validate import ValidateSettings
from nightjar.stores.rules import RulesStore
from nightjar_validate.deciding import limits_of, settings_fingerprint
from nightjar_validate.decoded import Decoded, Job, Refused
from nightjar_validate.formats import HEAD, Format, sniff
from nightjar_validate.known import KnownValidations
from nightjar_validate.pod import decoder_count
from nightjar_validate.pool import DecoderPool
from nightjar_validate.reels import Fresh, Reels
from nightjar_validate.writing import Source, Writer, Written, standard_ref

log = logging.getLogger(__name__)

MISSING = "footage-missing"
# Wall-clock time for a second of computing: pods get less than a CPU at times.
_PATIENCE = 3.0


@dataclass(frozen=True)
class Done:
    """What came of one footage object. No validation: it failed, for the reason in `failed`."""

    validation: Validation | None
    refs: tuple[ObjectRef, ...] = ()
    reused: bool = False
    failed: str = ""
    fresh: tuple[Fresh, ...] = ()  # stills that wait for their reel


def validate(context: StageContext) -> StageResult:
    """Validate the shard below the input prefix. Raises InputError when it is not there or is not one."""
    settings = load(ValidateSettings)
    footage, shard = read_lines(context.store, f"{context.input_prefix}{SHARD}", Footage)
    count = min(decoder_count(settings), len(footage))
    with DecoderPool(count, settings.decoder_mebibytes << 20) as pool:
        release, release_ref = context.release()
        rules, rules_ref = RulesStore(context.store).load(release.rules)
        return validate_shard(context, settings, footage, rules, pool, [shard, release_ref, rules_ref])


def validate_shard(
    context: StageContext,
    settings: ValidateSettings,
    footage: Sequence[Footage],
    rules: Rules,
    pool: DecoderPool,
    inputs: Sequence[ObjectRef],
) -> StageResult:
    """Validate `footage` with the decoders of `pool`."""
    # By camera and time, as the pictures will be read.
    ordered = sorted(footage, key=lambda f: (last_segment(f.key), f.key, f.version_id))
    # Stills first: where a frame of a video is of the same moment as a still, the still is kept.
    stills, videos = ([f for f in ordered if _named_video(f) is video] for video in (False, True))
    reels = Reels(context.store, context.output_prefix, len(stills))
    validator = _Validator(context, settings, rules, pool, reels)
    progress = Progress("validated", len(footage))
    decided: list[Done] = []

    def work(one: Footage) -> Done:
        stop_if_asked()
        done = validator.validate(one)
        decided.append(replace(done, fresh=()))
        progress.add()
        return done

    def work_still(numbered: tuple[int, Footage]) -> Done:
        number, one = numbered
        done = work(one)
        reels.still(number, done.fresh)
        return replace(done, fresh=())

    decoders = decoder_count(settings)
    try:
        done = list(in_parallel(work_still, enumerate(stills), 2 * decoders + 2))
        # One more than is decoded: each that waits is a large file on the pod's disk.
        done += in_parallel(work, videos, decoders + 1)
    except (TryAgainError, StoppedError):
        _keep_some(context, reels, [one.validation for one in decided if one.validation and not one.reused])
        raise
    progress.finish()
    warnings = [pool.unsealed] if pool.unsealed else []
    return replace(_result(context, done, inputs, reels.publish()), warnings=warnings)


class _Validator:
    """Validates single footage objects; safe to use from threads."""

    def __init__(
        self, context: StageContext, settings: ValidateSettings, rules: Rules, pool: DecoderPool, reels: Reels
    ) -> None:
        self._store, self._tag = context.store, context.tag
        self._settings, self._rules, self._pool, self._reels = settings, rules, pool, reels
        self._known = KnownValidations(context.store, context.tag, context.run_prefix)
        self._writer = Writer(context.store, context.image)

    def validate(self, footage: Footage) -> Done:
        """What comes of `footage`: from the store of validations, or by looking."""
        try:
            name = footage.name
        except NameRefused as refusal:
            return self._refuse_unread(footage, Reason.BAD_NAME, str(refusal))
        if footage.key != footage_key(name):
            detail = f"expected the key {footage_key(name)}, got {footage.key}"
            return self._refuse_unread(footage, Reason.BAD_NAME, detail)
        device = self._rules.device(name.camera)
        allow_grey = device.allow_grey if device else False
        fingerprint = settings_fingerprint(self._settings, allow_grey) if device else Reason.UNKNOWN_CAMERA.value
        day = name.taken_at.date()
        known = self._known.find(name.camera, day, footage.key, footage.version_id, fingerprint)
        if known and (refs := _kept_refs(self._store, known)) is not None:
            return Done(known, refs, reused=True)
        if device is None:
            detail = f"expected a camera of the rules, got {name.camera.name}"
            return self._refuse_unread(footage, Reason.UNKNOWN_CAMERA, detail, fingerprint)
        if problem := self._size_problem(footage.size, name.is_video):
            return self._refuse_unread(footage, *problem, fingerprint)
        with tempfile.TemporaryDirectory(prefix="nightjar-") as directory:
            path = Path(directory) / "footage"
            try:
                info = self._store.download(footage.key, path, footage.version_id)
            except ObjectMissingError as error:
                return _failed(footage, error)
            return self._look(footage, info, path, allow_grey, fingerprint)

    def _look(self, footage: Footage, info: ObjectInfo, path: Path, allow_grey: bool, fingerprint: str) -> Done:
        if not footage.sha256:
            with path.open("rb") as file:
                footage = footage.model_copy(update={"sha256": hashlib.file_digest(file, "sha256").hexdigest()})
        source = Source(footage, info.modified_at, footage.name.taken_at, footage.name.is_video)
        try:
            check_time(footage.name, info.modified_at)
        except NameRefused as refusal:
            return self._write(source, fingerprint, [Refused(Reason.IMPLAUSIBLE_TIME, str(refusal))])
        with path.open("rb") as file:
            head = file.read(HEAD)
        kind = sniff(head)
        if kind is None:
            detail = f"expected JPEG, PNG, WebP, MP4, MKV or AVI, got a file that begins with {head[:12].hex(' ')}"
            return self._write(source, fingerprint, [Refused(Reason.UNSUPPORTED_FORMAT, detail)])
        if problem := self._size_problem(info.size, kind.is_video):
            return self._write(source, fingerprint, [Refused(*problem)])
        job = self._job(kind, allow_grey)
        # Closed at once also when a write fails: its decoder is then free for others, or ended.
        with contextlib.closing(self._pool.run(job, path)) as outputs:
            # A still's decoder goes on with the next one while this one is written; a whole video is too much to hold.
            found = outputs if kind.is_video else list(outputs)
            return self._write(replace(source, video=kind.is_video), fingerprint, found)

    def _job(self, kind: Format, allow_grey: bool) -> Job:
        seconds = self._settings.video_seconds if kind.is_video else self._settings.still_seconds
        return Job(kind, allow_grey, limits_of(self._settings), seconds, seconds * _PATIENCE)

    def _size_problem(self, size: int, video: bool) -> tuple[Reason, str] | None:
        most = self._settings.max_video_bytes if video else self._settings.max_still_bytes
        if size == 0:
            return Reason.EMPTY, "expected content, got 0 bytes"
        if size > most:
            return Reason.TOO_MANY_BYTES, f"expected at most {most} bytes, got {size}"
        return None

    def _refuse_unread(self, footage: Footage, reason: Reason, detail: str, fingerprint: str = "") -> Done:
        info = self._store.head(footage.key, footage.version_id)
        if info is None:
            return _failed(footage, ObjectMissingError(f"expected footage at {footage.key!r}, found none"))
        if not footage.sha256:
            footage = footage.model_copy(update={"sha256": info.metadata.get("sha256", "")})
        taken_at = None if reason is Reason.BAD_NAME else footage.name.taken_at
        source = Source(footage, info.modified_at, taken_at, _named_video(footage))
        return self._write(source, fingerprint, [Refused(reason, detail)])

    def _write(self, source: Source, fingerprint: str, outputs: Iterable[Decoded | Refused]) -> Done:
        written: list[Written] = []
        fresh: list[Fresh] = []
        for output in outputs:
            one = self._write_one(source, output)
            written.append(one)
            if one.picture and isinstance(output, Decoded):
                fresh.append((one.picture, output.data))
            if source.video and len(fresh) == MOST_PICTURES:
                self._reels.write(fresh)
                fresh = []
        if source.video:
            self._reels.write(fresh)
            fresh = []
        footage = source.footage
        validation = Validation(
            footage_key=footage.key,
            footage_version=footage.version_id,
            footage_sha256=footage.sha256,
            validator=self._tag,
            settings=fingerprint,
            video=source.video,
            pictures=tuple(w.picture for w in written if w.picture),
            refusals=tuple(w.refusal for w in written if w.refusal),
            duplicates=sum(not w.picture and not w.refusal for w in written),
        )
        return Done(validation, tuple(ref for w in written for ref in w.refs), fresh=tuple(fresh))

    def _write_one(self, source: Source, output: Decoded | Refused) -> Written:
        if isinstance(output, Decoded):
            return self._writer.standard(source, output)
        about = _about(source.footage)
        log.info("refused: %s", output.detail, extra={**about, "reason": output.reason, "offset_ms": output.offset_ms})
        return self._writer.quarantine(source, output)


def _named_video(footage: Footage) -> bool:
    try:
        return footage.name.is_video
    except NameRefused:
        return False


def _failed(footage: Footage, error: ObjectMissingError) -> Done:
    log.warning("failed: %s", error, extra=_about(footage))
    return Done(None, failed=MISSING)


def _about(footage: Footage) -> dict[str, str]:
    """For the log: which object, and whose where the name tells."""
    try:
        return {"camera": footage.camera.name, "footage": footage.key}
    except NameRefused:
        return {"footage": footage.key}


def _kept_refs(store: ObjectStore, known: Validation) -> tuple[ObjectRef, ...] | None:
    """The objects of a known validation; None when a standard picture is gone or is another by now."""
    refs: list[ObjectRef] = []
    for picture in known.pictures:
        info = store.head(picture.standard_key)
        if info is None or info.metadata.get("sha256") != picture.standard_sha256:
            return None
        refs.append(standard_ref(info, picture.standard_sha256))
    for refusal in known.refusals:
        refs += find_quarantine(store, refusal.quarantine_key)
    return tuple(refs)


def _result(
    context: StageContext, done: Sequence[Done], inputs: Sequence[ObjectRef], reels: Sequence[ObjectRef]
) -> StageResult:
    validations = [one.validation for one in done if one.validation]
    kept = _keep(context, validations)
    pictures = sorted(
        (p for v in validations for p in v.pictures), key=lambda p: (p.camera, p.taken_at, p.standard_key)
    )
    listed = write_lines(context.store, f"{context.output_prefix}{PICTURES}", pictures)
    made = sorted((ref for one in done for ref in one.refs), key=lambda ref: (ref.key, ref.version_id))
    return StageResult(counts=_counts(done), inputs=inputs, objects=[*made, *kept, *reels, listed])


def _keep_some(context: StageContext, reels: Reels, validations: Sequence[Validation]) -> None:
    """Keep what was decided before S3 failed or SIGTERM came, so that the next try goes on from there.

    It goes beside what this run said before: a shard that was cleared may stop earlier than it did the first time.
    """
    try:
        for key, some in _by_object(context, validations).items():
            before = read_lines(context.store, key, Validation)[0] if context.store.head(key) else []
            lines = {(v.footage_key, v.footage_version): v for v in [*before, *some]}
            write_lines(context.store, key, [line for _, line in sorted(lines.items())])
        reels.publish()
    except NightjarError as error:
        log.warning("what was decided before the stop is lost: %s", error)


def _keep(context: StageContext, validations: Sequence[Validation]) -> list[ObjectRef]:
    """Add to the store of validations."""
    return [write_lines(context.store, key, lines) for key, lines in _by_object(context, validations).items()]


def _by_object(context: StageContext, validations: Iterable[Validation]) -> dict[str, list[Validation]]:
    """What goes where in the store of validations: one object a camera and day."""
    days: dict[tuple[Camera, date], list[Validation]] = defaultdict(list)
    for each in validations:
        try:
            name = Footage(key=each.footage_key, version_id=each.footage_version, size=0, sha256="").name
        except NameRefused:
            continue  # refused by its name alone: there is no camera to keep it under, and nothing to save
        days[name.camera, name.taken_at.date()].append(each)
    run, shard = last_segment(context.run_prefix), last_segment(context.input_prefix)
    objects = {}
    for (camera, day), each_day in sorted(days.items()):
        # Only where a camera spans several shards would two of them write the same key.
        part = shard.removeprefix(camera.name) if shard.startswith(f"{camera.name}.") else ""
        objects[f"{validations_prefix(context.tag, day, camera)}{run}{part}.jsonl"] = each_day
    return objects


def _counts(done: Sequence[Done]) -> Counts:
    outcomes: Counter[str] = Counter()
    for one in done:
        if one.validation is None:
            outcomes[f"failed:{one.failed}"] += 1
            continue
        outcomes["standard"] += len(one.validation.pictures)
        outcomes["duplicate"] += one.validation.duplicates
        outcomes.update(f"quarantined:{refusal.reason}" for refusal in one.validation.refusals)
    return Counts(
        received=sum(outcomes.values()),
        outcomes={outcome: number for outcome, number in sorted(outcomes.items()) if number},
        details={
            "footage": len(done),
            "videos": sum(one.validation.video for one in done if one.validation),
            "reused": sum(one.reused for one in done),
        },
    )
