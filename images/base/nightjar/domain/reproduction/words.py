"""An answer in words, for the terminal and the log."""

from collections.abc import Iterator

from nightjar.domain.reproduction.answer import Answer, ObjectDifference, ShardAnswer, StageAnswer, Verdict

_NAMED = 10  # objects of a stage that are told with their fields
_SAID = {
    Verdict.SAME: "the results are the same",
    Verdict.DIFFERS: "the results differ",
    Verdict.INCOMPLETE: "not all of it could be done again",
}


def told(answer: Answer) -> Iterator[str]:
    """The answer, a line each."""
    yield f"{answer.run}: {said(answer)}"
    if answer.anew:
        yield "what the run took over from earlier runs was computed anew"
    yield from answer.facts
    for shard in answer.shards:
        yield from _shard(shard)
    yield "not done again: notify, which would tell people, and record, which adds up what these stages leave"


def said(answer: Answer) -> str:
    """The answer in a few words."""
    shards = f"{len(answer.shards):,} shard{'' if len(answer.shards) == 1 else 's'}"
    words = _SAID[Verdict(answer.verdict)] if answer.verdict in set(Verdict) else str(answer.verdict)
    return f"{words} ({shards})"


def _shard(shard: ShardAnswer) -> Iterator[str]:
    yield f"  {shard.name}: {shard.verdict}"
    if shard.problem:
        yield f"    {shard.problem}"
    if shard.inexact:
        yield f"    {shard.inexact}"
    for stage in shard.stages:
        yield from _stage(stage)


def _stage(stage: StageAnswer) -> Iterator[str]:
    if stage.problem:
        yield f"    {stage.stage}: {stage.problem}"
        return
    parts = [f"{stage.same:,} of {stage.same + stage.same_but_versions + stage.differing:,} objects are the same bytes"]
    if stage.same_but_versions:
        parts.append(f"{stage.same_but_versions:,} but for the versions of what was made again")
    if stage.differing:
        parts.append(f"{stage.differing:,} differ")
    if stage.reused_then or stage.reused_now:
        parts.append(f"taken over from earlier runs: {stage.reused_then:,} then, {stage.reused_now:,} now")
    yield f"    {stage.stage}: {'; '.join(parts)}"
    yield from (f"      {fact}" for fact in stage.facts)
    for difference in stage.differences[:_NAMED]:
        yield from _difference(difference)
    if (more := stage.differing - min(len(stage.differences), _NAMED)) > 0:
        yield f"      and {more:,} more objects"


def _difference(difference: ObjectDifference) -> Iterator[str]:
    yield f"      {difference.key}{f': {difference.problem}' if difference.problem else ''}"
    for each in difference.fields:
        times = f" in {each.number:,} lines, such as" if each.number > 1 else " in"
        yield f"        {each.field}{times} {each.line}: was {each.was}, is {each.now}"
    if difference.only_then or difference.only_now:
        yield f"        lines: {difference.only_then:,} only then, {difference.only_now:,} only now"
    yield from (f"          {example}" for example in difference.examples)
