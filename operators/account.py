"""The end of a run: its account over all shards, and whether everything in it is proven and recorded."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, AssetAlias, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from nightjar.domain.accounts import DoesNotAddUpError, ShardProof, consumed, settle
from nightjar.domain.manifest import Manifest
from nightjar.domain.release import Ended
from nightjar.errors import InputError
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.health import EndedRuns
from nightjar.stores.runs import RECONCILE, Run, Runs
from operators.assignment import pinned_release
from operators.bucket import bucket
from operators.failures import final_for_people
from operators.refusals import note_refusals
from operators.release import CANDIDATE_TAG, SHA256
from operators.settings import deployment
from operators.shards import ProvenShard, proven_shards

log = logging.getLogger(__name__)

RECORD = "record"  # works from the account
PLAN = "plan_shards"
_NAMED = 10
DUE = "nightjar_candidate_due"  # the Asset that starts a run of the candidate
_DUE = AssetAlias(f"{DUE}_if_any")
WARNINGS = frozenset({"rules_in_force"})  # tasks that fail to be seen; they do not fail the run


@task(trigger_rule="all_done")
@final_for_people
def reconcile(run_prefix: str, shards: Sequence[str] | None, release: str | None) -> str:
    """Settle the account of the run over all shards, however they ended; returns the prefix of its manifest.

    It is skipped when there is no plan: then no shard was worked on, and there is nothing to settle.
    """
    if task_states().get(PLAN) != "success" or shards is None or release is None:
        raise AirflowSkipException(f"{PLAN} did not succeed: there is nothing to settle")
    store, settings = bucket(), deployment()
    prefix = write_account(store, run_prefix, list(shards), release, datetime.now(UTC))
    run = Runs(store).at(run_prefix)
    if run.is_live:  # a day's run looks again at what the live runs counted
        counts = run.account().counts
        note_refusals(
            store, run.name, counts, datetime.now(UTC), settings.day_refused_share, settings.day_refused_pictures
        )
    return prefix


@task(trigger_rule="all_done", outlets=[_DUE])
@final_for_people
def close_run(run_prefix: str, shards: Sequence[str] | None, frozen: Mapping[str, str] | None) -> None:
    """Fail the run if a task failed, or if the shards are not what was counted and recorded.

    `shards` and `frozen` are what plan_shards and freeze_release return; None of one that failed.
    """
    store = bucket()
    problems = failed_tasks(task_states())
    if not problems and frozen is not None:
        problems = uncovered(store, run_prefix, list(shards or ()), frozen[SHA256])
    end_run(store, run_prefix, problems, datetime.now(UTC))
    if problems:
        raise AirflowFailException("; ".join(problems))
    if frozen and frozen.get(CANDIDATE_TAG) and Runs(store).at(run_prefix).is_live:
        get_current_context()["outlet_events"][_DUE].add(Asset(DUE))


def end_run(store: ObjectStore, run_prefix: str, problems: Sequence[str], now: datetime) -> None:
    """Write into the run's folder how it ended, for whoever sees the bucket and not Airflow.

    A live run that ends without an account was not announced to the survey before, and is so now.
    """
    state, run = "failed" if problems else "success", Runs(store).at(run_prefix)
    if run.ended() is None and not run.has_account():
        _announce(store, run)
    run.end(Ended(state=state, problems=tuple(problems), ended_at=now))


def _announce(store: ObjectStore, run: Run) -> None:
    if run.prefix == Runs(store).live(run.name).prefix:
        EndedRuns(store).announce(run.name)


def task_states() -> Mapping[str, str | None]:
    """The states of the tasks of this run, mapped ones as `task_index`."""
    ti: Any = get_current_context()["ti"]
    states: Mapping[str, str | None] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])[ti.run_id]
    return states


def write_account(store: ObjectStore, run_prefix: str, shards: Sequence[str], release: str, now: datetime) -> str:
    """Write the account of the run and, last, the manifest that record starts from.

    Its inputs are the batch and every manifest that proves the work on a shard, its objects those that hold the shards'
    detections. A live run with its first account is announced to the survey, which counts each once: before record
    updates the Asset that starts the survey. Raises InputError when the account does not add up.
    """
    run = Runs(store).at(run_prefix)
    is_first = not run.has_account()
    problem = pinned_release(run, release).rules.problem
    batch, batch_ref = run.batch()
    proven = proven_shards(run, shards, release)
    try:
        account = settle(batch, map(_proof, proven))
    except DoesNotAddUpError as error:
        raise InputError(f"the account of {run_prefix} does not add up: {error}") from None
    for name, failure in account.failures.items():
        log.error("shard %s: %s", name, failure)
    settled = run.write_account(account)
    detected = [manifest for shard in proven if (manifest := shard.manifest("detect"))]
    written = Detections(store).objects_among(ref for manifest in detected for ref in manifest.objects)
    detections = {ref.key: ref for ref in written}
    manifest = Manifest(
        stage=RECONCILE,
        image="airflow",
        run=run.name,
        release=release,
        inputs=(batch_ref, *(ref for shard in proven for ref in shard.references)),
        objects=tuple(detections[key] for key in sorted(detections)),
        counts=account.counts,
        result={"account": settled.key, "shards": len(proven), "failed_shards": sorted(account.failures)},
        warnings=(problem,) if problem else (),
        started_at=now,
        finished_at=datetime.now(UTC),
    )
    if is_first:
        _announce(store, run)
    run.write_manifest(manifest)
    log.info("%d received: %s", account.counts.received, account.counts.outcomes)
    return run.stage_prefix(RECONCILE)


def failed_tasks(states: Mapping[str, str | None]) -> list[str]:
    """The tasks of a run that did not end well, by their states, as sentences."""
    failed = sorted(name for name, state in states.items() if state == "failed" and name not in WARNINGS)
    blocked = sorted(name for name, state in states.items() if state == "upstream_failed" and name not in WARNINGS)
    return [
        f"{len(names)} {'task' if len(names) == 1 else 'tasks'} {what}: {_some(names)}"
        for what, names in (("failed", failed), ("never ran because of that", blocked))
        if names
    ]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def uncovered(store: ObjectStore, run_prefix: str, shards: Sequence[str], release: str) -> list[str]:
    """Where the account or the records were made from something else than is there now, as sentences.

    Each shard stands for itself; the account is over all of them, and the records are made from the account.
    """
    run = Runs(store).at(run_prefix)
    problems = []
    account, reference = run.manifest(RECONCILE)
    for shard in proven_shards(run, shards, release):
        if shard.problem:
            problems.append(f"shard {shard.name}: {shard.problem}")
        elif not all(consumed(account, one) for one in shard.references):
            problems.append(f"shard {shard.name} changed after reconcile")
    if not consumed(run.manifest(RECORD)[0], reference):
        problems.append("record worked from another account than the one that is there now")
    return [f"{problem}: clear it and what is downstream of it" for problem in problems]


def _proof(shard: ProvenShard) -> ShardProof:
    return ShardProof(
        shard.name, shard.footage, shard.manifest("validate"), shard.manifest("detect"), problem=shard.problem
    )
