"""Decoding videos with FFmpeg through PyAV. Runs only inside an isolated decoder."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import av
import av.container
import av.error
import av.logging
from PIL import Image

from nightjar.domain.reasons import Reason
from nightjar.domain.tally import many
from nightjar_validate import jpeg
from nightjar_validate.checks import size_problem
from nightjar_validate.clock import Clock, Stamps, avi_clock
from nightjar_validate.decoded import Decoded, Job, Limits, Output, Refused
from nightjar_validate.formats import Format, is_cut
from nightjar_validate.frames import Moment, Reading, moments, said
from nightjar_validate.geometry import orientation_of, shown_size
from nightjar_validate.jumps import until_jump
from nightjar_validate.spared import Steps
from nightjar_validate.standard import PREVIEW_SIDE, fitted, preview, standardise
from nightjar_validate.structure import avi_is_unfinished
from nightjar_validate.tracks import candidates, film
from nightjar_validate.trust import Trust

_HEAD = 64 << 10  # bytes in which an AVI file says how long a frame lasts


@dataclass
class _Decoding:
    """How far the decoding of a video got, and what is lost."""

    trust: Trust
    reading: Reading = field(default_factory=Reading)
    kept: int = 0
    jump: str = ""
    first: av.VideoFrame | None = None  # that gave a picture: the preview of what is refused of the rest

    def jumped(self, came: str) -> None:
        self.jump = came


def decode_video(job: Job, file: BinaryIO) -> Output:
    """Frames at the set rate, then at most one refusal, of the rest of the file; or a refusal of the whole file."""
    av.logging.set_level(av.logging.PANIC)
    av.logging.set_skip_repeated(False)  # else it tells of the repetitions when the next packet is decoded
    with ExitStack() as opened:
        try:
            container = opened.enter_context(_open(job, file))
            tracks = candidates(container)
            if len(tracks) > 1:
                index = film(container, tracks)
                opened.close()  # looking for the film has read on
                container = opened.enter_context(_open(job, file))
                tracks = [each for each in container.streams.video if each.index == index]
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError) as error:
            detail = f"expected a readable {job.format} file, got one that cannot be read ({said(error)})"
            yield Refused(Reason.TRUNCATED if is_cut(file, job.format) else Reason.CORRUPT, detail)
            return
        if not tracks or not isinstance(tracks[0].codec_context, av.VideoCodecContext):
            yield _no_film(container, tracks, job, file)
            return
        yield from _decode(container, tracks[0], job, file)


def _no_film(
    container: av.container.InputContainer, tracks: Sequence[av.VideoStream], job: Job, file: BinaryIO
) -> Refused:
    """Why there is nothing to decode: the index may be missing that tells of tracks and codecs."""
    if is_cut(file, job.format):
        return Refused(Reason.TRUNCATED, "expected a whole video, got an end before its first frame")
    if tracks:
        return Refused(Reason.UNSUPPORTED_FORMAT, "expected a known codec, got one that FFmpeg does not know")
    others = many(len(container.streams), "track")
    return Refused(Reason.NO_VIDEO, f"expected video, got no video ({others} of other kinds)")


def _open(job: Job, file: BinaryIO) -> av.container.InputContainer:
    file.seek(0)
    # No protocol: a container may name other files, even on other machines.
    return av.open(file, "r", format=job.format.value, options={"protocol_whitelist": ""}, metadata_errors="replace")


def _decode(container: av.container.InputContainer, stream: av.VideoStream, job: Job, file: BinaryIO) -> Output:
    limits = job.limits
    # A large frame is not decoded at all. That a file claims small frames says nothing.
    claimed = _size_problem(stream.codec_context.width, stream.codec_context.height, limits)
    if claimed and claimed.reason is Reason.TOO_MANY_PIXELS:
        yield claimed
        return
    state = _Decoding(Trust(stream.codec_context.name))
    most = min(limits.max_frames, math.ceil(limits.max_video_seconds * limits.frames_per_second))
    clock = _clock(stream, job, file)
    shown = moments(container, stream, clock, state.trust, state.reading, limits.frames_per_second)
    good = until_jump((moment for moment in shown if moment.good), state.jumped)
    for seconds, frame in _sampled(good, limits.frames_per_second, state.trust):
        if refused := _size_problem(frame.width, frame.height, limits):
            is_slight = refused.reason is Reason.TOO_SMALL and not state.first
            yield _with_preview(refused, frame if is_slight else state.first, stream)
            return
        if state.kept >= most:
            too_long = Refused(Reason.VIDEO_TOO_LONG, f"expected a shorter video, got more than {most:,} pictures")
            yield _with_preview(too_long, state.first, stream)
            return
        state.kept += 1
        state.first = state.first or frame
        yield _picture(frame, stream, seconds, job)
    if rest := _rest(state, _missing(container, stream, job, file, state.reading.end)):
        yield _with_preview(rest, state.first, stream)


def _clock(stream: av.VideoStream, job: Job, file: BinaryIO) -> Clock:
    if job.format is not Format.AVI:
        return Stamps(float(stream.guessed_rate or 25))
    position = file.tell()
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(position)
    return avi_clock(stream.time_base, head, stream.guessed_rate)


def _sampled(
    moments: Iterator[Moment], frames_per_second: float, trust: Trust
) -> Iterator[tuple[float, av.VideoFrame]]:
    """The first frame at or after each step of `frames_per_second`, with its seconds. Torn frames are left out."""
    steps = Steps(frames_per_second)
    for moment in moments:
        if moment.frame is None or not steps.takes(moment.seconds):
            continue
        since = max(0.0, moment.seconds)
        # FFmpeg shows what is left of a torn JPEG. In other formats later frames would show the damage, too.
        if trust.codec == "mjpeg" and (damage := jpeg.damage(bytes(moment.packet))):
            trust.lose(f"{damage} in the frame at {since:.1f} s")
            continue
        steps.take(since)
        yield since, moment.frame


def _picture(frame: av.VideoFrame, stream: av.VideoStream, seconds: float, job: Job) -> Decoded | Refused:
    image = _scaled(frame, stream, job.limits.long_side)
    return standardise(image, image.size, job.limits, job.allow_grey, orientation_of(frame), round(seconds * 1000))


def _scaled(frame: av.VideoFrame, stream: av.VideoStream, long_side: int) -> Image.Image:
    shown = shown_size(frame.width, frame.height, stream.sample_aspect_ratio)
    width, height = fitted(shown, long_side)
    scaled = frame.reformat(width=width, height=height, format="rgb24", interpolation="BICUBIC", threads=1)
    return Image.fromarray(scaled.to_ndarray())


def _with_preview(refused: Refused, frame: av.VideoFrame | None, stream: av.VideoStream) -> Refused:
    """`refused` with the preview of `frame`; scaled down first, so that it costs next to nothing."""
    if frame is None:
        return refused
    return replace(refused, preview=preview(_scaled(frame, stream, PREVIEW_SIDE), orientation_of(frame)))


def _size_problem(width: int, height: int, limits: Limits) -> Refused | None:
    if not width or not height:  # not known before the first frame
        return None
    problem = size_problem((width, height), limits.max_pixels, limits.min_side)
    return Refused(*problem) if problem else None


def _missing(
    container: av.container.InputContainer, stream: av.VideoStream, job: Job, file: BinaryIO, seen: float
) -> str:
    """How much video a file was to hold whose end is missing, in words; empty if its end is there.

    `seen` is the time of its last frame, in seconds.
    """
    size = container.size
    beyond = job.format is Format.MP4 and any(entry.pos + entry.size > size for entry in stream.index_entries)
    if not beyond and not is_cut(file, job.format):
        return ""
    start = container.start_time if job.format is Format.MKV and container.start_time else 0
    claimed = ((container.duration or 0) - start) / av.time_base
    # Of an AVI file that was never finished it is FFmpeg's guess from rate and bytes: hours, often.
    is_told = claimed > seen and not (job.format is Format.AVI and avi_is_unfinished(file))
    return f"{claimed:.1f} s of video" if is_told else "a whole video"


def _rest(state: _Decoding, missing: str) -> Refused | None:
    """The refusal of all that is lost of a video, if anything is."""
    trust, reading = state.trust, state.reading
    lost: list[tuple[Reason, str, str]] = []  # with what was expected and what came, the gravest first
    if state.jump:
        lost.append((Reason.CLOCK_JUMP, "times that go on evenly", state.jump))
    if missing and not state.jump:
        lost.append((Reason.TRUNCATED, missing, f"an end after {reading.end:.1f} s"))
    if damage := trust.damage or reading.error:
        lost.append((Reason.CORRUPT, "a whole video", damage))
    early = reading.packets if trust.first is None else trust.first
    if early and not reading.trimmed and (trust.first is not None or not damage):
        lost.append((Reason.TRUNCATED, "a key frame first", f"{early} frames that build on one before the clip"))
    if not lost:
        return (
            None
            if state.kept
            else Refused(Reason.NO_VIDEO, "expected at least one picture, got no frame that can be decoded")
        )
    reason, expected, _ = lost[0]
    return Refused(reason, f"expected {expected}, got {'; and '.join(came for _, _, came in lost)}")
