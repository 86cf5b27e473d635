"""From the bytes of a standard picture to the input of the model."""

from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import DTypeLike, NDArray

from nightjar_detect.model import Input

# Names the whole method, for the fingerprint: change it when a change here changes pixels.
METHOD = "dct-eighths-bilinear-area"

# How far a side is shrunk by plain bilinear interpolation: as far as in the model's training, which took COCO's 640 by
# 480 to 300 by 300 that way. What is left beyond that is averaged over the whole footprint, which takes ten times as
# long.
_MOST_BILINEAR = 2.2

Pixels = NDArray[np.uint8]
Table = NDArray[Any]

cv2.setNumThreads(1)  # readers are many already


class UndecodableError(ValueError):
    """The bytes are not an RGB JPEG that can be decoded; the message says why."""


def jpeg_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a JPEG in pixels. Raises UndecodableError."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
    except ValueError as error:
        raise UndecodableError(f"expected an RGB JPEG: {error}") from None
    return width, height


def model_pixels(jpeg: bytes, shape: Input) -> Pixels:
    """The picture at the model's size: [height, width, 3] in the order of its colours, stretched, not cropped.

    So fractions of the picture stay fractions. The decoder shrinks a picture (in the DCT, which is antialiased) while
    both sides stay at least the model's. The rest of the way is bilinear, as the model was trained, or where that would
    leave pixels out, averages. Raises UndecodableError.
    """
    try:
        height, width, colour, _ = simplejpeg.decode_jpeg_header(jpeg)
        eighths = _eighths(width, height, shape)
        smallest = {"min_height": height * eighths // 8, "min_width": width * eighths // 8}
        decoded = simplejpeg.decode_jpeg(jpeg, shape.colour, **smallest)
    except ValueError as error:
        raise UndecodableError(f"expected an RGB JPEG: {error}") from None
    if colour != "YCbCr":
        raise UndecodableError(f"expected an RGB JPEG, got colour space {colour}")
    return _resized(decoded, shape)


def _eighths(width: int, height: int, shape: Input) -> int:
    """To how many eighths of its size the decoder scales a picture.

    Halvings, which are quicker than no scaling at all; other eighths, which take half as long again, only where
    bilinear interpolation would not do for the rest.
    """
    possible = [n for n in range(1, 9) if min(width / shape.width, height / shape.height) * n >= 8] or [8]
    halving = next(n for n in possible if n in (1, 2, 4, 8))
    shrunk_by = max(width / shape.width, height / shape.height) * halving / 8
    return halving if shrunk_by <= _MOST_BILINEAR else possible[0]


def _resized(pixels: Pixels, shape: Input) -> Pixels:
    """Any size to the model's; OpenCV averages over the footprint only where neither side grows, so in two steps."""
    height, width = pixels.shape[:2]
    if width > _MOST_BILINEAR * shape.width or height > _MOST_BILINEAR * shape.height:
        shrunk = (min(width, shape.width), min(height, shape.height))
        pixels = np.asarray(cv2.resize(pixels, shrunk, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    size = (shape.width, shape.height)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def table(shape: Input, dtype: DTypeLike, quantum: float = 0.0, zero: int = 0) -> Table:
    """The number that is fed for each value in 0..255: [256], or [1, 256, 3] where the colours differ.

    A network that wants whole numbers gets round(number / quantum) + zero, as a LiteRT file says of its input; or the
    values as they are, where the card says so.
    """
    values = np.arange(256, dtype=np.float32)
    if shape.dtype == "uint8":
        return values.astype(dtype)
    mean, scale = (np.asarray(each, np.float32) for each in (shape.mean, shape.scale))
    each_colour = bool(mean.ndim or scale.ndim)
    fed = (values[None, :, None] - mean) / scale if each_colour else (values - mean) / scale
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(np.dtype(dtype).name)
        fed = np.clip(np.round(fed / np.float32(quantum or 1)) + zero, limits.min, limits.max)
    return np.ascontiguousarray(fed.astype(dtype))


def fill(pixels: Pixels, numbers: Table, out: NDArray[Any]) -> None:
    """Write the number of each value in `pixels`, by a `table`, into `out` of the same shape."""
    cv2.LUT(pixels, numbers, dst=out)
