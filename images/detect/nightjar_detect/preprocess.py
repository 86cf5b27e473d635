"""From the bytes of a standardised picture to what the model takes."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 300

# The JPEG decoder may halve a picture while decoding (in the DCT, which is antialiased) as long as this many pixels
# remain on each side. On 72 frames of video at 640 x 427, 213 lines instead of 300 found as many objects above 0.3 (79
# and 79), and moved probabilities as little as another resampling filter does; it takes 40 % less time.
_LEAST = 200

# Names the whole method, for the fingerprint: change it when a change here changes pixels.
METHOD = "dct200-bilinear"

Pixels = NDArray[np.uint8]


class UndecodableError(ValueError):
    """The bytes are not an RGB JPEG that can be decoded; the message says why."""


def model_pixels(jpeg: bytes) -> Pixels:
    """The picture at the model's size: [300, 300, 3], RGB, stretched, not cropped, so that fractions stay fractions.

    Downscaling is antialiased (a triangle filter over the whole footprint). Raises UndecodableError.
    """
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            width, height = picture.size
            scale = next((s for s in (8, 4, 2) if min(width, height) // s >= _LEAST), 1)
            picture.draft("RGB", (width // scale, height // scale))
            if picture.mode != "RGB":
                raise UndecodableError(f"expected an RGB JPEG, got mode {picture.mode}")
            return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    except (OSError, SyntaxError, ValueError) as error:
        raise UndecodableError(f"expected an RGB JPEG: {error}") from None


def normalise(pixels: Pixels, out: NDArray[np.float32]) -> None:
    """Write `pixels` in 0..255 into `out` of the same shape as value / 127.5 - 1."""
    np.divide(pixels, np.float32(127.5), out=out, dtype=np.float32)
    np.subtract(out, np.float32(1), out=out)
