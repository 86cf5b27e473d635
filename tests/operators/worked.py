"""A history run over two cameras, and the manifests that its stages would leave."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.domain.release import Started
from nightjar.domain.stages import STAGES
from nightjar.runtime.manifests import write_bytes
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import RECONCILE, Run, Runs
from tests.bucket import FROZEN, REGISTRY, release_of

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
DAY = date(2026, 11, 20)
RUN = "runs/nightjar_history/2026-11-20/"
NOON = 1_795_176_000  # 2026-11-20T12:00:00Z
SHARD_STAGES = ("validate", "detect", "assess", "notify")


def file(store: MemoryStore, camera: str, seconds: int) -> None:
    """File a picture of `camera` in the day."""
    data = f"{camera} {seconds}".encode()
    key = f"footage/2026/11/20/12/{camera}-{NOON + seconds}.jpg"
    store.put(key, data, metadata={"sha256": hashlib.sha256(data).hexdigest()})


def pin(
    store: ObjectStore,
    start: int = 1,
    problem: str | None = None,
    run: str = RUN,
    tag: str = "test-1",
    settings: Mapping[str, str] | None = None,
    digest: str | None = None,
) -> str:
    """Pin the run anew; returns the SHA-256 of its release. All its images have this `digest`."""
    started = Started(dag_run="manual", start=str(start))
    tags = dict.fromkeys(STAGES, tag)
    by_stage = dict.fromkeys(STAGES, settings or {})
    rules = FROZEN.model_copy(update={"problem": problem})
    release = release_of(Runs(store).at(run).name, started, tags, by_stage, rules)
    stages = {stage: each.model_copy(update={"digest": digest}) for stage, each in release.stages.items()}
    release = release.model_copy(update={"stages": stages})
    at = Runs(store).at(run)
    at.begin(started, lambda _: False)
    return at.pin(started, lambda: release)[1].sha256


def do_shard(
    store: MemoryStore, prefix: str, release: str, stages: Sequence[str] = SHARD_STAGES, events: int = 1
) -> None:
    """Leave the manifests of the stages of a shard, each worked from the one before it; without events, no notify."""
    run, name = Runs(store).at(RUN), prefix.rstrip("/").rsplit("/", 1)[-1]
    footage, source = run.shard(name)
    number = len(footage)
    outcomes = {
        "validate": {"standard": number},
        "detect": {"detected": number},
        "assess": {"threat": events, "safe": number - events},
        "notify": {"sent": events},
    }
    for stage in stages:
        if stage == "notify" and not events:
            break
        objects: tuple[ObjectRef, ...] = ()
        if stage == "detect":
            objects = (write_bytes(store, f"detections/1/{name}.jsonl", name.encode(), content_type="x"),)
        counts = Counts(received=sum(outcomes[stage].values()), outcomes=outcomes[stage])
        result = {"events": events} if stage == "assess" else {}
        manifest = _manifest(run, stage, release, source, counts, objects).model_copy(update={"result": result})
        source = run.write_manifest(manifest, name)


def do_record(store: MemoryStore, release: str) -> None:
    """Leave the manifest of record, worked from the account that is there."""
    run = Runs(store).at(RUN)
    run.write_manifest(_manifest(run, "record", release, run.manifest(RECONCILE)[1], Counts()))


def redo(store: MemoryStore, stage: str, shard: str | None = None) -> None:
    """Leave the manifest of a stage again, as a retry that finds the same would."""
    run = Runs(store).at(RUN)
    again = run.manifest(stage, shard)[0].model_copy(update={"finished_at": NOW.replace(minute=9)})
    run.write_manifest(again, shard)


def _manifest(
    run: Run, stage: str, release: str, source: ObjectRef, counts: Counts, objects: tuple[ObjectRef, ...] = ()
) -> Manifest:
    return Manifest(
        stage=stage,
        image=f"{REGISTRY}/{stage}:1",
        run=run.name,
        release=release,
        inputs=(source,),
        objects=objects,
        counts=counts,
        started_at=NOW,
        finished_at=NOW,
    )
