"""The standard picture: RGB as JPEG, upright, bounded in size, without metadata; the same bytes each time."""

import io

from PIL import Image

from nightjar_validate.checks import problem
from nightjar_validate.decoded import Decoded, Limits, Refused

PREVIEW_SIDE = 320  # pixels of the longer side of a preview
_PREVIEW_QUALITY = 70

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def fitted(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """`size` scaled down, never up, so that its longer side is at most `long_side`."""
    width, height = size
    longest = max(size)
    if longest <= long_side:
        return size
    return max(1, round(width * long_side / longest)), max(1, round(height * long_side / longest))


def standardise(
    image: Image.Image,
    size: tuple[int, int],
    limits: Limits,
    allow_grey: bool,
    orientation: int,
    offset_ms: int = 0,
) -> Decoded | Refused:
    """The standard picture of `image` (RGB), or why it is refused, with the standard picture as evidence and a preview.

    `size` is what to scale it to, before it is turned; `orientation` is as in EXIF: 1 is upright.
    """
    if size != image.size:
        # Only ever down, where Pillow's filters average over all pixels; this filter is the sharpest of its price.
        image = image.resize(size, Image.Resampling.HAMMING)
    image = _upright(image, orientation)
    data = _jpeg(image, limits.jpeg_quality)
    if refusal := problem(image, limits, allow_grey):
        reason, detail = refusal
        return Refused(reason, detail, offset_ms, data, preview(image))
    return Decoded(data, *image.size, offset_ms)


def preview(image: Image.Image, orientation: int = 1) -> bytes:
    """A small JPEG of `image` (RGB) for people to look at: upright, without metadata; the same bytes each time."""
    size = fitted(image.size, PREVIEW_SIDE)
    small = image if size == image.size else image.resize(size, Image.Resampling.HAMMING)
    return _jpeg(_upright(small, orientation), _PREVIEW_QUALITY)


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _jpeg(image: Image.Image, quality: int) -> bytes:
    image.info.clear()  # Pillow would carry a comment over
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return file.getvalue()
