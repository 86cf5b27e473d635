"""The units of a packet of H.264 and HEVC, and whether it is needed, before it is decoded.

Whether a decoder can begin with it, and whether others build on it."""

from collections.abc import Iterator
from dataclasses import dataclass

WITH_UNITS = {"h264", "hevc"}  # the codecs whose packets are understood here
_H264_SETS, _HEVC_SETS = {7, 8}, {32, 33, 34}  # parameters that later frames are decoded by
_H264_SLICES, _H264_IDR = range(1, 6), 5
_HEVC_SLICES = range(32)
_HEVC_KEYS = {19, 20, 21}  # IDR and CRA
_HEVC_UNUSED = set(range(0, 15, 2))  # sub-layer non-reference pictures


@dataclass(frozen=True)
class Units:
    """`fresh`: decoding can begin with this packet, and nothing that is shown after it builds on anything before it.

    `unused`: no other frame builds on it. `sets`: it brings parameters by which later ones may be decoded.
    """

    fresh: bool = False
    unused: bool = False
    sets: bool = False


def length_size(codec: str, extradata: bytes | None) -> int:
    """Bytes of the length in front of each unit; 0 where start codes stand between units (Annex B)."""
    if not extradata or extradata[0] != 1:
        return 0
    at = 4 if codec == "h264" else 21
    return (extradata[at] & 3) + 1 if len(extradata) > at else 0


def units_of(codec: str, data: memoryview, size: int) -> Units:
    """The units of a packet of `codec`, h264 or hevc; nothing is known of a packet without slices.

    `size` is the length_size of its track.
    """
    headers = [data[at : at + 2] for at in (_by_length(data, size) if size else _by_start_code(data))]
    if codec == "h264":
        kinds = [header[0] & 31 for header in headers]
        slices = [(h[0] & 31 == _H264_IDR, h[0] >> 5 & 3 == 0) for h in headers if h[0] & 31 in _H264_SLICES]
        sets = not _H264_SETS.isdisjoint(kinds)
    else:
        layers = [(header[0] >> 1 & 63, header[1] & 7) for header in headers if len(header) == 2]
        # Of a film with temporal layers, a higher one may build on what its own layer does not.
        slices = [(kind in _HEVC_KEYS, kind in _HEVC_UNUSED and at == 1) for kind, at in layers if kind in _HEVC_SLICES]
        sets = not _HEVC_SETS.isdisjoint(kind for kind, _ in layers)
    if not slices:
        return Units(sets=sets)
    return Units(all(fresh for fresh, _ in slices), all(unused for _, unused in slices), sets)


def _by_length(data: memoryview, size: int) -> Iterator[int]:
    """Where units begin; ends at a length that cannot be."""
    at = 0
    while at + size < len(data):
        length = int.from_bytes(data[at : at + size], "big")
        if not length or at + size + length > len(data):
            return
        yield at + size
        at += size + length


def _by_start_code(data: memoryview) -> Iterator[int]:
    text = bytes(data)
    at = text.find(b"\0\0\1")
    while 0 <= at < len(text) - 3:
        yield at + 3
        at = text.find(b"\0\0\1", at + 3)
