"""From a container's packets to frames, each with its time and whether it can be trusted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import av
import av.container
import av.error
import av.logging

from nightjar_validate.clock import Clock
from nightjar_validate.trust import DAMAGED, Trust, tells_of_damage

_KEY_TYPES = {0, 1}  # pictures that say nothing about their type, and intra pictures


@dataclass(frozen=True)
class Moment:
    """A frame, its seconds since the video's first frame, and whether it is `good`: what the camera saw.

    `packet` is the one that was decoded last: where frames come in the order of their packets, that of the frame.
    """

    seconds: float
    frame: av.VideoFrame
    good: bool
    packet: "av.Packet[av.VideoStream]"


@dataclass
class Reading:
    """How far the reading of a video got: packets, the time of the last frame in seconds, why it ended too early.

    `trimmed`: it begins with a key frame that is not to be shown, as the beginning was cut off by an edit list.
    """

    packets: int = 0
    trimmed: bool = False
    end: float = 0.0
    error: str = ""


def moments(
    container: av.container.InputContainer, stream: av.VideoStream, clock: Clock, trust: Trust, reading: Reading
) -> Iterator[Moment]:
    """All frames that can be decoded, good or not, in the order in which they are shown."""
    context = stream.codec_context
    context.thread_count = 1
    context.copy_opaque = True  # frames then tell which packet they are from
    context.options = {"err_detect": "crccheck"}  # the only way to see damage in HEVC, where a camera sends checksums
    try:
        for number, packet in enumerate(container.demux(stream)):
            reading.packets += bool(packet.size)
            reading.trimmed |= number == 0 and packet.is_keyframe and packet.is_discard
            clock.read(packet)
            trust.read(packet.pts, key=packet.is_keyframe)
            packet.opaque = (number, packet.is_keyframe)
            for frame in _decoded(stream, packet, number, trust):
                origin = frame.opaque  # missing where a decoder does not pass it on
                own, flagged = origin if isinstance(origin, tuple) else (number, packet.is_keyframe)
                # The packet's flag is the container's opinion. Some decoders do not say what a key frame is, though.
                key = frame.key_frame or (flagged and frame.pict_type in _KEY_TYPES)
                good = trust.trusts(own, frame.pts, key=key, marked=frame.is_corrupt)
                seconds = clock.seconds(frame, own, number)
                reading.end = max(reading.end, seconds)
                yield Moment(seconds, frame, good, packet)
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        reading.error = said(error)


def _decoded(
    stream: av.VideoStream, packet: "av.Packet[av.VideoStream]", number: int, trust: Trust
) -> list[av.VideoFrame]:
    """The frames that come out when `packet` goes in; none, and less trust, if it is damaged."""
    try:
        if packet.is_corrupt:
            raise av.error.InvalidDataError(0, "a packet that is cut")
        with _heard() as logged:
            frames = stream.decode(packet)
    except av.error.InvalidDataError as error:
        trust.break_at(number, packet.pts, said(error), key=packet.is_keyframe)
        return []
    if any(tells_of_damage(message, begun=trust.first is not None) for _, _, message in logged):
        trust.break_at(number, packet.pts, DAMAGED, key=packet.is_keyframe)
    return frames


@contextmanager
def _heard() -> Iterator[list[tuple[int, str, str]]]:
    """All that FFmpeg logs meanwhile: its level, who says it, and the message. Else it is silent."""
    av.logging.set_level(av.logging.DEBUG)
    try:
        with av.logging.Capture() as logged:
            yield logged
    finally:
        av.logging.set_level(av.logging.PANIC)


def said(error: Exception) -> str:
    """FFmpeg's message alone: PyAV adds the path, and what was last logged, which may be about an earlier file."""
    return str(error.strerror) if isinstance(error, av.error.FFmpegError) else str(error)
