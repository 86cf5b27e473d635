"""Decoding stills: JPEG with libjpeg-turbo, PNG and WebP with Pillow. Runs only inside an isolated decoder."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from PIL import Image, UnidentifiedImageError

from nightjar.domain.reasons import Reason
from nightjar_validate import jpeg, png_chunks
from nightjar_validate.checks import size_problem, spread
from nightjar_validate.decoded import Decoded, Job, Output, Refused
from nightjar_validate.formats import HEAD, Format, is_cut, webp_size
from nightjar_validate.jpeg_structure import JpegStructure, structure_of
from nightjar_validate.standard import PREVIEW_SIDE, fitted, preview, standardise

T = TypeVar("T")

Image.MAX_IMAGE_PIXELS = None  # `_check_size` refuses instead of warning

_ORIENTATION = 0x0112  # EXIF tag
_SLIGHT = 1_000_000  # pixels: a picture that is too small is decoded for its preview up to here


@dataclass(frozen=True)
class _Still:
    """A decoded picture of any mode, perhaps shrunk already; `size` is that of the file; `orientation` is EXIF's."""

    image: Image.Image
    size: tuple[int, int]
    orientation: int


class _RefusedError(Exception):
    def __init__(self, reason: Reason, detail: str, shown: bytes = b"") -> None:
        super().__init__(detail)
        self.reason, self.detail, self.preview = reason, detail, shown


class _UndecodableError(Exception):
    """Pillow gave up; the message says how."""


def decode_still(job: Job, file: BinaryIO) -> Output:
    """The picture, or the reason why it is refused. Of an animation, the first frame."""
    try:
        yield _decode(job, file)
    except _RefusedError as error:
        shown = _preview_of_small(job, file) if error.reason is Reason.TOO_SMALL else error.preview
        yield Refused(error.reason, error.detail, preview=shown)


def _decode(job: Job, file: BinaryIO) -> Decoded | Refused:
    still = _DECODERS[job.format](job, file)
    size = fitted(still.size, job.limits.long_side)
    result = standardise(_rgb(still.image), size, job.limits, job.allow_grey, still.orientation)
    # A still that is refused is kept as it came.
    return replace(result, offset_ms=None, data=b"") if isinstance(result, Refused) else result


def _preview_of_small(job: Job, file: BinaryIO) -> bytes:
    """The preview of a picture that was refused by its size, before decoding; empty where it cannot be decoded."""
    limits = replace(job.limits, min_side=1, max_pixels=_SLIGHT, max_jpeg_pixels=_SLIGHT)
    file.seek(0)
    with contextlib.suppress(_RefusedError, MemoryError):  # it is refused as too small, whatever else is wrong with it
        still = _DECODERS[job.format](replace(job, limits=limits), file)
        return preview(_rgb(still.image), still.orientation)
    return b""


def _decode_jpeg(job: Job, file: BinaryIO) -> _Still:
    structure = structure_of(file.read())
    size = structure.width, structure.height
    if all(size):
        _check_size(size, job, job.limits.max_jpeg_pixels if structure.can_scale else job.limits.max_pixels)
    try:
        image = jpeg.decode(structure, fitted(size, job.limits.long_side))
    except jpeg.DamagedJpegError as error:
        reason = Reason.CORRUPT if structure.ended else Reason.TRUNCATED
        detail = f"expected a whole JPEG picture, got {error}"
        raise _RefusedError(reason, detail, _preview_of_damaged(structure)) from error
    return _Still(image, size, _orientation(_with_notes(structure)))


def _preview_of_damaged(structure: JpegStructure) -> bytes:
    """The preview of what is left of a JPEG; decoded once more, at the fraction of its size that a preview takes.

    Empty where that is next to nothing.
    """
    if not structure.can_scale:
        return b""
    with contextlib.suppress(MemoryError):  # it is refused as damaged, whatever else is wrong with it
        image = jpeg.decode_rest(structure, fitted((structure.width, structure.height), PREVIEW_SIDE))
        darkest, brightest = spread(image.convert("L").histogram()) if image else (0, 0)
        if image and darkest < brightest:
            return preview(_rgb(image), _orientation(_with_notes(structure)))
    return b""


def _with_notes(structure: JpegStructure) -> Image.Image:
    """An empty picture with the notes of a JPEG on it, as Pillow puts them there."""
    image = Image.new("1", (1, 1))
    notes = {"exif": structure.exif, "xmp": structure.xmp}
    image.info.update({name: note for name, note in notes.items() if note})
    return image


def _decode_png(job: Job, file: BinaryIO) -> _Still:
    data = file.read()
    try:
        try:
            still = _decode_with_pillow(job, io.BytesIO(png_chunks.without_damaged_notes(data)))
        except _UndecodableError:  # perhaps for a note that is nonsense, though its checksum is right
            still = _decode_with_pillow(job, io.BytesIO(png_chunks.without_damaged_notes(data, notes=False)))
        png_chunks.check_rows(data)
        return still
    except png_chunks.DamagedPngError as error:
        raise _RefusedError(Reason.CORRUPT, f"expected a whole PNG picture, got {error}") from error
    except _UndecodableError as error:
        raise _damaged(job, file, error) from error


def _decode_webp(job: Job, file: BinaryIO) -> _Still:
    if size := webp_size(file.read(HEAD)):
        _check_size(size, job, job.limits.max_pixels)
    try:
        return _decode_with_pillow(job, file)
    except _UndecodableError as error:
        raise _damaged(job, file, error) from error


_DECODERS = {Format.JPEG: _decode_jpeg, Format.PNG: _decode_png, Format.WEBP: _decode_webp}


def _damaged(job: Job, file: BinaryIO, error: _UndecodableError) -> _RefusedError:
    reason = Reason.TRUNCATED if is_cut(file, job.format) else Reason.CORRUPT
    return _RefusedError(reason, f"expected a whole {job.format} picture, got {error}")


def _decode_with_pillow(job: Job, file: BinaryIO) -> _Still:
    image = _guarded(lambda: Image.open(file, formats=[job.format.value]))
    _check_size(image.size, job, job.limits.max_pixels)
    orientation = _orientation(image)
    _guarded(image.load)
    return _Still(image, image.size, orientation)


def _guarded(call: Callable[[], T]) -> T:
    """On hostile bytes Pillow's decoders raise whatever comes: ValueError, IndexError, struct.error, SyntaxError…"""
    try:
        return call()
    except MemoryError:
        raise
    except UnidentifiedImageError as error:  # its message names the file object
        raise _UndecodableError("bytes that do not begin as one") from error
    except Exception as error:
        # Others are accidents in a decoder, whose words say nothing of the picture.
        said = f"{type(error).__name__}: {error}" if isinstance(error, OSError | SyntaxError) else type(error).__name__
        raise _UndecodableError(f"data that cannot be decoded ({said})") from error


def _check_size(size: tuple[int, int], job: Job, most: int) -> None:
    if problem := size_problem(size, most, job.limits.min_side):
        raise _RefusedError(*problem)


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
