"""Decoding in this process, as a decoder does it, and what its pictures show."""

import io
from dataclasses import replace
from typing import Any

from PIL import Image

from nightjar.settings.validate import ValidateSettings
from nightjar_validate.deciding import limits_of
from nightjar_validate.decode import decode
from nightjar_validate.decoded import Decoded, Job, Refused
from nightjar_validate.formats import HEAD, sniff

LIMITS = limits_of(ValidateSettings())


def decoded(data: bytes, *, allow_grey: bool = False, **limits: Any) -> list[Decoded | Refused]:
    """All that decoding yields for a file with these bytes."""
    kind = sniff(data[:HEAD])
    assert kind is not None, "expected bytes of a known format"
    return list(decode(Job(kind, allow_grey, replace(LIMITS, **limits), 10, 30.0), io.BytesIO(data)))


def opened(picture: Decoded | Refused) -> Image.Image:
    assert isinstance(picture, Decoded), picture
    image = Image.open(io.BytesIO(picture.data))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (picture.width, picture.height))
    return image


def near(image: Image.Image, at: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    pixel = image.getpixel((int(at[0] * image.width), int(at[1] * image.height)))
    assert isinstance(pixel, tuple)
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 40
