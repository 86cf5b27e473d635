"""Whether an object is only a part of another: an upload that broke off, or a recording that was not closed yet. Pure.

S3 mounts, mirrors and recorders put what they have so far, and the whole object later. The part is the beginning of the
whole. Where the recorder rewrote the header as it closed the file (the sizes of MP4, AVI and MKV; an index moved to the
front), at least its end and most of its middle stand in the whole, maybe further back; of a video's header alone, most
bytes stand where they stood. A short video that was closed is no header alone, however much of it is header. What was
not written yet may be zeros.
"""

import hashlib
from dataclasses import dataclass
from mmap import mmap

Buffer = bytes | mmap

_END = 64 << 10  # bytes at the end of a part that have to stand in the whole
_LEAST, _VARIETY = 256, 8  # an end that is shorter, or of fewer different bytes, says nothing
_SAMPLE = 64  # bytes
_HEADER = 16 << 10  # a video's file that is not longer may be a header without a picture
_STEP = 8 << 20  # bytes that are looked through, or are zeros, at a time


@dataclass(frozen=True)
class Extent:
    """How far an object is written: `size` without the zeros at its end, the SHA-256 of that, and its last bytes.

    `middle` has a few bytes each from places behind its first quarter, by their offset. `header` is all of a video's
    file that was not closed and may be no more than a header; else empty.
    """

    size: int
    sha256: str
    end: bytes
    middle: tuple[tuple[int, bytes], ...] = ()
    header: bytes = b""

    @classmethod
    def of(cls, data: Buffer) -> "Extent":
        """The extent of `data`."""
        size = _written(data)
        header = bytes(data[:size]) if size <= _HEADER and _is_video(data) and not _is_closed(data) else b""
        places = (size * eighth // 8 for eighth in range(2, 8))
        middle = tuple((place, bytes(data[place : min(place + _SAMPLE, size)])) for place in places)
        return cls(size, _sha256(data, size), bytes(data[size - min(_END, size // 2) : size]), middle, header)

    def is_in(self, data: Buffer) -> bool:
        """Whether this, the extent of a shorter object, is a part of `data`."""
        if _sha256(data, self.size) == self.sha256 or self._is_header_of(data):
            return True
        if len(self.end) < _LEAST or len(set(self.end)) < _VARIETY:
            return False
        place = self.size - len(self.end)
        if data[place : self.size] != self.end:
            place = _find(data, self.end)
        moved = place - (self.size - len(self.end))
        same = sum(data[at + moved : at + moved + len(some)] == some for at, some in self.middle if at + moved >= 0)
        return place >= 0 and 3 * same >= 2 * len(self.middle)

    def _is_header_of(self, data: Buffer) -> bool:
        """Pictures of two videos have next to no bytes in common, headers most of them."""
        same = sum(mine == theirs for mine, theirs in zip(self.header, data[: len(self.header)], strict=False))
        return bool(self.header) and _is_video(data) and 2 * same > len(self.header)


def _is_video(data: Buffer) -> bool:
    """Whether it begins as MP4, MOV, AVI or Matroska do."""
    return data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free") or data[:4] in (b"RIFF", b"\x1a\x45\xdf\xa3")


def _is_closed(data: Buffer) -> bool:
    """Whether the recorder closed this video: it then wrote the size of AVI and of Matroska, and the index of MP4."""
    if data[:4] == b"RIFF":
        return int.from_bytes(data[4:8], "little") + 8 == len(data)
    if data[:4] == b"\x1a\x45\xdf\xa3":
        segment = data.find(b"\x18\x53\x80\x67")
        return segment >= 0 and data[segment + 4 : segment + 12] != b"\x01" + b"\xff" * 7
    return data.find(b"moov") >= 0 and data.find(b"mdat") >= 0


def _find(data: Buffer, some: bytes) -> int:
    """Where `some` first stands in `data`, looked through in steps that fit memory; -1 for nowhere."""
    for start in range(0, len(data), _STEP):
        if (place := bytes(data[start : start + _STEP + len(some) - 1]).find(some)) >= 0:
            return start + place
    return -1


def _written(data: Buffer) -> int:
    end = len(data)
    while end > 0:
        start = max(0, end - _STEP)
        if rest := bytes(data[start:end]).rstrip(b"\0"):
            return start + len(rest)
        end = start
    return 0


def _sha256(data: Buffer, size: int) -> str:
    digest = hashlib.sha256()
    for start in range(0, size, _STEP):
        digest.update(data[start : min(start + _STEP, size)])
    return digest.hexdigest()
