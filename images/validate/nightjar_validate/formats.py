"""The format of a file, by its content and not its name, and whether the file ends too early."""

import os
import struct
from enum import StrEnum
from typing import BinaryIO

from nightjar_validate.structure import IS_CUT, begins_quicktime

HEAD = 64  # bytes that `sniff` wants

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"}
_TAIL = 1024  # cameras pad or append a little after the end marker


class Format(StrEnum):
    """The formats that are decoded; the values are Pillow's and FFmpeg's names."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    MP4 = "mp4"  # and MOV, its elder twin
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
    if head[4:8] == b"ftyp":
        return None if head[8:12] in _HEIF_BRANDS else Format.MP4
    if begins_quicktime(head):
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
    """Whether the file's own structure says that its end is missing. Moves the position of `file`.

    Not for JPEG, whose structure tells it (`JpegStructure.ended`).
    """
    if kind.is_video:
        return IS_CUT[kind](file)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if kind is Format.WEBP:
        return int.from_bytes(file.read(8)[4:], "little") + 8 > size
    file.seek(max(0, size - _TAIL))
    return b"IEND" not in file.read()
