"""What holds a run together between the stages: select, plan_shards, reconcile, close_run."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from nightjar.domain import shards as planning
from nightjar.domain.accounts import DoesNotAddUpError, ShardProof, consumed, settle
from nightjar.domain.batch import BatchLine, Footage, Outcome, ReceivedVersion
from nightjar.domain.layout import BATCH, SHARD, footage_day_prefix, last_segment, shard_prefix, stage_prefix
from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.names import NameRefused
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines, read_manifest, write_lines, write_manifest, write_record
from nightjar.runtime.store import ObjectInfo, ObjectStore
from operators.bucket import bucket
from operators.failures import final_for_people
from operators.release import release_of
from operators.settings import deployment

log = logging.getLogger(__name__)

RECONCILE = "reconcile"
ACCOUNT = "account.json"
# Each works from the manifest of the one before it.
AFTER_RECONCILE = ("assess", "notify", "report")
_HEADS_AT_ONCE = 32
_SHARDS_AT_ONCE = 16


@task
@final_for_people
def select(run_prefix: str, day: str) -> int:
    """Write the batch of a day: everything filed for it; returns how many objects that is."""
    return select_day(bucket(), run_prefix, date.fromisoformat(day))


@task
@final_for_people
def plan_shards(run_prefix: str) -> list[str]:
    """Cut the batch into shards; returns the prefix of each."""
    settings = deployment()
    return write_shards(bucket(), run_prefix, settings.max_shards, settings.shard_work)


@task
@final_for_people
def reconcile(run_prefix: str, shards: Sequence[str]) -> str:
    """Settle the account of the run; returns the prefix of its manifest."""
    return write_account(bucket(), run_prefix, list(shards), datetime.now(UTC))


@task(trigger_rule="all_done")
@final_for_people
def close_run(run_prefix: str, shards: Sequence[str] | None) -> None:
    """Fail the run if a task failed, or if what was alerted and reported is not what the shards now say."""
    context = get_current_context()
    ti: Any = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])[ti.run_id]
    problems = failed_tasks(states) or uncovered(bucket(), run_prefix, list(shards or ()))
    if problems:
        raise AirflowFailException("; ".join(problems))


def select_day(store: ObjectStore, run_prefix: str, day: date) -> int:
    """Write `batch.jsonl`, a filed line for every object below the day's footage that has a footage name."""
    with ThreadPoolExecutor(_HEADS_AT_ONCE) as pool:
        found = pool.map(lambda info: store.head(info.key), store.list_objects(footage_day_prefix(day)))
        lines = [_filed(info) for info in found if info is not None and _is_footage(info.key)]
    lines.sort(key=lambda line: line.source.key)
    write_lines(store, f"{run_prefix}{BATCH}", lines)
    log.info("%d objects were filed for %s", len(lines), day)
    return len(lines)


def write_shards(store: ObjectStore, run_prefix: str, max_shards: int, max_work: int) -> list[str]:
    """Write a `shard.jsonl` for every shard of the batch; returns their prefixes."""
    lines, _ = read_lines(store, f"{run_prefix}{BATCH}", BatchLine)
    filed = [line.footage for line in lines if line.outcome is Outcome.FILED]
    planned = planning.plan_shards(filed, max_shards, max_work)
    prefixes = [shard_prefix(run_prefix, shard.name) for shard in planned]
    with ThreadPoolExecutor(_SHARDS_AT_ONCE) as pool:
        list(pool.map(lambda p, s: write_lines(store, f"{p}{SHARD}", s.footage), prefixes, planned))
    log.info("%d objects in %d shards; %d lines need no work", len(filed), len(planned), len(lines) - len(filed))
    return prefixes


def write_account(store: ObjectStore, run_prefix: str, shards: Sequence[str], now: datetime) -> str:
    """Write the account of the run and, last, the manifest that the stages below start from.

    Its objects are what the shards' detections are in, its inputs the manifests that prove them. Raises InputError when
    the account does not add up.
    """
    batch, batch_ref = read_lines(store, f"{run_prefix}{BATCH}", BatchLine)
    proofs = _proofs(store, run_prefix, shards)
    try:
        account = settle(batch, [proof for proof, _ in proofs])
    except DoesNotAddUpError as error:
        raise InputError(f"the account of {run_prefix} does not add up: {error}") from error
    for name, failure in account.failures.items():
        log.error("shard %s: %s", name, failure)
    output = stage_prefix(run_prefix, RECONCILE)
    written = write_record(store, f"{output}{ACCOUNT}", account)
    problem = release_of(store, run_prefix).rules.problem
    detections = {ref.key: ref for proof, _ in proofs if proof.detected for ref in proof.detected.objects}
    manifest = Manifest(
        stage=RECONCILE,
        image="airflow",
        run=last_segment(run_prefix),
        inputs=(batch_ref, *(ref for _, references in proofs for ref in references)),
        objects=tuple(detections[key] for key in sorted(detections)),
        counts=account.counts,
        result={"account": written.key, "shards": len(proofs), "failed_shards": sorted(account.failures)},
        warnings=(problem,) if problem else (),
        started_at=now,
        finished_at=datetime.now(UTC),
    )
    write_manifest(store, output, manifest)
    log.info("%d received: %s", account.counts.received, account.counts.outcomes)
    return output


