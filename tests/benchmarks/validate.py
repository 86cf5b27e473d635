"""The validate stage, S3 to S3 with one decoder, against Pillow's plain decode, resize and encode of the same pictures.

Rounds alternate, so that a noisy moment hits both sides, and the best round of each counts.
"""

import io
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from nightjar.runtime.manifests import read_manifest, write_lines
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.stores.runs import LIVE, RELEASE, SHARD, run_prefix, shard_prefix, stage_prefix
from nightjar_local.images import build_alone
from nightjar_local.layout import IMAGES
from nightjar_local.seaweedfs import running
from tests.benchmarks.memory import watch_peaks_mib
from tests.benchmarks.rows import Row
from tests.bucket import RunWorld, put_footage
from tests.images.detect.shards import sample_pictures

DIFFERENT = 40
PICTURES = 400  # a shard
SIZE = (1920, 1080)
ROUNDS = 3
RUN = run_prefix(LIVE, "20261120T130500Z-0123456789ab")
_PROGRAMS = Path(__file__).parent

Say = Callable[[str], None]


@dataclass(frozen=True)
class StageRun:
    """One run of the stage over a shard."""

    per_second: float
    wall: float  # seconds, with the start of the interpreter
    peak_mib: float  # of its own process
    decoder_peak_mib: float


@dataclass(frozen=True)
class Bench:
    """A bucket with a shard of many pictures and one of a single one, the pictures as files, the image under test."""

    store: S3Store
    python: Path
    folder: Path
    files: tuple[Path, ...]


def rows(say: Say) -> list[Row]:
    """The benchmarks of validate."""
    plain: list[float] = []
    stage: list[StageRun] = []
    with _bench(say) as bench:
        for number in range(1, ROUNDS + 1):
            plain.append(_plain(bench))
            stage.append(_stage(bench, "many", f"r{number}"))
            say(
                f"validate: round {number} of {ROUNDS}, plain Pillow {plain[-1]:.1f}, "
                f"stage {stage[-1].per_second:.1f} pictures a second"
            )
        single = [_stage(bench, "one", f"s{number}") for number in range(ROUNDS)]
    best = max(run.per_second for run in stage)
    return [
        Row(
            "validate 1080p JPEG, S3 to S3, one decoder",
            best,
            "pictures/s",
            max(plain),
            "Pillow's plain decode, resize and encode",
            1.0,
            figure="validate, 1080p JPEG, one decoder",
        ),
        Row("validate, one picture, start to end", statistics.median(run.wall for run in single), "s"),
        Row("validate, peak memory (boto3)", max(run.peak_mib for run in stage), "MiB"),
        Row(
            "validate, peak memory of a decoder (a picture and its smaller copy)",
            max(run.decoder_peak_mib for run in stage),
            "MiB",
        ),
    ]


@contextmanager
def _bench(say: Say) -> Iterator[Bench]:
    say("validate: building the image, if it is not there")
    image = IMAGES / "validate" / build_alone("validate")
    say(f"validate: making {DIFFERENT} pictures of {SIZE[0]} x {SIZE[1]}")
    pictures = [data for name, data in sample_pictures().items() if not name.startswith("carphone")]
    with tempfile.TemporaryDirectory() as name, running(Path(name) / "s3") as access:
        os.environ |= access.environment()
        store, folder = S3Store(StoreSettings()), Path(name)
        files = []
        for number in range(DIFFERENT):
            files.append(folder / f"{number}.jpg")
            files[-1].write_bytes(large(pictures[number % len(pictures)], number))
        say(f"validate: {sum(f.stat().st_size for f in files) / len(files) / 1e3:.0f} kB each; storing {PICTURES}")
        at = int(time.time()) - PICTURES
        footage = [
            put_footage(store, f"alice-porch-{at + n}.jpg", files[n % DIFFERENT].read_bytes()) for n in range(PICTURES)
        ]
        RunWorld.of(store, RUN).pin()
        write_lines(store, f"{shard_prefix(RUN, 'many')}{SHARD}", footage)
        write_lines(store, f"{shard_prefix(RUN, 'one')}{SHARD}", footage[:1])
        yield Bench(store, image / "venv/bin/python", folder, tuple(files))


def large(data: bytes, number: int) -> bytes:
    """A sample as a camera of this size would see it, each a little different."""
    with Image.open(io.BytesIO(data)) as image:
        file = io.BytesIO()
        image.convert("RGB").rotate(number, expand=False).resize(SIZE).save(file, "JPEG", quality=90)
        return file.getvalue()


def _plain(bench: Bench) -> float:
    argv = [str(bench.python), str(_PROGRAMS / "plain_pillow.py"), str(PICTURES // DIFFERENT // 2)]
    done = subprocess.run([*argv, *map(str, bench.files)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _stage(bench: Bench, shard: str, tag: str) -> StageRun:
    """Run the stage over the shard, by the log name `tag`; it knows nothing yet, and puts standard pictures anew."""
    for folder in ("standard/", "validations/"):
        for info in list(bench.store.list_objects(folder)):
            bench.store.delete(info.key)
    output = stage_prefix(RUN, "validate", shard)
    argv = [str(bench.python), "-m", "nightjar_validate", "--input-prefix", shard_prefix(RUN, shard)]
    argv += ["--output-prefix", output, "--release", f"{RUN}{RELEASE}"]
    environment = {
        **os.environ,
        "NIGHTJAR_IMAGE": f"localhost/bench/validate:{tag}",
        "NIGHTJAR_RUN": "bench",
        "NIGHTJAR_DECODERS": "1",
    }
    log = bench.folder / f"{tag}.log"
    with log.open("wb") as file:
        began = time.monotonic()
        process = subprocess.Popen(argv, env=environment, stdout=file, stderr=file, cwd=bench.folder)
        peaks = watch_peaks_mib(process)
        wall = time.monotonic() - began
    if process.returncode:
        raise RuntimeError(f"the stage ended with {process.returncode}: {log.read_text()[-2000:]}")
    manifest, _ = read_manifest(bench.store, output)
    if manifest.counts.details["reused"] or manifest.counts.total("standard") != manifest.counts.received:
        raise RuntimeError(f"expected every picture to be decoded and good, got {manifest.counts}")
    return StageRun(manifest.counts.received / manifest.seconds, wall, *peaks)
