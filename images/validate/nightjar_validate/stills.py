"""Decoding stills with Pillow. Runs only inside an isolated decoder."""

from collections.abc import Callable
from typing import TypeVar

from PIL import Image

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Decoded, Job, Output, Refused
from nightjar_validate.formats import HEAD, Format, is_cut, png_damage, webp_size
from nightjar_validate.standard import fitted, standardise

T = TypeVar("T")

Image.MAX_IMAGE_PIXELS = None  # the limit below is the one that counts, and refuses instead of warning

_ORIENTATION = 0x0112  # EXIF tag


class _UndecodableError(Exception):
    """Pillow gave up; the cause says how."""


def decode_still(job: Job) -> Output:
    """One picture, or why there is none. Of an animation, the first frame."""
    try:
        yield _decode(job)
    except _UndecodableError as error:
        cause = error.__cause__
        detail = f"expected a whole {job.format} picture, got {type(cause).__name__}: {cause}"
        yield Refused(Reason.TRUNCATED if is_cut(job.path, job.format) else Reason.CORRUPT, detail)


def _decode(job: Job) -> Decoded | Refused:
    limits = job.limits
    if job.format is Format.WEBP:
        with job.path.open("rb") as file:
            size = webp_size(file.read(HEAD))
        if size and (refused := _size_problem(size, job)):
            return refused
    image = _guarded(lambda: Image.open(job.path, formats=[job.format.value]))
    with image:
        if refused := _size_problem(image.size, job):
            return refused
        size = fitted(image.size, limits.long_side)
        orientation = _orientation(image)
        image.draft(None, size)  # libjpeg scales a large picture by a power of two while it decodes
        if job.format is Format.PNG and (damage := png_damage(job.path)):
            return Refused(Reason.CORRUPT, damage)
        _guarded(image.load)
        result = standardise(_rgb(image), size, limits, job.allow_grey, orientation)
    # A still that is refused is kept as it came.
    return Refused(result.reason, result.detail) if isinstance(result, Refused) else result


def _guarded(call: Callable[[], T]) -> T:
    """On hostile bytes Pillow's decoders raise whatever comes: ValueError, IndexError, struct.error, SyntaxError…"""
    try:
        return call()
    except MemoryError:
        raise
    except Exception as error:
        raise _UndecodableError from error


def _size_problem(size: tuple[int, int], job: Job) -> Refused | None:
    width, height = size
    limits = job.limits
    if width * height > limits.max_pixels:
        return Refused(Reason.TOO_MANY_PIXELS, f"expected at most {limits.max_pixels} pixels, got {width} x {height}")
    if min(size) < limits.min_side:
        return Refused(Reason.TOO_SMALL, f"expected at least {limits.min_side} pixels a side, got {width} x {height}")
    return None


def _orientation(image: Image.Image) -> int:
    try:
        value = _guarded(image.getexif).get(_ORIENTATION, 1)
    except _UndecodableError:
        return 1  # a picture with a damaged note on it still is a picture
    return value if isinstance(value, int) else 1


def _rgb(image: Image.Image) -> Image.Image:
    """`image` as RGB; what is transparent shows black, 16 bits become 8."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda level: level * (1 / 256)).convert("L").convert("RGB")
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")