def failed_tasks(states: Mapping[str, str | None]) -> list[str]:
    """What is wrong with the states of a run's tasks, as sentences."""
    failed = sorted(name for name, state in states.items() if state == "failed")
    blocked = sorted(name for name, state in states.items() if state == "upstream_failed")
    return [
        f"{len(names)} tasks {what}: {', '.join(names[:10])}"
        for what, names in (("failed", failed), ("never ran because of that", blocked))
        if names
    ]


def uncovered(store: ObjectStore, run_prefix: str, shards: Sequence[str]) -> list[str]:
    """Where a later stage worked from something else than what is there now, as sentences."""
    problems = []
    reconciled, reference = read_manifest(store, stage_prefix(run_prefix, RECONCILE))
    for proof, references in _proofs(store, run_prefix, shards):
        if proof.validated is None or proof.detected is None:
            problems.append(f"shard {proof.name} has no proof of its work")
        elif not all(consumed(reconciled, one) for one in references):
            problems.append(f"shard {proof.name} changed after reconcile")
    before = RECONCILE
    for stage in AFTER_RECONCILE:
        manifest, next_reference = read_manifest(store, stage_prefix(run_prefix, stage))
        if not consumed(manifest, reference):
            problems.append(f"{stage} worked from another {before} than the one that is there now")
        before, reference = stage, next_reference
    return [f"{problem}: clear it and what is downstream of it" for problem in problems]


def _proofs(store: ObjectStore, run_prefix: str, shards: Sequence[str]) -> list[tuple[ShardProof, list[ObjectRef]]]:
    images = release_of(store, run_prefix).images
    with ThreadPoolExecutor(_SHARDS_AT_ONCE) as pool:
        return list(pool.map(lambda prefix: _proof(store, run_prefix, prefix, images), shards))


def _proof(
    store: ObjectStore, run_prefix: str, prefix: str, images: Mapping[str, str]
) -> tuple[ShardProof, list[ObjectRef]]:
    """What is proven of one shard. A manifest of another input than is there now, or of another image, proves nothing.

    Such a one is of an earlier start of the run, whose release was another.
    """
    name = last_segment(prefix)
    footage, source = read_lines(store, f"{prefix}{SHARD}", Footage)
    found: list[tuple[Manifest, ObjectRef]] = []
    for stage in ("validate", "detect"):
        manifest = _manifest_of(store, stage_prefix(run_prefix, stage, name), source, images[stage])
        if manifest is None:
            break
        found.append(manifest)
        source = manifest[1]
    return ShardProof(name, footage, *(manifest for manifest, _ in found)), [reference for _, reference in found]


def _manifest_of(store: ObjectStore, prefix: str, source: ObjectRef, image: str) -> tuple[Manifest, ObjectRef] | None:
    try:
        manifest, reference = read_manifest(store, prefix)
    except InputError as error:
        log.warning("%s", error)
        return None
    if not consumed(manifest, source):
        log.warning("the manifest below %s is of another %s than the one that is there now", prefix, source.key)
        return None
    if manifest.image != image:
        log.warning("the manifest below %s is of image %s; this run is pinned to %s", prefix, manifest.image, image)
        return None
    return manifest, reference


def _filed(info: ObjectInfo) -> BatchLine:
    source = ReceivedVersion(key=info.key, version_id=info.version_id, size=info.size, received_at=info.modified_at)
    return BatchLine(
        source=source,
        outcome=Outcome.FILED,
        footage_key=info.key,
        footage_version=info.version_id,
        sha256=info.metadata.get("sha256"),
    )


def _is_footage(key: str) -> bool:
    try:
        Footage(key=key, version_id="", size=0, sha256="").name  # noqa: B018 - parsing is the check
    except NameRefused as error:
        log.warning("left out, not footage: %s", error)
        return False
    return True
