"""Shared by the tests of collect: dropping objects, running the stage, and reading the bucket afterwards."""

from dataclasses import dataclass
from datetime import UTC, datetime

from nightjar.domain.batch import BatchLine
from nightjar.domain.manifest import Manifest
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.runtime.manifests import read_lines, read_record
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectStore
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.runs import LIVE, STARTED, run_prefix, stage_prefix
from nightjar_collect.stage import collect

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
AT = int(NOW.timestamp())
IMAGE = "registry.example.com/nightjar/collect:1.0.0"


def memory_store() -> MemoryStore:
    """An empty bucket in which everything lands at NOW."""
    return MemoryStore(clock=lambda: NOW)


def context(store: ObjectStore, watch_run: str = "w1") -> StageContext:
    """The stage as the watch run called `watch_run` starts it."""
    prefix = stage_prefix(run_prefix("nightjar_watch", watch_run), "collect")
    return StageContext("collect", IMAGE, watch_run, INCOMING, prefix, store)


def collected(store: ObjectStore, watch_run: str = "w1") -> Manifest:
    """Run the stage and return its manifest."""
    return run(collect, context(store, watch_run))


def drop(store: ObjectStore, *names: str, data: bytes | None = None) -> list[tuple[str, str]]:
    """Drop objects, each with content of its own unless `data` is given; returns key and version of each."""
    infos = [store.put(f"{INCOMING}{name}", f"content {name}".encode() if data is None else data) for name in names]
    return [(info.key, info.version_id) for info in infos]


def begin_live_run(store: ObjectStore, manifest: Manifest) -> None:
    """The first act of freeze_release: from now on the batch is handed over."""
    store.put(f"{run_prefix(LIVE, str(manifest.result['batch_id']))}{STARTED}", b"{}")


@dataclass(frozen=True)
class Bucket:
    """All that collect left: batches, footage and quarantine, by source version where they have one."""

    batches: dict[str, list[BatchLine]]
    footage: dict[str, list[bytes]]
    quarantine: list[tuple[QuarantineEntry, bytes]]
    incoming: list[str]


def look(store: ObjectStore) -> Bucket:
    """Read the whole bucket, every version of everything."""
    batches = {
        info.key: read_lines(store, info.key, BatchLine)[0]
        for info in store.list_objects("runs/nightjar_live/")
        if info.key.endswith("batch.jsonl")
    }
    footage: dict[str, list[bytes]] = {}
    for version in store.list_versions("footage/"):
        footage.setdefault(version.key, []).append(store.get(version.key, version.version_id)[0])
    quarantine = []
    for version in store.list_versions("quarantine/"):
        if version.key.endswith("/object"):
            entry, _ = read_record(store, version.key.removesuffix("object") + "reason.json", QuarantineEntry)
            quarantine.append((entry, store.get(version.key, version.version_id)[0]))
    return Bucket(batches, footage, quarantine, [v.key for v in store.list_versions(INCOMING)])
