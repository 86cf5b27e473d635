"""When the frames of a video are shown, by its own clock, which may begin anywhere: seconds since its first frame."""

from fractions import Fraction
from typing import Protocol

import av

_SHORTEST, _LONGEST = 1 / 240, 3600.0  # seconds from frame to frame that a camera means
_USUAL = 1 / 25


class Clock(Protocol):
    """Tells the seconds of frames. Packets are numbered in the order in which they are decoded."""

    def read(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Take note of a packet before it is decoded."""

    def seconds(self, frame: av.VideoFrame, own: int, latest: int) -> float:
        """Seconds of a frame of packet `own`, which came out when packet `latest` went in."""

    def foretold(self, packet: "av.Packet[av.VideoStream]") -> float | None:
        """Seconds of the frame of a packet that was read and is not decoded; None if not known, or not shown."""


class Stamps:
    """The clock of a container that says of each packet when it is shown. `rate` stands in where it does not."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._begun, self._shown = False, 0
        self._start: float | None = None

    def read(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Take note of a packet before it is decoded: the clip begins with its first one, decodable or not."""
        stamp = packet.dts if packet.pts is None else packet.pts
        if self._begun or stamp is None or packet.is_discard:
            return
        time = float(stamp * packet.time_base)
        self._start = time if self._start is None else min(self._start, time)
        self._begun = packet.is_keyframe  # what is shown before it needs a key frame before the clip

    def seconds(self, frame: av.VideoFrame, own: int, latest: int) -> float:
        """Seconds of a frame that was decoded."""
        self._begun |= bool(frame.key_frame)  # some decoders show others, too, that lack one before the clip
        time = frame.time if frame.time is not None else (self._start or 0.0) + self._shown / self._rate
        self._shown += 1
        self._start = time if self._start is None else self._start
        return time - self._start

    def foretold(self, packet: "av.Packet[av.VideoStream]") -> float | None:
        """Seconds of the frame of a packet that was read and is not decoded; None if not known, or not shown."""
        if self._start is None or packet.pts is None or packet.is_discard:
            return None
        return float(packet.pts * packet.time_base) - self._start


class Slots:
    """The clock of a container that knows a rate and no times (AVI): a packet is in the slot of its number or later.

    `slot` is what a slot lasts, `usual` what a frame lasts when `slot` makes nonsense of it; both in seconds.
    """

    def __init__(self, slot: float, usual: float) -> None:
        self._slot, self._usual = slot, usual
        self._times: list[float] = []  # of packets, as they are decoded
        self._before = 0
        self._step = usual
        self._delay: int | None = None
        self._shown = -1

    def read(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Take note of a packet before it is decoded."""
        if not self._times:
            self._times.append(0.0)
        else:
            if packet.dts is not None:
                step = (packet.dts - self._before) * self._slot
                self._step = step if _SHORTEST <= step <= _LONGEST else self._usual
            self._times.append(self._times[-1] + self._step)
        self._before = self._before if packet.dts is None else packet.dts

    def seconds(self, frame: av.VideoFrame, own: int, latest: int) -> float:
        """Seconds of a frame of packet `own`, which came out when packet `latest` went in: later where B-frames are."""
        self._delay = latest - own if self._delay is None else self._delay
        # A packet can bring out several frames, the last one all that are left.
        self._shown = max(self._shown + 1, latest - self._delay)
        over = max(0, self._shown - len(self._times) + 1)
        return self._times[self._shown - over] + over * self._step

    def foretold(self, packet: "av.Packet[av.VideoStream]") -> float | None:
        """None: how much later than its packet a frame is shown is seen when frames come out."""
        return None


def avi_clock(slot: Fraction | None, head: bytes, rate: Fraction | None) -> Slots:
    """The clock of an AVI file by its track's rate, or else by its first bytes, or else by its codec's `rate`."""
    at = head.find(b"avih")
    microseconds = int.from_bytes(head[at + 8 : at + 12], "little") if at >= 0 else 0
    guesses = (Fraction(microseconds, 1_000_000), 1 / rate if rate else Fraction(0))
    usual = next((float(each) for each in guesses if _SHORTEST <= each <= _LONGEST), _USUAL)
    return Slots(float(slot or 0), usual)
