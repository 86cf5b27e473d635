"""The stage: every footage object of a shard becomes standard pictures, or is refused with a reason.

Threads fetch and write; decoding happens in the processes of the pool only. Footage that the store of validations
already knows is not decoded again.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from nightjar.domain.batch import Footage
from nightjar.domain.detections import ListedPicture
from nightjar.domain.layout import FAILURES, PICTURES, last_segment
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.rules import Rules
from nightjar.domain.validations import FailedFootage, Validation
from nightjar.errors import NightjarError, TryAgainError
from nightjar.runtime.manifests import write_lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.settings import load
from nightjar.runtime.stage import StageContext, StageResult, StoppedError, stop_if_asked
from nightjar.settings.validate import ValidateSettings
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import Run
from nightjar.stores.validations import Validations
from nightjar_validate.deciding import validator_id
from nightjar_validate.pod import decoder_count
from nightjar_validate.pool import DecoderPool
from nightjar_validate.validator import Done, Validator

log = logging.getLogger(__name__)

# Outcomes are small; those behind a file that takes long may wait for it in numbers.
_AHEAD = 1000
_NAMED_WARNINGS = 20  # failures that the manifest tells one by one; the log has them all


def validate(context: StageContext) -> StageResult:
    """Validate the shard below the input prefix. Raises InputError when it is not there or is not one."""
    settings = load(ValidateSettings)
    footage, shard = Run(context.store, context.run_prefix).shard(last_segment(context.input_prefix))
    count = min(decoder_count(settings), len(footage))
    with DecoderPool(count, settings.decoder_mebibytes << 20) as pool:
        release, release_ref = context.release()
        rules, rules_ref = RulesStore(context.store).load(release.rules, [each.camera for each in footage])
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
    ordered = sorted(footage, key=lambda f: (f.name, f.key, f.version_id))
    # Stills first: where a frame of a video is of the same moment as a still, the still is kept.
    stills, videos = ([f for f in ordered if f.name.is_video is video] for video in (False, True))
    writer = RunShard.of(context.run_prefix, context.input_prefix)
    validator = Validator(context, settings, rules, pool, writer)
    progress = Progress("validated", len(footage))
    decided: list[Done] = []

    def work(one: Footage) -> Done:
        stop_if_asked()
        done = validator.validate(one)
        decided.append(done)
        progress.add()
        return done

    decoders = decoder_count(settings)
    try:
        done = list(in_parallel(work, stills, 2 * decoders + 2, ahead=_AHEAD))
        # One more than is decoded: each that waits is a large file on the pod's disk.
        done += in_parallel(work, videos, decoders + 1, ahead=_AHEAD)
    except (TryAgainError, StoppedError):
        _keep_decided(context, validator_id(settings), writer, decided)
        raise
    progress.finish()
    kept = _keep(context, validator_id(settings), writer, done)
    listed = _list_pictures(context, done)
    failed = _list_failures(context, done)
    made = sorted((ref for each in done for ref in each.refs), key=lambda ref: (ref.key, ref.version_id))
    return StageResult(
        counts=_counts(done),
        inputs=inputs,
        objects=[*made, *kept, *failed, listed],
        result={"validator": validator_id(settings)},
        warnings=[*_warnings(done), *([pool.unsealed] if pool.unsealed else [])],
    )


def _list_failures(context: StageContext, done: Iterable[Done]) -> list[ObjectRef]:
    """Write `failures.jsonl`, if something failed: record says why."""
    lines = [
        FailedFootage(
            footage_key=each.footage.key,
            footage_version=each.footage.version_id,
            reason=each.failed,
            detail=each.detail,
        )
        for each in done
        if each.failed
    ]
    return [write_lines(context.store, f"{context.output_prefix}{FAILURES}", lines)] if lines else []


def _warnings(done: Iterable[Done]) -> list[str]:
    details = [each.detail for each in done if each.failed]
    more = len(details) - _NAMED_WARNINGS
    named = details[:_NAMED_WARNINGS]
    return [*named, f"and {more} more objects failed; {FAILURES} names them"] if more > 0 else named


def _list_pictures(context: StageContext, done: Iterable[Done]) -> ObjectRef:
    """Write `pictures.jsonl`, from which detect works."""
    versions = {ref.key: ref.version_id for each in done for ref in each.refs}
    pictures = (picture for each in done if each.validation for picture in each.validation.pictures)
    ordered = sorted(pictures, key=lambda p: (p.camera, p.taken_at, p.standard_key))
    lines = (ListedPicture.of(picture, versions[picture.standard_key]) for picture in ordered)
    return write_lines(context.store, f"{context.output_prefix}{PICTURES}", lines)


def _keep(context: StageContext, validator: str, writer: RunShard, done: Iterable[Done]) -> list[ObjectRef]:
    """Add to the store of validations."""
    validations = Validations(context.store)
    return [validations.write(place, writer, lines) for place, lines in _by_place(validator, done).items()]


def _keep_decided(context: StageContext, validator: str, writer: RunShard, decided: Sequence[Done]) -> None:
    """Keep what was decided before S3 failed or SIGTERM came, so that the next try goes on from there.

    It goes beside what this run said before: a shard that was cleared may stop earlier than it did the first time.
    """
    new = [each for each in decided if not each.reused]
    validations = Validations(context.store)
    try:
        for place, lines in _by_place(validator, new).items():
            validations.add(place, writer, lines)
    except NightjarError as error:
        log.warning("the outcomes that were decided before the stop could not be kept: %s", error)


def _by_place(validator: str, done: Iterable[Done]) -> dict[Place, list[Validation]]:
    """The validations by camera and day of their footage, sorted."""
    places: dict[Place, list[Validation]] = defaultdict(list)
    for each in done:
        if each.validation:
            name = each.footage.name
            places[Place(validator, name.camera, name.taken_at.date())].append(each.validation)
    return dict(sorted(places.items()))


def _counts(done: Sequence[Done]) -> Counts:
    outcomes: Counter[str] = Counter()
    for each in done:
        if each.validation is None:
            outcomes[f"failed:{each.failed}"] += 1
            continue
        outcomes["standard"] += len(each.validation.pictures)
        outcomes["duplicate"] += each.validation.duplicates
        outcomes.update(f"quarantined:{refusal.reason}" for refusal in each.validation.refusals)
    return Counts(
        received=sum(outcomes.values()),
        outcomes={outcome: number for outcome, number in sorted(outcomes.items()) if number},
        details={
            "footage": len(done),
            "videos": sum(each.validation.video for each in done if each.validation),
            "reused": sum(each.reused for each in done),
        },
    )
