"""From a container's packets to frames, each with its time and whether it can be trusted.

Packets that no picture needs are not decoded (see `spared`); their frames are told of by their time alone.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import av
import av.container
import av.error
import av.logging

from nightjar_validate.clock import Clock
from nightjar_validate.spared import Facts, Group, Steps, grouped
from nightjar_validate.trust import DAMAGED, Trust, tells_of_damage
from nightjar_validate.units import WITH_UNITS, length_size, units_of

_KEY_TYPES = {0, 1}  # pictures that say nothing about their type, and intra pictures


@dataclass(frozen=True)
class Moment:
    """A frame, its seconds since the video's first frame, and whether it is `good`: what the camera saw.

    `packet` is the one that was decoded last: where frames come in the order of their packets, that of the frame.
    `frame` is None where it was not decoded, since no picture is taken of it.
    """

    seconds: float
    frame: av.VideoFrame | None
    good: bool
    packet: "av.Packet[av.VideoStream]"
    number: int  # of the packet that the frame is from


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
    container: av.container.InputContainer,
    stream: av.VideoStream,
    clock: Clock,
    trust: Trust,
    reading: Reading,
    a_second: float,
) -> Iterator[Moment]:
    """All frames, good or not, in the order in which they are shown; those that are not due are not always decoded.

    A frame is due at each step of `a_second`.
    """
    context = stream.codec_context
    context.thread_count = 1
    context.copy_opaque = True  # frames then tell which packet they are from
    context.options = {"err_detect": "crccheck"}  # the only way to see damage in HEVC, where a camera sends checksums
    return _Film(container, stream, clock, trust, reading).moments(Steps(a_second))


_Numbered = tuple[int, "av.Packet[av.VideoStream]"]  # a packet, and its place among those of its track


class _Film:
    """The packets of a track on their way through its decoder."""

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        clock: Clock,
        trust: Trust,
        reading: Reading,
    ) -> None:
        self._container, self._stream, self._clock, self._trust = container, stream, clock, trust
        self._reading = reading
        self._read: deque[_Numbered] = deque()  # and not decoded yet
        self._begun = 0  # the first packet of the group that is decoded now
        self._waiting: deque[Moment] = deque()  # not decoded at all, and shown later than what came out so far
        codec = stream.codec_context.name
        self._codec = codec if codec in WITH_UNITS else ""
        self._length_size = length_size(codec, stream.codec_context.extradata)

    def moments(self, steps: Steps) -> Iterator[Moment]:
        """All frames; `steps` says which are due."""
        try:
            for group in grouped(self._facts()):
                spared, end = group.spared(steps)
                packets = [self._read.popleft() for _ in group.facts]
                yield from self._group(group, packets, spared, end)
        except MemoryError:
            raise
        except av.error.FFmpegError as error:
            self._reading.error = said(error)
        yield from self._waiting

    def _facts(self) -> Iterator[Facts]:
        """Read the packets; what cannot be read any more ends them."""
        try:
            for number, packet in enumerate(self._container.demux(self._stream)):
                self._reading.packets += bool(packet.size)
                self._reading.trimmed |= number == 0 and packet.is_keyframe and packet.is_discard
                self._clock.read(packet)
                self._read.append((number, packet))
                yield self._facts_of(packet)
        except av.error.FFmpegError as error:
            self._reading.error = said(error)

    def _facts_of(self, packet: "av.Packet[av.VideoStream]") -> Facts:
        seconds = self._clock.foretold(packet) if self._codec and packet.size else None
        if seconds is None:
            return Facts(None, size=packet.size)
        units = units_of(self._codec, memoryview(packet), self._length_size)
        fresh = units.fresh and packet.is_keyframe
        return Facts(seconds, fresh, units.unused, not packet.is_corrupt, units.sets, packet.size)

    def _group(self, group: Group, packets: Sequence[_Numbered], spared: set[int], end: int) -> Iterator[Moment]:
        """The frames of a group of which some packets are spared; none after `end` is, once something is damaged."""
        whole = self._trust.breaks
        self._begun = packets[0][0]
        self._waiting.extend(self._not_decoded(group, packets, spared))
        for place, numbered in enumerate(packets[:end]):
            if place not in spared:
                yield from self._in_order(self._frames(numbered))
        if end == len(packets):
            return
        if self._trust.breaks > whole:
            rest = packets[end:]
            numbers = {number for number, _ in rest}
            self._waiting = deque(each for each in self._waiting if each.number not in numbers)
            for numbered in rest:
                yield from self._in_order(self._frames(numbered))
            return
        yield from self._in_order(self._drained(packets[max(end, 1) - 1]))
        yield from self._waiting
        self._waiting.clear()

    def _in_order(self, decoded: Iterable[Moment]) -> Iterator[Moment]:
        """The frames that come out of the decoder, and before each those that are shown before it.

        Groups are shown one after the other, whatever their times say: the clock may jump.
        """
        for moment in decoded:
            while self._waiting and self._is_before(self._waiting[0], moment):
                yield self._waiting.popleft()
            yield moment

    def _is_before(self, one: Moment, other: Moment) -> bool:
        of_this_group = one.number >= self._begun, other.number >= self._begun
        return one.seconds < other.seconds if of_this_group[0] == of_this_group[1] else of_this_group[1]

    def _not_decoded(self, group: Group, packets: Sequence[_Numbered], places: Iterable[int]) -> list[Moment]:
        """The frames of these packets, in the order in which they would be shown."""
        timed = sorted((seconds, place) for place in places if (seconds := group.facts[place].seconds) is not None)
        self._reading.end = max([self._reading.end, *(seconds for seconds, _ in timed)])
        return [Moment(seconds, None, True, packets[place][1], packets[place][0]) for seconds, place in timed]

    def _drained(self, last: _Numbered) -> Iterator[Moment]:
        """The frames that the decoder holds back; then it is as new. The last packet that it was given is `last`."""
        number, packet = last
        nothing: av.Packet[Any] = av.Packet()  # tells the end, and in which unit of time frames then tell theirs
        nothing.stream, nothing.time_base = self._stream, packet.time_base
        for frame in _decoded(self._stream, nothing, number, packet, self._trust):
            yield self._moment(frame, number, packet)
        self._stream.codec_context.flush_buffers()

    def _frames(self, numbered: _Numbered) -> Iterator[Moment]:
        """The frames that come out when a packet goes in."""
        number, packet = numbered
        self._trust.read(packet.pts, key=packet.is_keyframe)
        packet.opaque = (number, packet.is_keyframe)
        for frame in _decoded(self._stream, packet, number, packet, self._trust):
            yield self._moment(frame, number, packet)

    def _moment(self, frame: av.VideoFrame, number: int, packet: "av.Packet[av.VideoStream]") -> Moment:
        origin = frame.opaque  # missing where a decoder does not pass it on
        own, flagged = origin if isinstance(origin, tuple) else (number, packet.is_keyframe)
        # The packet's flag is the container's opinion. Some decoders do not say what a key frame is, though.
        key = frame.key_frame or (flagged and frame.pict_type in _KEY_TYPES)
        good = self._trust.trusts(own, frame.pts, key=key, marked=frame.is_corrupt)
        seconds = self._clock.seconds(frame, own, number)
        self._reading.end = max(self._reading.end, seconds)
        return Moment(seconds, frame, good, packet, own)


def _decoded(
    stream: av.VideoStream,
    given: "av.Packet[av.VideoStream]",
    number: int,
    packet: "av.Packet[av.VideoStream]",
    trust: Trust,
) -> list[av.VideoFrame]:
    """The frames that come out when `given` goes in; none, and less trust, if it is damaged.

    It is packet `number`, or, being empty, makes the decoder give out what it holds back up to that `packet`.
    """
    try:
        if given.is_corrupt:
            raise av.error.InvalidDataError(0, "a packet that is cut")
        with _heard() as logged:
            frames = stream.decode(given)
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
