"""Whether a video file's own structure says that its end is missing. Bytes behind its last part do not count."""

import os
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

# The boxes at the top of an MP4 or MOV file. Anything else there is a maker's own.
_BOXES = {
    *(b"ftyp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"PICT", b"uuid", b"udta", b"meta"),
    *(b"styp", b"sidx", b"ssix", b"mfra", b"pdin", b"prft", b"emsg"),
}
# Behind the index they tell of nothing that is missing.
_NO_INDEX = {b"mdat", b"free", b"skip", b"wide", b"uuid", b"udta", b"meta"}
_FIRST_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}  # of a MOV file without `ftyp`

_CHUNK = re.compile(rb"[0-9]{2}(dc|db|wb|pc|tx|iv|sb)|ix[0-9]{2}|idx1|JUNK|LIST|RIFF", re.DOTALL)
# As a recorder leaves a size that it never came to fill in.
_UNFILLED = {0, 0x4000_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF}

_SEGMENT, _CLUSTER, _SEEK_HEAD, _SEEK, _SEEK_POSITION = 0x18538067, 0x1F43B675, 0x114D9B74, 0x4DBB, 0x53AC
_ELEMENTS = {
    *(_CLUSTER, _SEEK_HEAD, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, 0xEC, 0xBF),
    *(0xE7, 0xA0, 0xA3, 0xA7, 0xAB, 0x5854),  # in a cluster
}
_MOST_HEAD = 64 << 10  # bytes: as far as the head of a segment is read


def begins_quicktime(head: bytes) -> bool:
    """Whether `head`, of at least 8 bytes, is how a MOV file begins that does not name its brand (`ftyp`)."""
    length = int.from_bytes(head[:4], "big")
    return head[4:8] in _FIRST_BOXES and (length >= 8 or (length in {0, 1} and head[4:8] == b"mdat"))


def mp4_is_cut(file: BinaryIO) -> bool:
    """A box that ends behind the file, or no index (moov): recorders write that last.

    Where the index came before, it does not count how long the box of the frames (mdat), or one of a maker, is to be:
    the index tells where each frame is.
    """
    size = _size(file)
    position, indexed, fragments = 0, False, False
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        kind = head[4:8]
        if kind not in _BOXES:
            break
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8:
            return False  # damaged, which is something else
        if kind in _NO_INDEX and indexed and not fragments:
            length = min(length, size - position)
        indexed |= kind in {b"moov", b"moof"}
        fragments |= kind == b"moof"
        position += length
    return position > size or not indexed


def avi_is_cut(file: BinaryIO) -> bool:
    """A chunk that ends behind the file. A list or file whose size was never filled in is judged by its chunks."""
    size = _size(file)
    position = 0
    while position + 8 <= size:
        file.seek(position)
        head = file.read(12)
        kind, length = head[:4], int.from_bytes(head[4:8], "little")
        if not _CHUNK.fullmatch(kind):
            return False  # the maker's own, or damaged
        container = kind in {b"RIFF", b"LIST"}
        if position + 8 + length > size and not (container and length in _UNFILLED):
            return True
        # Of containers, the file is looked into, and so are the frames where their size does not tell where they end.
        enter = kind == b"RIFF" or (container and length in _UNFILLED)
        position += 12 if enter else 8 + length + length % 2
    return False


def avi_is_unfinished(file: BinaryIO) -> bool:
    """Whether the recorder of an AVI file never came to fill in its sizes, and so not its length either."""
    file.seek(4)
    return int.from_bytes(file.read(4), "little") in _UNFILLED


def mkv_is_cut(file: BinaryIO) -> bool:
    """A segment that ends behind the file, or an index that is to be behind it.

    Live recordings do not know how long their segment is, so their last element tells.
    """
    size = _size(file)
    header = _element(file, 0)
    if header is None:
        return True
    _, start, length = header
    if length is None:
        return False
    segment = _element(file, start + length)
    if segment is None:
        return start + length + 12 > size
    kind, start, length = segment
    if kind != _SEGMENT:
        return False
    if length:
        return start + length > size
    return any(start + target > size for target in _indexed(file, start)) or _ends_behind(file, start, size)


def _ends_behind(file: BinaryIO, position: int, size: int) -> bool:
    """Whether the element that goes on longest from `position` on ends behind the file."""
    while element := _element(file, position):
        kind, start, length = element
        if kind not in _ELEMENTS:
            return False  # the maker's own, or damaged
        position = start if length is None else start + length
    return position > size


def _indexed(file: BinaryIO, segment: int) -> Iterator[int]:
    """Where the parts of a segment are, from its start, as its first elements tell (SeekHead)."""
    position = segment
    while position - segment < _MOST_HEAD and (element := _element(file, position)):
        kind, start, length = element
        if kind == _SEEK_POSITION and length and length <= 8:
            file.seek(start)
            yield int.from_bytes(file.read(length), "big")
        if kind == _CLUSTER or length is None:
            return
        position = start if kind in {_SEEK_HEAD, _SEEK} else start + length


def _element(file: BinaryIO, position: int) -> tuple[int, int, int | None] | None:
    """Identifier, start of the content, and its length (None: unknown) of the EBML element at `position`."""
    file.seek(position)
    head = file.read(12)
    if not head or head[0] < 0x10:
        return None
    width = 9 - head[0].bit_length()
    if len(head) <= width or head[width] == 0:
        return None
    wide = 9 - head[width].bit_length()
    length = head[width : width + wide]
    if len(length) < wide:
        return None
    unknown = (1 << 7 * wide) - 1
    value = int.from_bytes(length, "big") & unknown
    return int.from_bytes(head[:width], "big"), position + width + wide, None if value == unknown else value


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


IS_CUT: dict[str, Callable[[BinaryIO], bool]] = {"mp4": mp4_is_cut, "avi": avi_is_cut, "matroska": mkv_is_cut}
