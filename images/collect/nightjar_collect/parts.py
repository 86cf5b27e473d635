"""Whether an object is only a part of another: an upload that broke off, or a recording that was not closed yet. Pure.

S3 mounts, mirrors and recorders put what they have so far, and the whole object later. The part is the beginning of the
whole. Where the recorder rewrote the header as it closed the file (the sizes of MP4, AVI and MKV; an index moved to the
front), at least its end stands somewhere in the whole. What was not written yet may be zeros.
"""

import hashlib
from dataclasses import dataclass
from mmap import mmap

Buffer = bytes | mmap

_END = 64 << 10  # bytes at the end of a part that have to stand in the whole
_LEAST, _VARIETY = 256, 8  # an end that is shorter, or of fewer different bytes, says nothing
_STEP = 8 << 20  # bytes that are looked through, or are zeros, at a time


@dataclass(frozen=True)
class Extent:
    """How far an object is written: `size` without the zeros at its end, the SHA-256 of that, and its last bytes."""

    size: int
    sha256: str
    end: bytes

    @classmethod
    def of(cls, data: Buffer) -> "Extent":
        """The extent of `data`."""
        size = _written(data)
        return cls(size, _sha256(data, size), bytes(data[size - min(_END, size // 2) : size]))

    def is_in(self, data: Buffer) -> bool:
        """Whether this, the extent of a shorter object, is a part of `data`."""
        if _sha256(data, self.size) == self.sha256:
            return True
        if len(self.end) < _LEAST or len(set(self.end)) < _VARIETY:
            return False
        steps = range(0, len(data), _STEP)
        return any(self.end in bytes(data[start : start + _STEP + len(self.end) - 1]) for start in steps)


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
