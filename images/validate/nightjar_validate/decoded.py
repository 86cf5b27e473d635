"""Jobs for decoders and their answers. Plain data: a decoder's process imports little and starts fast."""

from collections.abc import Generator
from dataclasses import dataclass, field

from nightjar.domain.reasons import Reason
from nightjar_validate.formats import Format

LARGEST_PREVIEW = 256 << 10  # bytes: some ten times what a preview has
LONGEST_VIDEO = 31 * 86_400.0  # seconds: what a clip says to have been taken later than this after its start is no time


@dataclass(frozen=True)
class Limits:
    """Limits of pictures and videos, and how standard pictures are written. Sides in pixels, levels of 0 to 255."""

    min_side: int
    max_pixels: int
    max_jpeg_pixels: int
    long_side: int
    jpeg_quality: int
    grey_tolerance: int
    min_contrast: int
    void_contrast: int
    frames_per_second: float
    max_video_seconds: float
    max_frames: int


@dataclass(frozen=True)
class Job:
    """How to decode one file. `cpu_seconds` of processor time and `seconds` of wall-clock time are allowed."""

    format: Format
    allow_grey: bool
    limits: Limits
    cpu_seconds: int
    seconds: float


@dataclass(frozen=True)
class Decoded:
    """A standardised picture as JPEG, `offset_ms` after the file's time."""

    data: bytes
    width: int
    height: int
    offset_ms: int


@dataclass(frozen=True)
class Refused:
    """The file, the rest of it (`offset_ms` None), or one frame, with its picture in `data`.

    `detail` says "expected …, got …". `preview` is a small JPEG of what was decoded before the refusal, for people to
    look at; empty where nothing was. Two refusals that differ in it alone are the same refusal.
    """

    reason: Reason
    detail: str
    offset_ms: int | None = None
    data: bytes = b""
    preview: bytes = field(default=b"", compare=False, repr=False)


Output = Generator[Decoded | Refused, None, None]
