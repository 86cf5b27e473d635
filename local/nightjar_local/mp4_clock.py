"""Sets the clock of an MP4: cameras that cut clips out of a stream leave them with the stream's time."""

import struct
from collections.abc import Iterator

_PARENTS = (b"moov", b"trak", b"edts")  # each in the one before
_EMPTY_EDIT, _RATE = -1, 1 << 16


def started_at(mp4: bytes, seconds: int) -> bytes:
    """`mp4` as it is if its clock stood at `seconds` when it began.

    It has an edit list in each track, and its index (`moov`) behind its data, as FFmpeg writes both.
    """
    return _rewritten(mp4, _PARENTS, seconds)


def _rewritten(data: bytes, parents: tuple[bytes, ...], seconds: int) -> bytes:
    boxes = []
    for kind, body in _boxes(data):
        if parents and kind == parents[0]:
            body = _rewritten(body, parents[1:], seconds)
        elif kind == b"elst":
            body = _waiting(body, seconds)
        boxes.append(struct.pack(">I4s", 8 + len(body), kind) + body)
    return b"".join(boxes)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + size]
        at += size


def _waiting(edits: bytes, seconds: int) -> bytes:
    """An edit list (version 0, in milliseconds) with an empty edit before its own."""
    version, count = struct.unpack_from(">II", edits)
    return struct.pack(">IIIiI", version, count + 1, 1000 * seconds, _EMPTY_EDIT, _RATE) + edits[8:]
