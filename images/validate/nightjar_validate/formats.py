"""The format of a file, by its content and not its name, and whether the file ends too early."""

import os
import struct
from enum import StrEnum
from typing import BinaryIO

HEAD = 64  # bytes that `sniff` wants

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"}
_TAIL = 1024  # cameras pad or append a little after the end marker


class Format(StrEnum):
    """The formats that are decoded; the values are Pillow's and FFmpeg's names."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    MP4 = "mp4"
    MKV = "matroska"
    AVI = "avi"

    @property
    def is_video(self) -> bool:
        """Whether it goes to FFmpeg; the others go to Pillow."""
        return self in {Format.MP4, Format.MKV, Format.AVI}


def sniff(head: bytes) -> Format | None:
    """The format that begins with `head`, the first bytes of a file; None for all others."""
    if head.startswith(b"\xff\xd8\xff"):
        return Format.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Format.PNG
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Format.MKV
    if head[:4] == b"RIFF":
        return {b"WEBP": Format.WEBP, b"AVI ": Format.AVI}.get(head[8:12])
    if head[4:8] == b"ftyp" and head[8:12] not in _HEIF_BRANDS:
        return Format.MP4
    return None


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height that a WebP file claims, without libwebp, which makes room for the canvas as it opens a file.

    None where the head is too short or not that of a WebP file.
    """
    kind = head[12:16]
    if len(head) < 30:
        return None
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def is_cut(file: BinaryIO, kind: Format) -> bool:
    """Whether the file's own structure says that its end is missing. Moves the position of `file`."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if kind in {Format.WEBP, Format.AVI}:
        return int.from_bytes(file.read(8)[4:], "little") + 8 > size
    if kind is Format.MP4:
        return _mp4_is_cut(file, size)
    if kind is Format.MKV:
        return _mkv_is_cut(file, size)
    file.seek(max(0, size - _TAIL))
    return (b"\xff\xd9" if kind is Format.JPEG else b"IEND") not in file.read()


def _mp4_is_cut(file: BinaryIO, size: int) -> bool:
    """A box that ends behind the file, or no index (moov): recorders write that last."""
    position, indexed = 0, False
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - position
        indexed |= head[4:8] in {b"moov", b"moof"}
        if length < 8:
            return False  # damaged, which is something else
        position += length
    return position > size or not indexed


def _mkv_is_cut(file: BinaryIO, size: int) -> bool:
    """A segment that ends behind the file. Live recordings do not say how long theirs is."""
    head = file.read(4096)
    header = _vint(head, 4)
    if header is None:
        return True
    value, width = header
    segment = 4 + width + value
    length = _vint(head, segment + 4)
    if head[segment : segment + 4] != b"\x18\x53\x80\x67" or length is None:
        return segment + 12 > size
    value, width = length
    unknown = (1 << 7 * width) - 1
    return value != unknown and segment + 4 + width + value > size


def _vint(data: bytes, at: int) -> tuple[int, int] | None:
    """The EBML variable-length number at `at`, and how many bytes it takes."""
    if at >= len(data) or data[at] == 0:
        return None
    width = 9 - data[at].bit_length()
    if at + width > len(data):
        return None
    return int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1), width
