"""Shared by the tests of the stage: a run with a shard of real footage, and its outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nightjar.domain.batch import Footage
from nightjar.domain.detections import ListedPicture, Picture
from nightjar.domain.layout import PICTURES
from nightjar.domain.manifest import Manifest
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.errors import TryAgainError
from nightjar.runtime.manifests import read_lines, read_record, write_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.settings import load
from nightjar.runtime.stage import StageContext, StageResult, run
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.settings.validate import ValidateSettings
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import SHARD, run_prefix, shard_prefix, stage_prefix
from nightjar_validate.pool import DecoderPool
from nightjar_validate.stage import validate, validate_shard
from tests.bucket import RunWorld, image_of

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
AT = int(NOW.timestamp())
IMAGE = image_of("validate")
LIVE_RUN = run_prefix("nightjar_live", "20261120T130500Z-0123456789ab")
HISTORY_RUN = run_prefix("nightjar_history", "2026-11-20")


def memory_store() -> MemoryStore:
    """An empty bucket in which everything is written at NOW."""
    return MemoryStore(clock=lambda: NOW)


class Failing(MemoryStore):
    """Cannot write below `failing`."""

    failing = "nothing"

    def put(self, key: str, *args: Any, **options: Any) -> ObjectInfo:
        if key.startswith(self.failing):
            raise TryAgainError("S3 cannot be reached")
        return super().put(key, *args, **options)


def begin_run(store: ObjectStore, footage: list[Footage], run_at: str = LIVE_RUN, shard: str = "pack-0001") -> None:
    """Freeze the rules and the release, and write the shard."""
    RunWorld.of(store, run_at).pin()
    write_lines(store, f"{shard_prefix(run_at, shard)}{SHARD}", footage)


def context(store: ObjectStore, run_at: str = LIVE_RUN, shard: str = "pack-0001", image: str = IMAGE) -> StageContext:
    """The stage as the operator starts it on that shard."""
    return RunWorld.of(store, run_at).context("validate", shard_prefix(run_at, shard), shard, image, now=NOW)


def validated(
    store: ObjectStore, run_at: str = LIVE_RUN, shard: str = "pack-0001", image: str = IMAGE, decode: str | None = None
) -> Manifest:
    """Run the stage, with another decode function if one is given, and return its manifest."""
    given = context(store, run_at, shard, image)
    if decode is None:
        return run(validate, given)
    settings = load(ValidateSettings)

    def work(context: StageContext) -> StageResult:
        footage, ref = read_lines(store, f"{context.input_prefix}{SHARD}", Footage)
        rules, _ = RulesStore(store).load(context.release()[0].rules)
        with DecoderPool(2, settings.decoder_mebibytes << 20, decode) as pool:
            return validate_shard(context, settings, footage, rules, pool, [ref])

    return run(work, given)


def pictures(store: ObjectStore, run_at: str = LIVE_RUN, shard: str = "pack-0001") -> Sequence[Picture]:
    """The pictures that the stage lists."""
    return read_lines(store, f"{stage_prefix(run_at, 'validate', shard)}{PICTURES}", ListedPicture)[0]


@dataclass(frozen=True)
class Quarantined:
    """One entry of the quarantine with its object."""

    key: str
    entry: QuarantineEntry
    data: bytes


def quarantine(store: ObjectStore) -> list[Quarantined]:
    """All that is in quarantine, each version of an object by itself."""
    return [
        Quarantined(
            v.key,
            read_record(store, v.key.removesuffix("object") + "reason.json", QuarantineEntry)[0],
            store.get(v.key, v.version_id)[0],
        )
        for v in store.list_versions("quarantine/")
        if v.key.endswith("/object")
    ]


def state(store: ObjectStore) -> list[tuple[str, str]]:
    """Every version in the bucket but the manifests, which hold times of work."""
    return sorted((v.key, v.version_id) for v in store.list_versions("") if not v.key.endswith("_manifest.json"))
