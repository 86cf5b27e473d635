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
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from nightjar.settings.detect import Backend
from nightjar.stores.runs import LIVE, run_prefix
from nightjar_detect.model import read_card
from nightjar_local import detectors
from nightjar_local.images import MODEL_FOLDER, build_alone, detection_model
from nightjar_local.layout import IMAGES
from nightjar_local.seaweedfs import running
from tests.benchmarks.rows import Asked, Row
from tests.images.detect.shards import sample_pictures, series, validated

PICTURES = 2000  # as many as a shard may have before its camera is split, NIGHTJAR_SHARD_WORK
SHIPPED_PICTURES = 100
ROUNDS = 2
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

    reference: Path  # the folder of the float32 graph, which was the only detector before there were several

    @property
    def model(self) -> Path:
        return self.image / MODEL_FOLDER

    @property
    def detector(self) -> str:
        """The detector of the image."""
        return detectors.default()

    @property
    def has_other_reference(self) -> bool:
        """Whether the image's detector is another than the reference."""
        return self.detector != detectors.REFERENCE


@dataclass(frozen=True)
class StageRun:
    """One process of the stage: when it began to work and ended, by its manifest; what it needed."""

    began: datetime
    ended: datetime
    first_inference: float  # seconds since the process was started
    peak_mib: float
    cpu_seconds: float  # of processor time, from its start to its end


@dataclass(frozen=True)
class BareRun:
    """One bare interpreter: pictures a second, and milliseconds of processor time for each."""

    a_second: float
    cpu_ms: float


def rows(say: Say) -> list[Row]:
    """The benchmarks of detect."""
    with _bench(say) as bench:
        bare: dict[int, list[float]] = {1: [], 2: []}
        stage: dict[int, list[float]] = {1: [], 2: []}
        floats: list[float] = []
        shipped: dict[int, list[float]] = {0: [], 1: []}
        runs: list[StageRun] = []
        spent: list[float] = []
        start = min(_stage(bench, [bench.single], f"c{n}")[0].cpu_seconds for n in range(ROUNDS))
        for number in range(1, ROUNDS + 1):
            for processes in (1, 2):
                bares = _bare(bench, processes)
                bare[processes].append(sum(each.a_second for each in bares))
                runs = _stage(bench, bench.shards[:processes], f"r{number}p{processes}")
                stage[processes].append(_a_second(runs))
                say(
                    f"detect: round {number} of {ROUNDS}, {processes} at once: interpreter {bare[processes][-1]:.1f}, "
                    f"stage {stage[processes][-1]:.1f} pictures a second"
                )
            # In the same moment, so that a noisy one hits both.
            work = (min(each.cpu_seconds for each in runs) - start) / PICTURES * 1000
            spent.append(min(each.cpu_ms for each in bares) / work)
            if bench.has_other_reference:
                before = _stage(bench, bench.shards, f"r{number}f", NIGHTJAR_MODEL_DIR=str(bench.reference))
                floats.append(_a_second(before))
                say(f"detect: round {number} of {ROUNDS}, the float32 graph in two processes: {floats[-1]:.1f}")
        for threads, found in shipped.items():
            found.append(_shipped(bench, threads))
        say(f"detect: TensorFlow as shipped: {shipped[1][-1]:.1f} with one thread, {shipped[0][-1]:.1f} with all cores")
        starts = [_stage(bench, [bench.single], f"s{n}")[0].first_inference for n in range(ROUNDS)]
    best, unit = max(stage[1]), "pictures/s"
    name = f"detect ({bench.detector})"
    result = [
        Row(
            f"{name}, S3 to S3, one process",
            best,
            unit,
            max(bare[1]),
            "bare interpreter",
            0.9,
            figure="detect, S3 to S3, one process",
        ),
        Row(
            f"{name}, two processes at once, S3's server beside them",
            max(stage[2]),
            unit,
            max(bare[2]),
            "two bare interpreters",
            0.9,
            figure="detect, two processes on the two cores, S3's server on the same",
        ),
        Row(
            f"{name}, two processes, by processor time",
            max(spent),
            "of its processor time",
            1.0,
            "limit",
            0.9,
            figure="detect, the inference's share of its processor time",
        ),
        Row(
            "detect, a process a core",
            max(stage[2]),
            unit,
            max(shipped[0]),
            "TensorFlow as shipped",
            2.0,
            figure="detect, two processes, against the TensorFlow graph as shipped",
        ),
        Row("detect, one process", best, unit, max(shipped[1]), "TensorFlow, held to one thread"),
        Row(
            "detect, start to first inference",
            statistics.median(starts),
            "s",
            figure="detect, from start to first inference",
        ),
        Row(
            "detect, peak memory (model and its packed weights)",
            max(each.peak_mib for each in runs),
            "MiB",
            500,
            "limit",
            1.0,
            Asked.AT_MOST,
        ),
    ]
    if floats:
        result.insert(
            3,
            Row(
                f"{name}, two processes",
                max(stage[2]),
                unit,
                max(floats),
                "float32 graph in the stage",
                1.5,
                figure="detect, two processes, against the float32 graph of before",
            ),
        )
    return result


def _a_second(runs: Sequence[StageRun]) -> float:
    """Pictures a second of processes that ran at once."""
    seconds = (max(r.ended for r in runs) - min(r.began for r in runs)).total_seconds()
    return len(runs) * PICTURES / seconds


@contextmanager
def _bench(say: Say) -> Iterator[Bench]:
    say("detect: building the image, if it is not there")
    image = IMAGES / "detect" / build_alone("detect")
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
        yield Bench(store, image, Path(folder), (shards[0], shards[1]), single, detection_model(detectors.REFERENCE))


def _stage(bench: Bench, shards: Sequence[StageContext], tag: str, **more: str) -> list[StageRun]:
    """Run the stage over each of the shards at once, by the log name `tag`; it knows nothing yet."""
    for folder in ("detections/", "detectors/"):  # under one tag there may be one detector only
        for info in list(bench.store.list_objects(folder)):
            bench.store.delete(info.key)
    started = [(time.time(), _start(bench, shard, tag, more)) for shard in shards]
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
        cpu = usage.ru_utime + usage.ru_stime
        found.append(StageRun(manifest.started_at, manifest.finished_at, seconds, usage.ru_maxrss / 1024, cpu))
    return found


def _start(bench: Bench, shard: StageContext, tag: str, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
    name = last_segment(shard.input_prefix)
    environment = {**os.environ, "NIGHTJAR_IMAGE": f"localhost/bench/detect:{tag}", "NIGHTJAR_RUN": shard.run}
    environment |= {"NIGHTJAR_LOOK": "everything", **more}
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


def _bare(bench: Bench, processes: int) -> list[BareRun]:
    """So many bare interpreters at once."""
    argv = [
        str(bench.image / "venv/bin/python"),
        str(_PROGRAMS / "bare_interpreter.py"),
        str(bench.model / read_card(bench.model)[0].artefact(Backend.LITERT).path),
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
    return [BareRun(*map(float, each.communicate()[0].split())) for each in started]


def _shipped(bench: Bench, threads: int) -> float:
    """Pictures a second of the TensorFlow graph as shipped, in the development environment, which has TensorFlow."""
    prefix = f"{run_prefix(LIVE, 'b1')}validate/alice-porch/"
    argv = [sys.executable, "-m", "tests.benchmarks.shipped_graph", str(bench.reference), prefix]
    argv += [str(SHIPPED_PICTURES), str(threads)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])
