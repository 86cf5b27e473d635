"""Decoding of JPEG with libjpeg-turbo, strictly: where it would have to guess, the picture is damaged.

For stills, and for the frames of MJPEG. Good pictures come out pixel for pixel as Pillow decodes them.
"""

import io
import re
from math import ceil

import simplejpeg
from PIL import Image

from nightjar_validate.jpeg_structure import JpegStructure, structure_of

_OUT_OF_MEMORY = "Insufficient memory"  # in libjpeg-turbo's words
_ODD_SAMPLING = "subsampling"  # of the same: rare kinds, which simplejpeg does not know
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd")
_PADDING = 16  # bytes: some cameras pad the data before a marker, to words of their memory
_PADDED = re.compile(rb"(?<!\xff)\x00{1,%d}(?=\xff[\xd0-\xd9])" % _PADDING)
_PLAIN = {
    "premature end": "less data than the picture needs",
    "extraneous bytes": "data that does not fit the picture",
    "Huffman": "data with a hole or nonsense in it",
    "instead of RST": "data with a hole or nonsense in it",
}
_SCALES = (8, 4, 2, 1)


class DamagedJpegError(Exception):
    """A part of the picture is missing or wrong; the message says which, as it follows on "got"."""


def decode(jpeg: JpegStructure, size: tuple[int, int]) -> Image.Image:
    """The picture as RGB or CMYK, shrunk by 2, 4 or 8 while both sides stay at least those of `size` (width, height).

    The memory that it takes follows the shrunk picture, but for progressive pictures, which are held whole as
    coefficients (2 bytes each). Raises DamagedJpegError, or MemoryError.
    """
    if jpeg.damage:
        raise DamagedJpegError(jpeg.damage)
    if jpeg.bits != 8:
        raise DamagedJpegError(f"{jpeg.bits} bits a colour (only 8 can be decoded)")
    scale = _scale(jpeg, size)
    try:
        return _decoded(jpeg, jpeg.data, scale)
    except DamagedJpegError as error:
        # With other damage behind it, the second try says so.
        if (left_over := _LEFT_OVER.search(str(error))) and int(left_over[1]) <= _PADDING:
            return _decoded(jpeg, _PADDED.sub(b"", jpeg.data), scale)
        raise


def decode_rest(jpeg: JpegStructure, size: tuple[int, int]) -> Image.Image | None:
    """The picture of a damaged JPEG, grey or wrong where it is damaged, shrunk as by `decode`: for a preview alone.

    None where it cannot be decoded at all. May raise MemoryError.
    """
    if jpeg.bits != 8 or not jpeg.width or not jpeg.height:
        return None
    try:
        return _decoded(jpeg, jpeg.data, _scale(jpeg, size), strict=False)
    except DamagedJpegError:
        return None


def damage(data: bytes) -> str:
    """The first damage of a JPEG, in words that follow on "got"; empty if no pixel is missing. Takes half of decoding.

    A missing end is no damage, nor are missing Huffman tables, which MJPEG leaves out. May raise MemoryError.
    """
    try:
        decode(structure_of(data), (1, 1))
    except DamagedJpegError as error:
        return str(error)
    return ""


def _scale(jpeg: JpegStructure, size: tuple[int, int]) -> int:
    if not jpeg.can_scale:
        return 1
    most = min(jpeg.width // size[0], jpeg.height // size[1])
    return next((scale for scale in _SCALES if scale <= most), 1)


def _decoded(jpeg: JpegStructure, data: bytes, scale: int, strict: bool = True) -> Image.Image:
    width, height = ceil(jpeg.width / scale), ceil(jpeg.height / scale)
    mode, raw_mode = ("CMYK", "CMYK;I") if len(jpeg.components) == 4 else ("RGB", "RGB")  # all store CMYK inverted
    try:
        pixels = simplejpeg.decode_jpeg(data, mode, min_width=width, min_height=height, strict=strict)
    except ValueError as error:
        if _OUT_OF_MEMORY in str(error):
            raise MemoryError from error
        if _ODD_SAMPLING in str(error):
            return _decoded_by_pillow(data, (width, height))
        raise DamagedJpegError(_plain(str(error))) from error
    if pixels.shape[:2] != (height, width):
        raise DamagedJpegError(f"{pixels.shape[1]} x {pixels.shape[0]} pixels instead of {width} x {height}")
    return Image.frombuffer(mode, (width, height), pixels, "raw", raw_mode, 0, 1)


def _plain(said: str) -> str:
    """The meaning of a warning of libjpeg-turbo, then its own words."""
    said = said.removeprefix("Corrupt JPEG data: ")
    return f"{next((words for sign, words in _PLAIN.items() if sign in said), 'damaged data')} ({said})"


def _decoded_by_pillow(data: bytes, size: tuple[int, int]) -> Image.Image:
    """The same, without a word about damage but that data is missing."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            image.draft(None, size)
            image.load()
            return image if image.mode == "CMYK" else image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise DamagedJpegError(str(error)) from error
