"""Draws on a picture what a detector saw: boxes, labels, probabilities. Needs Pillow, which not every stage has."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from nightjar.domain.detections import DetectedObject
from nightjar.domain.probability import percent

_COLOUR = (255, 214, 0)  # yellow edged with black stands out from grass, brick, snow and night alike
_EDGE = (0, 0, 0)
_TEXT = (0, 0, 0)
_QUALITY = 85


def annotate(jpeg: bytes, objects: Sequence[DetectedObject], longest: int | None = None) -> bytes:
    """The picture `jpeg` as JPEG with a box, the label and the probability of each of `objects`.

    Boxes are x_min, y_min, x_max, y_max as fractions of the picture. With `longest`, the picture is made smaller so
    that no side has more than that many pixels; text stays legible. Raises PIL.UnidentifiedImageError for no picture.
    """
    with Image.open(io.BytesIO(jpeg)) as opened:
        if longest:
            opened.draft("RGB", (longest, longest))
        picture = opened.convert("RGB")
    if longest:
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    size = max(16, max(picture.size) // 28)
    font = ImageFont.load_default(size)
    for each in sorted(objects, key=lambda o: o.probability):  # the most probable on top
        _draw(draw, each, picture.size, font, line=max(2, max(picture.size) // 200))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _draw(
    draw: ImageDraw.ImageDraw,
    seen: DetectedObject,
    size_wh: tuple[int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    line: int,
) -> None:
    width, height = size_wh
    x_min, x_max = sorted((seen.box[0] * (width - 1), seen.box[2] * (width - 1)))
    y_min, y_max = sorted((seen.box[1] * (height - 1), seen.box[3] * (height - 1)))
    draw.rectangle((x_min - 1, y_min - 1, x_max + 1, y_max + 1), outline=_EDGE, width=line + 2)
    draw.rectangle((x_min, y_min, x_max, y_max), outline=_COLOUR, width=line)
    text = f"{seen.label} {percent(seen.probability)}"
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    pad = line + 2
    tag_width, tag_height = right - left + 2 * pad, bottom - top + 2 * pad
    x, y = _place((x_min, y_min, x_max, y_max), (tag_width, tag_height), size_wh)
    draw.rectangle((x, y, x + tag_width, y + tag_height), fill=_COLOUR, outline=_EDGE)
    draw.text((x + pad - left, y + pad - top), text, font=font, fill=_TEXT)


def _place(
    box_xyxy: tuple[float, float, float, float], tag_wh: tuple[float, float], size_wh: tuple[int, int]
) -> tuple[float, float]:
    """The top left corner of a tag: above the box, beside or below it; inside, at its foot, only for want of room.

    All in pixels. Heads are at the top of boxes, and faces are what people look for first.
    """
    x_min, y_min, x_max, y_max = box_xyxy
    right, bottom = size_wh[0] - 1 - tag_wh[0], size_wh[1] - 1 - tag_wh[1]
    along = max(0.0, min(x_min, right))
    beside = max(0.0, min(y_min, bottom))
    for x, y in ((along, y_min - tag_wh[1]), (x_max, beside), (x_min - tag_wh[0], beside), (along, y_max)):
        if 0 <= x <= right and 0 <= y <= bottom:
            return x, y
    return along, max(0.0, min(y_max - tag_wh[1], bottom))
