"""Whether a picture shows anything. Measured on a small copy, so that it costs next to nothing beside decoding."""

from PIL import Image

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Limits

_MEASURED_SIDE = 160  # pixels; averaging down to this also takes out sensor and JPEG noise
_TAIL = 0.005  # of the pixels at either end say nothing: hot pixels, a lamp


def problem(image: Image.Image, limits: Limits, allow_grey: bool) -> tuple[Reason, str] | None:
    """Why this picture (RGB) is refused, with the expected and the measured value; None when it is good."""
    small = image.reduce(max(1, max(image.size) // _MEASURED_SIDE))
    luma, blue, red = small.convert("YCbCr").split()
    darkest, brightest = spread(luma.histogram())
    contrast = brightest - darkest
    if contrast < limits.void_contrast:
        return Reason.VOID, f"expected levels to differ by at least {limits.void_contrast} of 255, got {contrast}"
    if contrast < limits.min_contrast:
        return (
            Reason.LOW_CONTRAST,
            f"expected levels to differ by at least {limits.min_contrast} of 255, got {contrast}",
        )
    colour = max(max(abs(level - 128) for level in spread(band.histogram())) for band in (blue, red))
    if colour <= limits.grey_tolerance and not allow_grey:
        return Reason.GREY, f"expected colour more than {limits.grey_tolerance} of 127 from grey, got {colour}"
    return None


def spread(histogram: list[int]) -> tuple[int, int]:
    """The lowest and highest level of a band of 256 levels, but for the outermost tails."""
    tail = sum(histogram) * _TAIL
    return _first_above(histogram, tail), 255 - _first_above(histogram[::-1], tail)


def _first_above(histogram: list[int], tail: float) -> int:
    total = 0
    for level, count in enumerate(histogram):
        total += count
        if total > tail:
            return level
    return 255
