"""Work that grows with the pictures: processor time for each, of 1,000, 10,000 and 100,000 pictures in one run.

Real are the planner, and the stages detect, assess and record, with all that they read and write. Not real are the
bucket, which is in memory; the interpreter, whose results detect finds stored; and collect and validate, whose outputs
are written as they leave them: they do the same for each object whatever there is besides (`chain` has them).
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

from nightjar.domain.detections import Detection, Picture
from nightjar.domain.names import Camera
from nightjar.runtime.garbage import look_seldom
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.settings.detect import DetectSettings
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place, RunShard
from nightjar_assess.stage import assess
from nightjar_detect.deciding import model_folder
from nightjar_detect.stage import detect_shard
from nightjar_local.images import detection_model
from nightjar_record.stage import work as record
from operators.shards import write_shards
from tests.benchmarks.rows import Asked, Row
from tests.bucket import NOON, picture_of, sha256_of
from tests.images.detect.shards import validated
from tests.images.record.world import World, person
from tests.scenes import detection, start_run

SIZES = (1_000, 10_000, 100_000)
CAMERAS = [Camera("alice", f"camera{number:02}") for number in range(20)]
SPACING = timedelta(seconds=10)  # from one picture of a camera to its next
THREATS = 10  # every so many pictures somebody is seen
LIMIT = 1.2
_DEVICES = ", ".join(f"{camera.device}: {{}}" for camera in CAMERAS)
RULES = f"""\
version: 1
rules:
  300: {{name: anybody, unsafe: [person], min_probability: 0.5}}
users:
  alice: {{email: alice@example.com, timezone: UTC, rules: [300], devices: {{{_DEVICES}}}}}
"""

Say = Callable[[str], None]
T = TypeVar("T")


def rows(say: Say) -> list[Row]:
    """Milliseconds a picture, of the largest run against the smallest."""
    found: dict[str, list[float]] = {}
    for size in SIZES:
        for name, seconds in _costs(size):
            found.setdefault(name, []).append(seconds / size * 1000)
            say(f"linear: {size:,} pictures, {name}: {found[name][-1]:.3f} ms each")
    return [
        Row(
            f"linear: {name}, {SIZES[-1]:,} pictures in a run",
            each[-1],
            "ms of CPU a picture",
            each[0],
            f"{SIZES[0]:,}:",
            LIMIT,
            Asked.AT_MOST,
            figure=f"{SIZES[-1]:,} pictures in a run, processor time for each: {name}",
        )
        for name, each in found.items()
    ]


def _costs(size: int) -> Iterator[tuple[str, float]]:
    """Seconds of processor time, by what was done."""
    yield "planner", min(_planner(size) for _ in range(_times(size)))
    yield "detect, all known", min(_detect(size) for _ in range(_times(size)))
    yield "assess", min(_assess(size) for _ in range(_times(size)))
    yield "record", min(_record(size) for _ in range(_times(size)))


def _times(size: int) -> int:
    """Small runs are noisy."""
    return 3 if size == SIZES[0] else 1


def _moments(size: int) -> Iterator[tuple[int, Camera, timedelta]]:
    """The pictures of a run: their number, camera, and time after noon."""
    for number in range(size):
        yield number, CAMERAS[number % len(CAMERAS)], number // len(CAMERAS) * SPACING


def _planner(size: int) -> float:
    store = MemoryStore()
    world = World(store)
    for number, camera, after in _moments(size):
        world.still(camera, NOON + after, detected=number < 0)
    world.close()
    return _spent(lambda: write_shards(store, world.prefix, max_shards=100, max_work=2000))[0]


def _detect(size: int) -> float:
    store, settings = MemoryStore(), DetectSettings(model_dir=detection_model())
    pictures: list[Picture] = [
        picture_of(camera, NOON + after, sha256_of(b"%d" % number)) for number, camera, after in _moments(size)
    ]
    context = validated(store, pictures, shard="pack-0001")

    def nothing_is_read(key: str, version_id: str | None) -> bytes:
        raise AssertionError(f"expected known pictures only, got {key}")

    assert model_folder(settings).is_dir()
    one = validated(store, [], run="first", shard="pack-0001")
    detector = str(run(lambda c: detect_shard(c, settings, nothing_is_read), one).result["detector"])
    writer = RunShard.of(context.run_prefix, context.input_prefix)
    for place, lines in _by_place(
        detector, [detection(p.camera, p.taken_at, {"person": 0.9}, sha256=p.standard_sha256) for p in pictures]
    ).items():
        Detections(store).write(place, writer, lines)
    spent, manifest = _spent(lambda: run(lambda c: detect_shard(c, settings, nothing_is_read), context))
    assert manifest.counts.details["known"] == size, manifest.counts
    return spent


def _by_place(detector: str, lines: Sequence[Detection]) -> dict[Place, list[Detection]]:
    places: dict[Place, list[Detection]] = {}
    for line in lines:
        places.setdefault(Place(detector, line.picture.camera, line.picture.taken_at.date()), []).append(line)
    return places


def _assess(size: int) -> float:
    store = MemoryStore()
    seen = [
        detection(camera, NOON + after, {"person" if number // len(CAMERAS) % THREATS == 0 else "chair": 0.9})
        for number, camera, after in _moments(size)
    ]
    context = start_run(store, "linear", seen, RULES)
    spent, manifest = _spent(lambda: run(assess, context))
    assert manifest.counts.received == size, manifest.counts
    return spent


def _record(size: int) -> float:
    store = MemoryStore()
    world = World(store)
    for number, camera, after in _moments(size):
        world.still(camera, NOON + after, *([person()] if number // len(CAMERAS) % THREATS == 0 else []))
    context = world.close()
    return _spent(lambda: run(record, context))[0]


def _spent(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds of processor time; garbage is looked for as in the processes of stages and of Airflow, and at the end."""
    was = gc.get_threshold()
    gc.collect()
    look_seldom()
    began = time.process_time()
    made = work()
    seconds = time.process_time() - began
    gc.unfreeze()
    gc.set_threshold(*was)
    return seconds, made
