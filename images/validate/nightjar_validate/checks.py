"""Whether a picture shows anything. Measured on a small copy, so that it costs next to nothing beside decoding."""

from PIL import Image

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Limits

_MEASURED_SIDE = 160  # pixels; averaging down to this also takes out sensor and JPEG noise
_DARK = 48  # levels from black, or white, that still look so
_TAIL = 0.005  # of the pixels at either end say nothing: hot pixels, a lamp


def problem(image: Image.Image, limits: Limits, allow_grey: bool) -> tuple[Reason, str] | None:
    """Why this picture (RGB) is refused, with the expected and the measured value; None when it is good."""
    small = image.reduce(max(1, max(image.size) // _MEASURED_SIDE))
    luma, blue, red = small.convert("YCbCr").split()
    darkest, brightest = spread(luma.histogram())
    contrast = brightest - darkest
    if contrast < limits.void_contrast:
        return (
            Reason.VOID,
            f"expected something to see, got {_tone(darkest, brightest)} {_needed(contrast, limits.void_contrast)}",
        )
    if contrast < limits.min_contrast:
        return (
            Reason.LOW_CONTRAST,
            f"expected light and dark, got hardly any contrast {_needed(contrast, limits.min_contrast)}",
        )
    colour = max(max(abs(level - 128) for level in spread(band.histogram())) for band in (blue, red))
    if colour <= limits.grey_tolerance and not allow_grey:
        amount = "hardly any colour" if colour else "no colour at all"
        return Reason.GREY, f"expected colour, got {amount} {_needed(colour, limits.grey_tolerance + 1)}"
    return None


def _tone(darkest: int, brightest: int) -> str:
    if brightest < _DARK:
        return "a black picture"
    return "a white picture" if darkest > 255 - _DARK else "a picture of one tone"


def _needed(measured: int, least: int) -> str:
    return f"({measured}; at least {least} needed)"


def size_problem(size: tuple[int, int], most: int, least: int) -> tuple[Reason, str] | None:
    """Why a picture of this size is refused: more than `most` pixels, or fewer than `least` a side."""
    width, height = size
    if width * height > most:
        came = f"{width} x {height} = {width * height:,} pixels (at most {most:,} allowed)"
        return Reason.TOO_MANY_PIXELS, f"expected a smaller picture, got {came}"
    if min(size) < least:
        return (
            Reason.TOO_SMALL,
            f"expected a larger picture, got {width} x {height} pixels (at least {least} a side needed)",
        )
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
