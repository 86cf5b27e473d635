"""The answer of a reproduction: what its shards gave, beside what the run left."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.reproduction.answer import Answer, ShardAnswer, StageAnswer, Verdict, worst
from nightjar.domain.reproduction.comparing import Renamed, Side, compare_stage, last_of_each
from nightjar.domain.reproduction.request import REPRODUCED, RecordedShard, Reproduction
from nightjar.errors import InputError
from nightjar.runtime.manifests import all_refs, read_manifest, read_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectMissingError, ObjectStore, ObjectUnreadableError
from nightjar.stores.detectors import is_of_detectors
from nightjar.stores.reproductions import Reproductions
from nightjar.stores.runs import folder_of, stage_prefix

_AT_ONCE = 8


def answered(store: ObjectStore, reproduction: str, now: datetime) -> Answer:
    """The answer, which is kept: how what the shards of the reproduction gave compares with what the run left.

    Raises InputError when nothing was asked for.
    """
    kept = Reproductions(store)
    request = kept.request(reproduction)
    shards = tuple(in_parallel(lambda shard: _shard_answer(store, kept, request, shard), request.shards, _AT_ONCE))
    answer = Answer(
        id=request.id,
        run=folder_of(request.run),
        release=request.release,
        anew=request.anew,
        verdict=worst([str(shard.verdict) for shard in shards]),
        images=request.images,
        facts=tuple(_rebuilt(request)),
        shards=shards,
        at=now,
    )
    kept.write_answer(answer)
    return answer


def _shard_answer(store: ObjectStore, kept: Reproductions, request: Reproduction, shard: RecordedShard) -> ShardAnswer:
    stages: list[StageAnswer] = []
    if not shard.problem:
        again, renamed = kept.overlay(request.id, shard.name), Renamed()
        for stage in REPRODUCED:
            stages.append(_stage_answer(store, again, request.run, shard, stage, renamed))
            if stages[-1].problem:
                break
    return ShardAnswer(
        name=shard.name,
        verdict=worst([str(stage.verdict) for stage in stages]),
        stages=tuple(stages),
        problem=shard.problem,
        inexact=shard.inexact,
        gone=tuple(f"{ref.key} {ref.version_id}" for ref in shard.gone),
    )


def _stage_answer(
    store: ObjectStore, again: ObjectStore, run: str, shard: RecordedShard, stage: str, renamed: Renamed
) -> StageAnswer:
    recorded = shard.recorded(stage)
    if recorded is None:
        return _without(stage, "the run left no manifest of it, so there is nothing to compare with")
    place = stage_prefix(run, stage, shard.name)
    try:
        manifest, _ = read_record(store, recorded.manifest.key, Manifest, recorded.manifest.version_id)
        then = _side(store, manifest)
    except InputError as error:
        return _without(stage, f"the run's manifest cannot be read any more: {error}")
    try:
        now = _side(again, read_manifest(again, place)[0])
    except InputError:
        return _without(stage, f"it did not come to its end this time: the log of the task shard.{stage} says why")
    return compare_stage(then, now, renamed, is_whole=then.manifest.names_all)


def _side(store: ObjectStore, manifest: Manifest) -> Side:
    """The objects that a manifest says were written.

    Without those that detect says of its detector: they may be an earlier run's.
    """
    refs = (ref for ref in all_refs(store, manifest).objects if not is_of_detectors(ref.key))
    return Side(manifest, last_of_each(refs), partial(_content, store))


def _content(store: ObjectStore, ref: ObjectRef) -> bytes | None:
    try:
        return store.get(ref.key, ref.version_id)[0]
    except (ObjectMissingError, ObjectUnreadableError):
        return None


def _without(stage: str, problem: str) -> StageAnswer:
    return StageAnswer(stage=stage, verdict=Verdict.INCOMPLETE, problem=problem)


def _rebuilt(request: Reproduction) -> Iterator[str]:
    """The images whose content is another by now, though the tag is the same."""
    unknown = []
    for stage, image in request.images.items():
        then, now = request.digests.get(stage), request.digests_now.get(stage)
        if not (then and now):
            unknown.append(stage)
        elif then != now:
            yield f"{stage}: {image} was rebuilt: the run had {then}, it is {now} now"
    if unknown:
        images = f"the image{'' if len(unknown) == 1 else 's'} of {', '.join(unknown)}"
        were = "was" if len(unknown) == 1 else "were"
        yield f"whether {images} {were} rebuilt is not known: the run, or this machine, does not tell its content"


def problems(answer: Answer) -> Iterator[str]:
    """Everything that could not be done again, and why, a sentence for each shard or stage."""
    for shard in answer.shards:
        if shard.problem:
            yield f"{shard.name}: {shard.problem}"
        yield from (f"{shard.name}: {stage.stage}: {stage.problem}" for stage in shard.stages if stage.problem)
