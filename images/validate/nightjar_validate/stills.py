"""Decoding stills with Pillow. Runs only inside an isolated decoder."""

from collections.abc import Callable
from typing import BinaryIO, TypeVar

from PIL import Image, UnidentifiedImageError

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Decoded, Job, Output, Refused
from nightjar_validate.formats import HEAD, Format, is_cut, webp_size
from nightjar_validate.standard import fitted, standardise

T = TypeVar("T")

Image.MAX_IMAGE_PIXELS = None  # `_size_problem` refuses instead of warning

_ORIENTATION = 0x0112  # EXIF tag
_BAD_CHECKSUM = "bad header checksum"  # in Pillow's words


class _UndecodableError(Exception):
    """Pillow gave up; the message says how."""


def decode_still(job: Job, file: BinaryIO) -> Output:
    """The picture, or the reason why it is refused. Of an animation, the first frame."""
    try:
        yield _decode(job, file)
    except _UndecodableError as error:
        detail = f"expected a whole {job.format} picture, got {error}"
        yield Refused(Reason.TRUNCATED if is_cut(file, job.format) else Reason.CORRUPT, detail)


def _decode(job: Job, file: BinaryIO) -> Decoded | Refused:
    limits = job.limits
    if job.format is Format.WEBP:
        size = webp_size(file.read(HEAD))
        if size and (refused := _size_problem(size, job)):
            return refused
    image = _opened(job, file)
    if refused := _size_problem(image.size, job):
        return refused
    if job.format is Format.PNG:
        if damage := _png_damage(image, file):
            return Refused(Reason.CORRUPT, damage)
        image = _opened(job, file)  # the check used the other up
    size = fitted(image.size, limits.long_side)
    orientation = _orientation(image)
    image.draft(None, size)  # libjpeg scales a large picture by a power of two while it decodes
    _guarded(image.load)
    result = standardise(_rgb(image), size, limits, job.allow_grey, orientation)
    # A still that is refused is kept as it came.
    return Refused(result.reason, result.detail) if isinstance(result, Refused) else result


def _opened(job: Job, file: BinaryIO) -> Image.Image:
    return _guarded(lambda: Image.open(file, formats=[job.format.value]))


def _png_damage(image: Image.Image, file: BinaryIO) -> str:
    """The first wrong checksum or chunk of a PNG, in words; empty if all are right. Decoding ignores checksums.

    An early end of the file is not counted as damage: decoding tells whether all of the picture is there.
    """
    try:
        image.verify()
    except (SyntaxError, OSError) as error:
        if _BAD_CHECKSUM in str(error) or file.read(1):
            return f"expected a whole PNG picture, got {error}"
    return ""


def _guarded(call: Callable[[], T]) -> T:
    """On hostile bytes Pillow's decoders raise whatever comes: ValueError, IndexError, struct.error, SyntaxError…"""
    try:
        return call()
    except MemoryError:
        raise
    except UnidentifiedImageError as error:  # its message names the file object
        raise _UndecodableError("one that Pillow cannot identify") from error
    except Exception as error:
        raise _UndecodableError(f"{type(error).__name__}: {error}") from error


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
