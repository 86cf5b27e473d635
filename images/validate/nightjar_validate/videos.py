"""Decoding videos with FFmpeg through PyAV. Runs only inside an isolated decoder."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import av.container
import av.error
import av.logging
from PIL import Image

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Decoded, Job, Limits, Output, Refused
from nightjar_validate.formats import is_cut
from nightjar_validate.standard import fitted, standardise

# A file that says it is longer than what it holds, by more than this, lost its end.
_MISSING_SECONDS = 2.0
# EXIF's orientation for a display matrix's rotation, counter-clockwise in degrees.
_ORIENTATION = {0: 1, 90: 8, 180: 3, 270: 6}


@dataclass
class _Decoding:
    """How far the decoding of a video got; `end` is the end of its longest stream, in seconds."""

    end: float = 0.0
    kept: int = 0
    damage: str = ""


def decode_video(job: Job, file: BinaryIO) -> Output:
    """Frames at the set rate, then at most one refusal, of the rest of the file; or a refusal of the whole file."""
    av.logging.set_level(av.logging.PANIC)
    try:
        # No protocol: a container may name other files, even on other machines.
        container = av.open(
            file, "r", format=job.format.value, options={"protocol_whitelist": ""}, metadata_errors="replace"
        )
    except MemoryError:
        raise
    except (av.error.FFmpegError, ValueError) as error:
        detail = f"expected a readable {job.format} file, got {_said(error)}"
        yield Refused(Reason.TRUNCATED if is_cut(file, job.format) else Reason.CORRUPT, detail)
        return
    with container:
        yield from _decode(container, job, file)


def _decode(container: av.container.InputContainer, job: Job, file: BinaryIO) -> Output:
    limits = job.limits
    stream = next((s for s in container.streams.video if not s.disposition & s.disposition.attached_pic), None)
    if stream is None:
        yield Refused(Reason.NO_VIDEO, f"expected a video stream, got {len(container.streams)} of other kinds")
        return
    if not isinstance(stream.codec_context, av.VideoCodecContext):
        yield Refused(Reason.UNSUPPORTED_FORMAT, "expected a codec that FFmpeg decodes, got another")
        return
    claimed = container.duration / av.time_base if container.duration else 0.0
    if claimed > limits.max_video_seconds:
        yield Refused(Reason.VIDEO_TOO_LONG, f"expected at most {limits.max_video_seconds:.0f} s, got {claimed:.0f} s")
        return
    if refused := _size_problem(stream.codec_context.width, stream.codec_context.height, limits):
        yield refused
        return
    stream.codec_context.thread_count = 1
    state = _Decoding()
    rate = float(stream.guessed_rate or 25)
    for time, frame in _sampled(_frames(container, stream, state), state, rate, limits.frames_per_second):
        if time > limits.max_video_seconds or state.kept >= limits.max_frames:
            yield Refused(
                Reason.VIDEO_TOO_LONG,
                f"expected at most {limits.max_video_seconds:.0f} s and {limits.max_frames} frames, got more",
            )
            return
        if refused := _size_problem(frame.width, frame.height, limits):
            yield refused
            return
        state.kept += 1
        yield _picture(frame, time, job)
    if rest := _rest(state, claimed, is_cut(file, job.format)):
        yield rest


def _frames(
    container: av.container.InputContainer, stream: av.VideoStream, state: _Decoding
) -> Iterator[av.VideoFrame]:
    """All frames that can be decoded; `state` then has the last damage and the end of what was read.

    A container is as long as its longest stream, a sound track for example, so all are measured.
    """
    start = (container.start_time or 0) / av.time_base
    before: dict[int, int] = {}
    try:
        for packet in container.demux():
            index, shown = packet.stream.index, packet.dts if packet.pts is None else packet.pts
            if shown is not None:
                read = shown if packet.dts is None else packet.dts
                # Some containers do not say how long a packet lasts: as long as the packet before, then.
                lasts = max(packet.duration or 0, read - before.get(index, read))
                before[index] = read
                state.end = max(state.end, float((shown + lasts) * packet.time_base) - start)
            if index != stream.index:
                continue
            try:
                yield from stream.decode(packet)
            except av.error.InvalidDataError as error:
                state.damage = _said(error)
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        state.damage = _said(error)


def _said(error: Exception) -> str:
    """FFmpeg's message alone: PyAV adds the path, and what was last logged, which may be about an earlier file."""
    return str(error.strerror) if isinstance(error, av.error.FFmpegError) else str(error)


def _sampled(
    frames: Iterator[av.VideoFrame], state: _Decoding, rate: float, frames_per_second: float
) -> Iterator[tuple[float, av.VideoFrame]]:
    """The first frame at or after each step of `frames_per_second`, with its seconds since the first frame.

    `rate` stands in where a file has no times.
    """
    start: float | None = None
    next_step = 0
    for number, frame in enumerate(frames):
        time = frame.time if frame.time is not None else number / rate
        start = time if start is None else start
        since = max(0.0, time - start)
        state.end = max(state.end, since)
        if since * frames_per_second + 1e-6 >= next_step:
            next_step = int(since * frames_per_second + 1e-6) + 1
            yield since, frame


def _picture(frame: av.VideoFrame, time: float, job: Job) -> Decoded | Refused:
    width, height = fitted((frame.width, frame.height), job.limits.long_side)
    image: Image.Image = frame.to_image(  # type: ignore[no-untyped-call] # PyAV types all of a frame but this
        width=width, height=height, interpolation="BICUBIC"
    )
    orientation = _ORIENTATION.get(round(frame.rotation) % 360, 1)
    return standardise(image, image.size, job.limits, job.allow_grey, orientation, round(time * 1000))


def _size_problem(width: int, height: int, limits: Limits) -> Refused | None:
    if width * height > limits.max_pixels:
        return Refused(Reason.TOO_MANY_PIXELS, f"expected at most {limits.max_pixels} pixels, got {width} x {height}")
    if 0 < min(width, height) < limits.min_side:
        return Refused(Reason.TOO_SMALL, f"expected at least {limits.min_side} pixels a side, got {width} x {height}")
    return None


def _rest(state: _Decoding, claimed: float, cut: bool) -> Refused | None:
    """The refusal of what could not be had, if anything is missing."""
    if cut or claimed - state.end > _MISSING_SECONDS:
        expected = f"{claimed:.1f} s of video" if claimed else "a whole video"
        return Refused(Reason.TRUNCATED, f"expected {expected}, got {state.end:.1f} s")
    if state.damage:
        return Refused(Reason.CORRUPT, f"expected a whole video, got {state.damage}")
    if not state.kept:
        return Refused(Reason.NO_VIDEO, "expected at least one frame, got none")
    return None
