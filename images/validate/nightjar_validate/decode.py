"""The decode function that production runs: stills and videos by their format."""

import importlib
from typing import BinaryIO

from PIL import Image

from nightjar_validate.decoded import Job, Output
from nightjar_validate.stills import decode_still
from nightjar_validate.videos import decode_video

# Pillow and PyAV import these for the first file that needs them; a sealed decoder can import nothing.
_LATE_MODULES = (
    "PIL.TiffImagePlugin",  # EXIF
    "PIL.WebPImagePlugin",
    "av.audio.codeccontext",
    "av.audio.stream",
    "av.subtitles.codeccontext",
    "av.subtitles.stream",
    "av.video.codeccontext",
    "av.video.stream",
)
for _module in _LATE_MODULES:
    importlib.import_module(_module)
Image.preinit()


def decode(job: Job, file: BinaryIO) -> Output:
    """All pictures in `file`, and what is refused of it."""
    yield from (decode_video if job.format.is_video else decode_still)(job, file)
