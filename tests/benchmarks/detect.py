"""The detect stage, S3 to S3, against the bare LiteRT interpreter and the TensorFlow graph as it was shipped.

All run the same pictures (the samples, as validate leaves them) with one thread a process. Rounds alternate, so that a
noisy moment hits both sides, and the best round of each counts.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nightjar.domain.detections import ListedPicture
from nightjar.domain.layout import last_segment
from nightjar.domain.names import Camera
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.stage import StageContext
from nightjar.stores.runs import LIVE, run_prefix
from nightjar_local.images import MODEL_FOLDER, build
from nightjar_local.layout import IMAGES
from nightjar_local.seaweedfs import running
from tests.benchmarks.rows import Asked, Row
from tests.images.detect.shards import sample_pictures, series, validated

PICTURES = 2000  # as many as a shard may have before its camera is split, NIGHTJAR_SHARD_WORK
SHIPPED_PICTURES = 100
ROUNDS = 3
_PROGRAMS = Path(__file__).parent

Say = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """A bucket with two validated shards of the same pictures and one of a single picture, and the image under test."""

    store: S3Store
    image: Path
    folder: Path
    shards: tuple[StageContext, StageContext]
    single: StageContext

    @property
    def model(self) -> Path:
        return self.image / MODEL_FOLDER


@dataclass(frozen=True)
class StageRun:
    """One process of the stage: when it began to work and ended, by its manifest; what it needed."""

    began: datetime
    ended: datetime
    first_inference: float  # seconds since the process was started
    peak_mib: float


def rows(say: Say) -> list[Row]:
    """The benchmarks of detect."""
    with _bench(say) as bench:
        bare: dict[int, list[float]] = {1: [], 2: []}
        stage: dict[int, list[float]] = {1: [], 2: []}
        shipped: dict[int, list[float]] = {0: [], 1: []}
        peaks: list[float] = []
        for number in range(1, ROUNDS + 1):
            for processes in (1, 2):
                bare[processes].append(sum(_bare(bench, processes)))
                runs = _stage(bench, bench.shards[:processes], f"r{number}p{processes}")
                seconds = (max(r.ended for r in runs) - min(r.began for r in runs)).total_seconds()
                stage[processes].append(processes * PICTURES / seconds)
                peaks += [r.peak_mib for r in runs]
                say(
                    f"detect: round {number} of {ROUNDS}, {processes} at once: interpreter {bare[processes][-1]:.1f}, "
                    f"stage {stage[processes][-1]:.1f} pictures a second"
                )
            for threads, found in shipped.items():
                found.append(_shipped(bench, threads))
            say(
                f"detect: round {number} of {ROUNDS}, TensorFlow as shipped: {shipped[1][-1]:.1f} with one thread, "
                f"{shipped[0][-1]:.1f} with all cores"
            )
        starts = [_stage(bench, [bench.single], f"s{n}")[0].first_inference for n in range(ROUNDS)]
    best = max(stage[1])
    return [
        Row("detect, S3 to S3, one process", best, "pictures/s", max(bare[1]), "bare interpreter", 0.85),
        Row("detect, two processes at once", max(stage[2]), "pictures/s", max(bare[2]), "two bare", 0.85),
        Row("detect, a process a core", max(stage[2]), "pictures/s", max(shipped[0]), "TensorFlow as shipped", 2.0),
        Row("detect, one process", best, "pictures/s", max(shipped[1]), "TensorFlow, held to one thread"),
        Row("detect, start to first inference", statistics.median(starts), "s"),
        Row("detect, peak memory (model and its packed weights)", max(peaks), "MiB", 500, "limit", 1.0, Asked.AT_MOST),
    ]


@contextmanager
def _bench(say: Say) -> Iterator[Bench]:
    say("detect: building the image, if it is not there")
    image = IMAGES / "detect" / build("detect")
    data = [jpeg for name, jpeg in sample_pictures().items() if not name.startswith("carphone")]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "s3") as access:
        os.environ |= access.environment()
        store = S3Store(StoreSettings())
        say(f"detect: storing {2 * PICTURES} pictures, {statistics.mean(map(len, data)) / 1e3:.0f} kB on average")
        shards = []
        for camera in (Camera("alice", "porch"), Camera("alice", "yard")):
            stored = series(store, (data[n % len(data)] for n in range(PICTURES)), camera=camera)
            versions = {info.key: info.version_id for info in store.list_versions("standard/")}
            pictures = [ListedPicture.of(picture, versions[picture.standard_key]) for picture in stored]
            shards.append(validated(store, pictures, shard=camera.name))
        single = validated(store, pictures[:1], run="b2", shard="alice-yard")
        yield Bench(store, image, Path(folder), (shards[0], shards[1]), single)


def _stage(bench: Bench, shards: Sequence[StageContext], tag: str) -> list[StageRun]:
    """Run the stage over each of the shards at once, by the log name `tag`; it knows nothing yet."""
    for info in list(bench.store.list_objects("detections/")):
        bench.store.delete(info.key)
    started = [(time.time(), _start(bench, shard, tag)) for shard in shards]
    found = []
    for (at, process), shard in zip(started, shards, strict=True):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log = bench.folder / f"{tag}-{last_segment(shard.input_prefix)}.log"
        if process.returncode:
            raise RuntimeError(f"the stage ended with {process.returncode}: {log.read_text()[-2000:]}")
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        first = next(line["time"] for line in lines if line["message"] == "first picture looked at")
        manifest, _ = read_manifest(bench.store, shard.output_prefix)
        if manifest.counts.details["known"] or manifest.counts.total("detected") != manifest.counts.received:
            raise RuntimeError(f"expected every picture to be computed, got {manifest.counts}")
        seconds = datetime.fromisoformat(first).timestamp() - at
        found.append(StageRun(manifest.started_at, manifest.finished_at, seconds, usage.ru_maxrss / 1024))
    return found


def _start(bench: Bench, shard: StageContext, tag: str) -> subprocess.Popen[bytes]:
    name = last_segment(shard.input_prefix)
    environment = {**os.environ, "NIGHTJAR_IMAGE": f"localhost/bench/detect:{tag}", "NIGHTJAR_RUN": shard.run}
    prefixes = ["--input-prefix", shard.input_prefix, "--output-prefix", shard.output_prefix]
    argv = [
        str(bench.image / "venv/bin/python"),
        "-m",
        "nightjar_detect",
        *prefixes,
        "--release",
        str(shard.release_key),
    ]
    with (bench.folder / f"{tag}-{name}.log").open("wb") as log:
        return subprocess.Popen(argv, env=environment, stdout=log, stderr=log, cwd=bench.folder)


def _bare(bench: Bench, processes: int) -> list[float]:
    """Pictures a second of each of so many bare interpreters at once."""
    argv = [
        str(bench.image / "venv/bin/python"),
        str(_PROGRAMS / "bare_interpreter.py"),
        str(bench.model / "model.tflite"),
        str(PICTURES),
    ]
    started = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(processes)
    ]
    for each in started:
        assert each.stdout and each.stdout.readline() == b"ready\n"
    for each in started:
        assert each.stdin
        each.stdin.write(b"go\n")
        each.stdin.flush()
    return [float(each.communicate()[0]) for each in started]


def _shipped(bench: Bench, threads: int) -> float:
    """Pictures a second of the TensorFlow graph as shipped, in the development environment, which has TensorFlow."""
    prefix = f"{run_prefix(LIVE, 'b1')}validate/alice-porch/"
    argv = [sys.executable, "-m", "tests.benchmarks.shipped_graph", str(bench.model), prefix]
    argv += [str(SHIPPED_PICTURES), str(threads)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])
