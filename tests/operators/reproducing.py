"""A bucket in memory over which runs are worked and done again, in this process: validate, detect, assess.

The detector is a tiny model that sees patches of colour."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nightjar.domain.batch import Footage
from nightjar.domain.manifest import Manifest
from nightjar.domain.reproduction.answer import Answer
from nightjar.domain.reproduction.request import REPRODUCED, Reproduction
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.overlay import OverlayStore
from nightjar.runtime.stage import StageContext, run
from nightjar.settings.detect import DetectSettings
from nightjar.stores.made_of_others import REPRODUCTIONS
from nightjar.stores.reproductions import Reproductions
from nightjar.stores.runs import HISTORY, LIVE, Run, Runs
from nightjar_assess.stage import assess
from nightjar_detect.fetch import store_fetch
from nightjar_detect.stage import detect_shard
from nightjar_validate.stage import validate
from operators.reproduction import ask
from operators.reproduction_answer import answered
from operators.shards import select_day, write_shards
from tests.bucket import RunWorld, put_footage
from tests.images.detect.test_own_model import card
from tests.images.detect.tiny_model import tiny_model

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = b"""\
version: 1
event_gap_seconds: 60
rules:
  200: {name: patch, unsafe: [red patch], min_probability: 0.6}
users:
  alice:
    email: alice@example.com
    timezone: UTC
    rules: [200]
    devices: {porch: {}, yard: {}}
"""


def picture(seed: int, *, is_red: bool = True) -> bytes:
    """A still of its own, with noise that no other has, whose right upper quarter may be red."""
    pixels = np.random.default_rng(seed).integers(40, 160, (320, 320, 3), np.uint8)
    if is_red:
        pixels[:160, 160:] = (250, 20, 20)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def model_at(folder: Path, **changed: Any) -> Path:
    """The tiny model in `folder`, with `changed` keys in its card."""
    folder.mkdir()
    (folder / "model.tflite").write_bytes(tiny_model())
    (folder / "model_card.json").write_text(json.dumps({**card(), **changed}))
    return folder


@dataclass
class World:
    """The bucket, whose clock goes on by a second with each thing that is written, and its runs."""

    model: Path
    store: MemoryStore = field(init=False)
    now: datetime = NOON + timedelta(hours=2)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def shots(self, camera: str, *seconds: int, kind: str = "jpg", is_red: bool = True) -> list[Footage]:
        """Stills of a camera that many seconds after noon."""
        at, noise = int(NOON.timestamp()), sum(kind.encode())
        return [
            put_footage(self.store, f"{camera}-{at + each}.{kind}", picture(noise + each, is_red=is_red))
            for each in seconds
        ]

    def live(self, name: str, footage: Sequence[Footage], stages: Sequence[str] = REPRODUCED) -> RunWorld:
        """A live run over `footage`, a shard a camera."""
        world = RunWorld(self.store, name, LIVE)
        world.pin(RULES)
        for camera in sorted({each.camera for each in footage}):
            world_shard = [each for each in footage if each.camera == camera]
            self.run_of(world).write_shard(camera.name, world_shard)
            self.work(world, camera.name, stages)
        return world

    def history(self) -> RunWorld:
        """The run of the day."""
        world = RunWorld(self.store, NOON.date().isoformat(), HISTORY)
        world.pin(RULES)
        select_day(self.store, world.prefix, NOON.date())
        for prefix in write_shards(self.store, world.prefix, max_shards=10, max_work=1000):
            self.work(world, prefix.rstrip("/").rpartition("/")[2])
        return world

    def work(self, world: RunWorld, shard: str, stages: Sequence[str] = REPRODUCED, again: str | None = None) -> None:
        """The stages of a shard; with `again`, in the overlay of that reproduction."""
        for stage in stages:
            before = REPRODUCED[: REPRODUCED.index(stage)]
            source = world.at(before[-1], shard) if before else self.run_of(world).shard_prefix(shard)
            context = replace(world.context(stage, source, shard, now=None), clock=self.clock)
            if again is not None:
                overlay: OverlayStore = Reproductions(self.store).overlay(again, shard)
                context = replace(context, store=overlay, reproduction=again, as_of=overlay.as_of)
            self._stage(stage, context)

    def _stage(self, stage: str, context: StageContext) -> Manifest:
        if stage == "detect":
            settings = DetectSettings(model_dir=self.model, detect_threads=1)
            return run(lambda each: detect_shard(each, settings, store_fetch(each.store)), context)
        return run({"validate": validate, "assess": assess}[stage], context)

    def reproduce(
        self, world: RunWorld, again: str = "r1", shards: Sequence[str] = (), *, anew: bool = False
    ) -> Answer:
        """The run done again, as nightjar_reproduce does it."""
        request = ask(self.store, again, f"{world.dag}/{world.name}", shards=shards, anew=anew)
        self.work_again(world, request)
        return answered(self.store, again, self.now)

    def work_again(self, world: RunWorld, request: Reproduction) -> None:
        for shard in request.shards:
            if not shard.problem:
                self.work(world, shard.name, again=request.id)

    def outside(self) -> dict[tuple[str, str], tuple[bool, str]]:
        """Every version in the bucket but those of reproductions: whether it is the current one, and its content."""
        return {
            (version.key, version.version_id): (version.is_latest, self._content(version.key, version.version_id))
            for version in self.store.list_versions("")
            if not version.key.startswith(REPRODUCTIONS)
        }

    def _content(self, key: str, version_id: str) -> str:
        info = self.store.head(key, version_id)
        return hashlib.sha256(self.store.get(key, version_id)[0]).hexdigest() if info else "a delete marker"

    def as_of_0_2(self, world: RunWorld, shard: str) -> None:
        """Leave the manifests of a shard as an earlier release would have: they name what other stages go by."""
        runs, source = self.run_of(world), self.run_of(world).shard_prefix(shard)
        for stage in REPRODUCED:
            manifest, _ = runs.manifest(stage, shard)
            named = [ref for ref in manifest.inputs if ref.key.startswith((source, "rules/", "runs/", "detections/"))]
            older = manifest.model_copy(
                update={"names_all": False, "inputs": tuple(named), "asked": (), "deleted": (), "more": None}
            )
            runs.write_manifest(older, shard)
            source = runs.stage_prefix(stage, shard)

    def run_of(self, world: RunWorld) -> Run:
        """The folder of the run."""
        return Runs(self.store).at(world.prefix)
