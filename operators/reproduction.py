"""A reproduction: the shards of a run are worked again on the versions that they were worked from, and compared."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.release import Release
from nightjar.domain.reproduction.answer import Verdict
from nightjar.domain.reproduction.request import REPRODUCED, RecordedShard, Reproduction
from nightjar.domain.reproduction.words import told
from nightjar.errors import InputError, UsageError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.recorded_inputs import pinned_version, recorded_inputs
from nightjar.stores.reproductions import Reproductions, reproducible_run
from nightjar.stores.runs import Run, Runs, run_name
from operators.bucket import bucket
from operators.failures import final_for_people
from operators.image_digests import digests_now
from operators.release import SHA256
from operators.reproduction_answer import answered, problems
from operators.settings import deployment

log = logging.getLogger(__name__)

RUN_PREFIX = "run_prefix"  # the key, beside those of freeze_release, of what `pinned_again` returns
_AT_ONCE = 8


@task
@final_for_people
def give_inputs() -> list[str]:
    """Find what each shard of the run was worked from, and give it that; returns the prefixes of those shards that can
    be done again."""
    context = get_current_context()
    asked = context["params"]
    request = ask(
        bucket(),
        run_name(str(context["run_id"])),
        str(asked["run"]),
        shards=list(asked["shards"] or ()),
        anew=bool(asked["anew"]),
        digests_of=lambda images: digests_now(images, deployment()),
    )
    run = Runs(bucket()).at(request.run)
    return [run.shard_prefix(shard.name) for shard in request.shards if not shard.problem]


@task(multiple_outputs=True)
@final_for_people
def pinned_again(given: Sequence[str]) -> dict[str, str]:
    """The images, the release and the folder of the run that is reproduced, as `freeze_release` returns them."""
    del given  # it is done by then
    request = Reproductions(bucket()).request(run_name(str(get_current_context()["run_id"])))
    return {**request.images, SHA256: request.release, RUN_PREFIX: request.run}


@task(trigger_rule="all_done")
@final_for_people
def compare_with_run() -> str:
    """Compare what the shards gave with what the run left, and keep the answer; returns its verdict.

    Fails where something could not be done again. Results that differ are an answer, and no failure.
    """
    answer = answered(bucket(), run_name(str(get_current_context()["run_id"])), datetime.now(UTC))
    for line in told(answer):
        log.info("%s", line)
    if answer.verdict == Verdict.INCOMPLETE:
        raise AirflowFailException(next(problems(answer), "there was nothing to do again"))
    return str(answer.verdict)


def ask(
    store: ObjectStore,
    reproduction: str,
    name: str,
    *,
    shards: Sequence[str] = (),
    anew: bool = False,
    digests_of: Callable[[Mapping[str, str]], dict[str, str]] = lambda _: {},
) -> Reproduction:
    """The request for a reproduction of the run called `name`, with all inputs given; of `shards`, or of all.

    `digests_of` tells the content digests that images have by now, by stage.

    Raises UsageError for a name that is none and for shards that the run does not have, InputError for a run without
    shards and for one whose release is not kept.
    """
    run = reproducible_run(store, name)
    there = run.shards()
    if unknown := sorted(set(shards) - set(there)):
        raise UsageError(
            f"expected shards of {run.prefix}: {', '.join(there) or 'it has none'}; got {', '.join(unknown)}"
        )
    if not there:
        raise InputError(f"expected shards in {run.prefix}, found none: nothing was worked on")
    release, ref = _release(store, run, there)
    kept = Reproductions(store)

    def give(shard: str) -> RecordedShard:
        recorded = recorded_inputs(store, run, shard, ref, anew=anew)
        if recorded.given and not recorded.shard.problem:
            kept.give(reproduction, shard, recorded.given, _day_of_assess(recorded.shard))
        return recorded.shard

    images = {stage: release.stage(stage).image for stage in REPRODUCED}
    request = Reproduction(
        id=reproduction,
        run=run.prefix,
        release=ref.sha256,
        anew=anew,
        images=images,
        digests={stage: digest for stage in REPRODUCED if (digest := release.stage(stage).digest)},
        digests_now=digests_of(images),
        shards=tuple(in_parallel(give, [shard for shard in there if not shards or shard in shards], _AT_ONCE)),
    )
    kept.write_request(request)
    for shard in request.shards:
        if shard.problem:
            log.warning("shard %s is not done again: %s", shard.name, shard.problem)
        log.info("shard %s is worked from %d versions", shard.name, shard.given)
    return request


def _release(store: ObjectStore, run: Run, shards: Sequence[str]) -> tuple[Release, ObjectRef]:
    """The release that the shards were worked by: that of the first one's manifest, which may be an earlier start's."""
    for shard in shards:
        if run.has_manifest(REPRODUCED[0], shard):
            return pinned_version(store, run, run.manifest(REPRODUCED[0], shard)[0].release)
    raise InputError(f"expected a manifest of {REPRODUCED[0]} in {run.prefix}, found none: no shard was worked on")


def _day_of_assess(shard: RecordedShard) -> date | None:
    """The day on which assess worked; it decides what a camera's first journal says."""
    recorded = shard.recorded("assess")
    return recorded.as_of if recorded else None
