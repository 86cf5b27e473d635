"""`nightjar rules try` over a week of 100,000 pictures, stored as detect stores them, on a real S3 server."""

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nightjar.domain.detections import DetectedObject, Detection, DetectorRef
from nightjar.domain.detectors import detector_id
from nightjar.domain.names import Camera
from nightjar.queries.trial import Asked, run_trial
from nightjar.runtime.rules import parse_rules
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place, RunShard
from nightjar_local.seaweedfs import running
from tests.benchmarks.rows import Asked as Ratio
from tests.benchmarks.rows import Row
from tests.bucket import picture_of

LIMIT = 10.0  # seconds
PICTURES = 100_000
DAYS = 7
CAMERAS = [Camera(f"user{n}", device) for n in range(10) for device in ("door", "yard")]
RUNS = 24  # of the last day: files that history has not compacted yet, as it has those of the days before
LABELS = ("person", "car", "dog", "cat", "bird", "bench", "chair", "potted plant", "bicycle", "truck")
OBJECTS = 9  # in a picture on average: the detector notes what it is 10 % sure of
BURST = 12  # pictures for each time that something moves, 3 s apart
START = datetime(2026, 11, 1, tzinfo=UTC)
DETECTOR = DetectorRef(tag="0.3.0", model="ssdlite_mobilenet_v2_coco", sha256="0" * 64, settings="0" * 64)

IN_FORCE = """\
rules:
  200: {name: intruder, unsafe: [person], min_probability: 60%}
  300: {name: vehicles, unsafe: [car, truck], min_probability: 70%, hours: "20:00-06:00"}
users:
"""
NEW = """\
static: {}
rules:
  200: {name: intruder, unsafe: {person: 75%}, min_probability: 60%, agree: {pictures: 2, within_seconds: 60}}
  300: {name: vehicles, unsafe: [car, truck], min_probability: 70%, min_box: 1%}
users:
"""


def rows(say: Callable[[str], None]) -> list[Row]:
    """Seconds of the dry run, and what it compared."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder, running(Path(folder)) as access:
        os.environ.update(access.environment())
        store = S3Store(StoreSettings())
        say(f"trial: {PICTURES:,} stored detections")
        fill(store)
        say("trial: both rules over them")
        asked = Asked(detector_id(DETECTOR.sha256, DETECTOR.settings), START, START + timedelta(days=DAYS))
        in_force, new = (parse_rules((text + _users()).encode()) for text in (IN_FORCE, NEW))
        started = time.perf_counter()
        trial = run_trial(store, asked, in_force, new)
        seconds = time.perf_counter() - started
    if trial.pictures != PICTURES or not trial.pairs:
        raise RuntimeError(f"expected {PICTURES} pictures and some alerts, got {trial.pictures}, {len(trial.pairs)}")
    name = f"trial: a week of {PICTURES:,} pictures, {len(CAMERAS)} cameras, two sets of rules"
    return [
        Row(
            name,
            seconds,
            "s",
            LIMIT,
            "limit",
            1.0,
            Ratio.AT_MOST,
            figure="`nightjar rules try`: a week of 100,000 pictures of 20 cameras, two sets of rules",
        )
    ]


def fill(store: ObjectStore) -> None:
    """The detections of a week, in as many files as live runs leave."""
    detections, chance = Detections(store), random.Random(9)
    for camera in CAMERAS:
        for day in range(DAYS):
            lines = list(_day(camera, START + timedelta(days=day), chance))
            place = Place(detector_id(DETECTOR.sha256, DETECTOR.settings), camera, lines[0].picture.taken_at.date())
            runs = 1 if day < DAYS - 1 else RUNS
            for run in range(runs):
                detections.write(place, RunShard(f"run{run}", camera.name, is_history=False), lines[run::runs])


def _day(camera: Camera, midnight: datetime, chance: random.Random) -> Iterator[Detection]:
    day = (midnight - START).days
    share = PICTURES // len(CAMERAS)
    number = share * (day + 1) // DAYS - share * day // DAYS
    parked = (0.1, 0.6, 0.35, 0.85)
    for n in range(number):
        burst, part = divmod(n, BURST)
        taken_at = midnight + timedelta(milliseconds=86_400_000 * burst * BURST // number, seconds=3 * part)
        objects = [
            _object(chance.choice(LABELS), chance.random() ** 6, chance) for _ in range(chance.randrange(2 * OBJECTS))
        ]
        objects.append(DetectedObject(label="car", probability=0.9, box=parked))
        yield Detection.of(picture_of(camera, taken_at), DETECTOR, objects)


def _object(label: str, probability: float, chance: random.Random) -> DetectedObject:
    x, y, w, h = (chance.random() * size for size in (0.7, 0.6, 0.3, 0.4))
    return DetectedObject(label=label, probability=max(0.1, probability), box=(x, y, x + w, y + h))


def _users() -> str:
    names = sorted({camera.user for camera in CAMERAS})
    devices = "{door: {}, yard: {}}"
    return "".join(
        f"  {name}: {{email: {name}@example.com, timezone: Europe/Berlin, rules: [200, 300], devices: {devices}}}\n"
        for name in names
    )
