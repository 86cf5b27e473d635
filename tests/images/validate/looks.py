"""Properties of videos that tests look at: times and reasons, and whether a picture is what the camera saw."""

from typing import Any

from PIL import ImageChops, ImageStat

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Decoded, Refused
from tests.images.validate.decoding import decoded, opened
from tests.images.validate.pictures import moved


def offsets(data: bytes, **limits: Any) -> tuple[list[int], list[Reason]]:
    """The times of the pictures in a clip, and the reasons of what is refused of it."""
    outputs = decoded(data, **limits)
    pictures = [output.offset_ms for output in outputs if isinstance(output, Decoded)]
    return pictures, [output.reason for output in outputs if isinstance(output, Refused)]


def smeared(picture: Decoded | Refused, frame: int, size: tuple[int, int] = (320, 240)) -> float:
    """How far a picture is from that frame of the scene, in levels: below 5 where nothing is made up."""
    true = moved(frame).resize(size)
    return sum(ImageStat.Stat(ImageChops.difference(opened(picture), true)).mean) / 3
