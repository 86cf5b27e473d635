"""Pictures that the detector has seen before: a run again, and history over a day, against pictures that are new.

The stage is the program in its image, over a real S3 server; the known lines are those that it leaves, for as many more
pictures of the same kind.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import cycle
from pathlib import Path

from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, Picture
from nightjar.domain.names import Camera
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.stage import StageContext
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.runs import HISTORY
from nightjar_local.images import build_alone
from nightjar_local.layout import IMAGES
from nightjar_local.seaweedfs import running
from tests.benchmarks.processes import Ran, run_stage
from tests.benchmarks.rows import Row
from tests.bucket import NOON, picture_of, sha256_of
from tests.images.detect.shards import sample_pictures, series, validated

NEW = 300
KNOWN = 10_000  # of a camera and day
LIVE_RUNS = 96  # that have seen the day: one every quarter of an hour
ROUNDS = 2
LOOKED_AT = Camera("alice", "porch")
AGAIN, HISTORIC = Camera("alice", "yard"), Camera("alice", "garage")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """A bucket with a shard of new pictures, one of known ones, and one of a day that history looks at."""

    store: S3Store
    python: Path
    folder: Path
    new: StageContext
    detector: str

    def look(self, context: StageContext, known: int) -> Ran:
        """Run the stage; raises RuntimeError unless so many pictures were known."""
        ran = run_stage(self.python, "detect", context, self.folder, NIGHTJAR_LOOK="everything")
        if ran.manifest.counts.details["known"] != known:
            raise RuntimeError(f"expected {known} known pictures, got {ran.manifest.counts}")
        return ran


def rows(say: Say) -> list[Row]:
    """Known pictures a second, of a run again and of history."""
    new: list[float] = []
    again: list[float] = []
    history: list[float] = []
    with _bench(say) as bench:
        seen = Detections(bench.store).read(Place(bench.detector, LOOKED_AT, NOON.date()))
        day = _day(seen[0].detector, [line.objects for line in seen], AGAIN)
        rerun = _shard(bench, AGAIN, day, runs=1)
        past = _shard(bench, HISTORIC, _day(seen[0].detector, [line.objects for line in seen], HISTORIC), LIVE_RUNS)
        for number in range(1, ROUNDS + 1):
            for info in list(
                bench.store.list_objects(f"detections/{bench.detector}/{NOON:%Y/%m/%d}/{LOOKED_AT.name}/")
            ):
                bench.store.delete(info.key)
            new.append(bench.look(bench.new, 0).per_second)
            again.append(bench.look(rerun, KNOWN).per_second)
            history.append(bench.look(past, KNOWN).per_second)
            say(
                f"known: round {number} of {ROUNDS}: {new[-1]:.0f} new pictures a second, {again[-1]:,.0f} known ones, "
                f"{history[-1]:,.0f} of history"
            )
    return [
        Row(
            f"detect, {KNOWN:,} known pictures again",
            max(again),
            "pictures/s",
            max(new),
            "new ones",
            50,
            figure="detect, 10,000 known pictures again",
        ),
        Row(
            f"detect, history over a day that {LIVE_RUNS} live runs have seen",
            max(history),
            "pictures/s",
            5000,
            "asked",
            1.0,
            figure="detect, history over a day that the same detector has seen",
        ),
    ]


@contextmanager
def _bench(say: Say) -> Iterator[Bench]:
    say("known: building the image, if it is not there")
    image = IMAGES / "detect" / build_alone("detect")
    data = cycle([jpeg for name, jpeg in sample_pictures().items() if not name.startswith("carphone")])
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "s3") as access:
        os.environ |= access.environment()
        store = S3Store(StoreSettings())
        pictures = series(store, (next(data) for _ in range(NEW)), camera=LOOKED_AT)
        new = validated(store, pictures, run="new", shard=LOOKED_AT.name)
        bench = Bench(store, image / "venv/bin/python", Path(folder), new, "")
        detector = str(bench.look(new, 0).manifest.result["detector"])
        yield Bench(store, bench.python, bench.folder, new, detector)


def _day(detector: DetectorRef, objects: Sequence[Sequence[DetectedObject]], camera: Camera) -> list[Detection]:
    """The lines of a day of `camera`, evenly spread over it, with objects as they were seen elsewhere."""
    begun, apart = datetime.combine(NOON.date(), time(), UTC), timedelta(days=1) / KNOWN
    return [
        Detection.of(
            picture_of(
                camera, begun + n * timedelta(milliseconds=int(apart.total_seconds() * 1000)), sha256_of(b"%d" % n)
            ),
            detector,
            objects[n % len(objects)],
        )
        for n in range(KNOWN)
    ]


def _shard(bench: Bench, camera: Camera, lines: Sequence[Detection], runs: int) -> StageContext:
    """A shard of the pictures of `lines`, which so many runs have left; a single one is the run itself."""
    pictures: list[Picture] = [line.picture for line in lines]
    again = runs == 1
    context = (
        validated(bench.store, pictures, run="again", shard=camera.name)
        if again
        else validated(bench.store, pictures, run=f"{NOON:%Y-%m-%d}", shard=camera.name, dag=HISTORY)
    )
    detections, place = Detections(bench.store), Place(bench.detector, camera, NOON.date())
    own = RunShard.of(context.run_prefix, context.input_prefix)
    for n in range(runs):
        writer = own if again else RunShard(f"live{n:04}", camera.name, is_history=False)
        detections.write(place, writer, lines[n::runs])
    return context
