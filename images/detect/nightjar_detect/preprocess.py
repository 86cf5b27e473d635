"""From the bytes of a standardised picture to what the model takes."""

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

SIZE = 300

# Names the whole method, for the fingerprint: change it when a change here changes pixels.
METHOD = "dct-area-linear"

Pixels = NDArray[np.uint8]

_NORMALISED = np.arange(256, dtype=np.float32) / np.float32(127.5) - np.float32(1)

cv2.setNumThreads(1)  # readers are many already


class UndecodableError(ValueError):
    """The bytes are not an RGB JPEG that can be decoded; the message says why."""


def model_pixels(jpeg: bytes) -> Pixels:
    """The picture at the model's size: [300, 300, 3], RGB, stretched, not cropped, so that fractions stay fractions.

    The decoder may halve a picture (in the DCT, which is antialiased) while both sides stay at least the model's; the
    rest of the way averages over the whole footprint. Raises UndecodableError.
    """
    try:
        height, width, colour, _ = simplejpeg.decode_jpeg_header(jpeg)
        scale = next((s for s in (8, 4, 2) if min(width, height) // s >= SIZE), 1)
        decoded = simplejpeg.decode_jpeg(jpeg, "RGB", min_height=height // scale, min_width=width // scale)
    except ValueError as error:
        raise UndecodableError(f"expected an RGB JPEG: {error}") from None
    if colour != "YCbCr":
        raise UndecodableError(f"expected an RGB JPEG, got colour space {colour}")
    # OpenCV averages over the footprint only where neither side grows: a side that is too short grows afterwards.
    rows, columns = (min(length, SIZE) for length in decoded.shape[:2])
    pixels = cv2.resize(decoded, (columns, rows), interpolation=cv2.INTER_AREA)
    if pixels.shape[:2] != (SIZE, SIZE):
        pixels = cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(pixels, dtype=np.uint8)


def normalise(pixels: Pixels, out: NDArray[np.float32]) -> None:
    """Write `pixels` in 0..255 into `out` of the same shape as value / 127.5 - 1."""
    cv2.LUT(pixels, _NORMALISED, dst=out)
