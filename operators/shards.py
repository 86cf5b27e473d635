"""The shards of a run: the batch of a day, how a batch is cut, and which of its stages are proven."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from airflow.sdk import task

from nightjar.domain import shards as planning
from nightjar.domain.accounts import consumed
from nightjar.domain.batch import BatchLine, Footage, NameFields, Outcome, ReceivedVersion
from nightjar.domain.layout import last_segment
from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.names import FootageName
from nightjar.domain.stages import SHARD_STAGES
from nightjar.errors import InputError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.footage import FIRST_VERSION, FootageStore
from nightjar.stores.runs import Run, Runs
from operators.assignment import pinned_release
from operators.bucket import bucket
from operators.failures import final_for_people
from operators.settings import deployment

log = logging.getLogger(__name__)

EVENTS = "events"  # in assess's result: how many events there are to alert
_AT_ONCE = 16


@task
@final_for_people
def select(run_prefix: str, day: str, release: str) -> int:
    """Write the batch of a day: everything filed for it; returns how many objects that is."""
    store = bucket()
    pinned_release(Runs(store).at(run_prefix), release)  # a later run over the folder must find what it wrote
    return select_day(store, run_prefix, date.fromisoformat(day))


@task
@final_for_people
def plan_shards(run_prefix: str, release: str) -> list[str]:
    """Cut the batch into shards; returns the prefix of each."""
    store, settings = bucket(), deployment()
    pinned_release(Runs(store).at(run_prefix), release)
    return write_shards(store, run_prefix, settings.max_shards, settings.shard_work)


def select_day(store: ObjectStore, run_prefix: str, day: date) -> int:
    """Write the batch: a filed line for every object of the day's footage."""
    lines = [_filed(name, info) for name, info in FootageStore(store).of_day(day)]
    Runs(store).at(run_prefix).write_batch(lines)
    log.info("%d objects were filed for %s", len(lines), day)
    return len(lines)


def write_shards(store: ObjectStore, run_prefix: str, max_shards: int, max_work: int) -> list[str]:
    """Write the shards of the batch; returns their prefixes. Raises InputError when there is no batch."""
    run = Runs(store).at(run_prefix)
    lines, _ = run.batch()
    filed = [line.footage for line in lines if line.outcome is Outcome.FILED]
    planned = planning.plan_shards(filed, max_shards, max_work)
    prefixes = list(in_parallel(lambda shard: run.write_shard(shard.name, shard.footage), planned, _AT_ONCE))
    log.info("%d objects in %d shards; %d lines need no work", len(filed), len(planned), len(lines) - len(filed))
    return prefixes


@dataclass(frozen=True)
class ProvenShard:
    """A shard, and by stage the manifests that hold, each with its place. `problem` says what is missing, if anything.

    A manifest holds if its stage worked by the run's release, on what the stage before it left and is there now.
    """

    name: str
    footage: Sequence[Footage]
    manifests: Mapping[str, tuple[Manifest, ObjectRef]] = field(default_factory=dict)
    problem: str | None = None

    def manifest(self, stage: str) -> Manifest | None:
        """The manifest of `stage`, if it holds."""
        return self.manifests[stage][0] if stage in self.manifests else None

    @property
    def references(self) -> list[ObjectRef]:
        """The places of all manifests that hold."""
        return [reference for _, reference in self.manifests.values()]


def proven_shards(run: Run, prefixes: Sequence[str], release: str) -> list[ProvenShard]:
    """The shards with these prefixes, as far as they are proven to have been worked on by `release` (a SHA-256)."""
    return list(in_parallel(partial(_proven, run, release), map(last_segment, prefixes), _AT_ONCE))


def _proven(run: Run, release: str, name: str) -> ProvenShard:
    footage, source = run.shard(name)
    manifests: dict[str, tuple[Manifest, ObjectRef]] = {}
    problem = None
    for stage in SHARD_STAGES:
        if stage == "notify" and manifests["assess"][0].result.get(EVENTS) == 0:
            break  # it was skipped: there is nobody to alert
        try:
            manifest, reference = run.manifest(stage, name)
            if unproven := _unproven(manifest, source, release):
                raise InputError(f"the manifest at {reference.key} {unproven}")
        except InputError as error:
            log.warning("%s", error)
            problem = f"{stage} left no proof of its work: {error}"
            break
        manifests[stage] = manifest, reference
        source = reference
    return ProvenShard(name, footage, manifests, problem)


def _unproven(manifest: Manifest, source: ObjectRef, release: str) -> str | None:
    if not consumed(manifest, source):
        return f"is of another {source.key} than the one that is there now"
    if manifest.release != release:
        return f"is of release {manifest.release or 'none'}; this run is pinned to {release}"
    return None


def _filed(name: FootageName, info: ObjectInfo) -> BatchLine:
    source = ReceivedVersion(
        key=info.key,
        version_id=info.version_id,
        size=info.size,
        received_at=info.modified_at,
        named=NameFields.of(name),
    )
    return BatchLine(
        source=source,
        outcome=Outcome.FILED,
        footage_key=info.key,
        footage_version=info.version_id,
        sha256=info.metadata.get("sha256"),
        first_version=info.metadata.get(FIRST_VERSION),
    )
