"""The validate stage over a 4K video of HEVC, S3 to S3, against FFmpeg that decodes the frames which are needed.

The video is of a camera as they are usually set: 25 frames a second, a key frame every two seconds, no B-frames. A
picture a second is taken of it, so that 26 frames of 50 have to be decoded. Its frames are a real picture that moves
under a sensor's noise. Rounds alternate, and the best round of each counts.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import skimage
from PIL import Image

from nightjar.runtime.manifests import write_lines
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.stage import StageContext
from nightjar.stores.runs import LIVE, SHARD, run_prefix, shard_prefix
from nightjar_local.images import build_alone
from nightjar_local.layout import IMAGES
from nightjar_local.seaweedfs import running
from tests.benchmarks.processes import Ran, run_stage
from tests.benchmarks.rows import Row
from tests.bucket import RunWorld, image_of, put_footage

SIZE = (3840, 2160)
RATE, KEY_EVERY = 25, 50
SECONDS = 20
ROUNDS = 2
BITS = 8_000_000  # a second, as cameras are set
RUN = "20261120T130500Z-0123456789ab"
_PROGRAMS = Path(__file__).parent

Say = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """A bucket with a shard of the video, the video as a file, the image under test."""

    context: StageContext
    python: Path
    folder: Path
    file: Path

    def stage(self) -> Ran:
        """Run the stage, which knows nothing yet, and puts standard pictures anew."""
        for folder in ("standard/", "validations/"):
            for info in list(self.context.store.list_objects(folder)):
                self.context.store.delete(info.key)
        ran = run_stage(self.python, "validate", self.context, self.folder, NIGHTJAR_DECODERS="1")
        if ran.manifest.counts.outcomes != {"standard": SECONDS}:
            raise RuntimeError(f"expected {SECONDS} pictures, got {ran.manifest.counts}")
        return ran

    def bare(self, frames: str) -> tuple[float, float]:
        """Seconds, and those of processor time, of FFmpeg for all frames, or those that are needed, with one thread."""
        argv = [str(self.python), str(_PROGRAMS / "plain_ffmpeg.py"), str(self.file), frames, str(RATE)]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        seconds, of_processor = map(float, done.stdout.split())
        return seconds, of_processor


def rows(say: Say) -> list[Row]:
    """Seconds for the video."""
    stage: list[Ran] = []
    needed: list[tuple[float, float]] = []
    every: list[tuple[float, float]] = []
    with _bench(say) as bench:
        for number in range(1, ROUNDS + 1):
            needed.append(bench.bare("needed"))
            stage.append(bench.stage())
            every.append(bench.bare("all"))
            say(
                f"video: round {number} of {ROUNDS}: FFmpeg {needed[-1][0]:.1f} s for the frames that are needed, "
                f"stage {stage[-1].seconds:.1f} s, FFmpeg {every[-1][0]:.1f} s for all frames"
            )
    speed, bare, whole = (
        SECONDS / min(seconds)
        for seconds in ([ran.seconds for ran in stage], [s for s, _ in needed], [s for s, _ in every])
    )
    unit = "s of video/s"
    spent, least = min(ran.cpu_seconds for ran in stage) / SECONDS, min(cpu for _, cpu in needed) / SECONDS
    return [
        Row(
            "validate 4K HEVC, S3 to S3, one decoder",
            speed,
            unit,
            bare,
            "FFmpeg, frames needed",
            0.9,
            figure="validate, 4K HEVC, one decoder, against bare FFmpeg that decodes the frames which are needed",
        ),
        Row(
            "validate 4K HEVC, and every frame decoded",
            speed,
            unit,
            whole,
            "FFmpeg, all frames",
            1.0,
            figure="the same, against bare FFmpeg that decodes all frames",
        ),
        Row("validate 4K HEVC, start and S3 included", spent, "s of CPU/s of video", least, "FFmpeg, frames needed"),
    ]


@contextmanager
def _bench(say: Say) -> Iterator[Bench]:
    say("video: building the image, if it is not there")
    image = IMAGES / "validate" / build_alone("validate")
    with tempfile.TemporaryDirectory() as name, running(Path(name) / "s3") as access:
        os.environ |= access.environment()
        folder, store = Path(name), S3Store(StoreSettings())
        say(f"video: encoding {KEY_EVERY} frames of {SIZE[0]} x {SIZE[1]}, which come again and again")
        file = folder / "4k.mp4"
        make_video(file, folder / "group.mp4")
        say(f"video: {file.stat().st_size / 1e6:.1f} MB, {SECONDS} s")
        footage = put_footage(store, f"alice-porch-{int(time.time()) - 3600}.mp4", file.read_bytes())
        world = RunWorld.of(store, run_prefix(LIVE, RUN))
        world.pin()
        shard = shard_prefix(run_prefix(LIVE, RUN), "alice-porch")
        write_lines(store, f"{shard}{SHARD}", [footage])
        context = world.context("validate", shard, "alice-porch", image_of("validate"), now=None)
        yield Bench(context, image / "venv/bin/python", folder, file)


def make_video(file: Path, scratch: Path) -> None:
    """Write the video; its frames between two key frames are encoded once and come again."""
    _encode(scratch)
    with av.open(str(scratch), "r") as source, av.open(str(file), "w") as out:
        [film] = source.streams.video
        copy = out.add_stream_from_template(film)
        packets = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in source.demux(film) if p.size]
        base = film.time_base or Fraction(1, RATE)
        shift = round(KEY_EVERY / RATE / base)
        for again in range(SECONDS * RATE // KEY_EVERY):
            for data, pts, dts, key in packets:
                packet: av.Packet[Any] = av.Packet(data)
                packet.stream, packet.time_base, packet.is_keyframe = copy, base, key
                packet.pts = None if pts is None else pts + again * shift
                packet.dts = None if dts is None else dts + again * shift
                out.mux(packet)


def _encode(file: Path) -> None:
    width, height = SIZE
    with Image.open(Path(skimage.__file__).parent / "data" / "motorcycle_left.png") as picture:
        scene = np.asarray(picture.convert("RGB").resize((width + 2 * KEY_EVERY, height)), np.int16)
    noise = np.random.default_rng(1).normal(0, 3, (height + KEY_EVERY, width, 1)).astype(np.int16)
    with av.open(str(file), "w") as out:
        stream = out.add_stream("libx265", rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", BITS
        keys = f"keyint={KEY_EVERY}:min-keyint={KEY_EVERY}:scenecut=0:open-gop=0:bframes=0:log-level=none"
        stream.options = {"preset": "ultrafast", "x265-params": keys}
        for n in range(KEY_EVERY):
            seen = scene[:, 2 * n : 2 * n + width] + noise[n : n + height]
            frame = av.VideoFrame.from_ndarray(np.clip(seen, 0, 255).astype(np.uint8), format="rgb24")
            frame.pts = n
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
