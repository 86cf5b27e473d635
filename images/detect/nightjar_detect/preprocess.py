"""From the bytes of a standard picture to the input of the model."""

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

SIZE = 300

# Names the whole method, for the fingerprint: change it when a change here changes pixels.
METHOD = "dct-eighths-bilinear-area"

# How far a side is shrunk by plain bilinear interpolation: as far as in the model's training, which took COCO's 640 by
# 480 to 300 by 300 that way. What is left beyond that is averaged over the whole footprint, which takes ten times as
# long.
_MOST_BILINEAR = 2.2

Pixels = NDArray[np.uint8]

_NORMALISED = np.arange(256, dtype=np.float32) / np.float32(127.5) - np.float32(1)

cv2.setNumThreads(1)  # readers are many already


class UndecodableError(ValueError):
    """The bytes are not an RGB JPEG that can be decoded; the message says why."""


def model_pixels(jpeg: bytes) -> Pixels:
    """The picture at the model's size: [300, 300, 3], RGB, stretched, not cropped, so that fractions stay fractions.

    The decoder shrinks a picture (in the DCT, which is antialiased) while both sides stay at least the model's. The
    rest of the way is bilinear, as the model was trained, or where that would leave pixels out, averages. Raises
    UndecodableError.
    """
    try:
        height, width, colour, _ = simplejpeg.decode_jpeg_header(jpeg)
        eighths = _eighths(width, height)
        smallest = {"min_height": height * eighths // 8, "min_width": width * eighths // 8}
        decoded = simplejpeg.decode_jpeg(jpeg, "RGB", **smallest)
    except ValueError as error:
        raise UndecodableError(f"expected an RGB JPEG: {error}") from None
    if colour != "YCbCr":
        raise UndecodableError(f"expected an RGB JPEG, got colour space {colour}")
    return _resized(decoded)


def _eighths(width: int, height: int) -> int:
    """To how many eighths of its size the decoder scales a picture.

    Halvings, which are quicker than no scaling at all; other eighths, which take half as long again, only where
    bilinear interpolation would not do for the rest.
    """
    possible = [n for n in range(1, 9) if min(width, height) * n // 8 >= SIZE] or [8]
    halving = next(n for n in possible if n in (1, 2, 4, 8))
    return halving if max(width, height) * halving <= 8 * _MOST_BILINEAR * SIZE else possible[0]


def _resized(pixels: Pixels) -> Pixels:
    """Any size to the model's; OpenCV averages over the footprint only where neither side grows, so in two steps."""
    height, width = pixels.shape[:2]
    if max(height, width) > _MOST_BILINEAR * SIZE:
        shrunk = (min(width, SIZE), min(height, SIZE))
        pixels = np.asarray(cv2.resize(pixels, shrunk, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.asarray(cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def normalise(pixels: Pixels, out: NDArray[np.float32]) -> None:
    """Write `pixels` in 0..255 into `out` of the same shape as value / 127.5 - 1."""
    cv2.LUT(pixels, _NORMALISED, dst=out)
