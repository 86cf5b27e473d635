"""Draws on a picture what a detector saw: boxes, labels, probabilities. Needs Pillow, which not every stage has."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from PIL import Image, ImageDraw, ImageFont

from nightjar.domain.detections import DetectedObject
from nightjar.domain.probability import percent
from nightjar.runtime.tag_places import Area, tag_places

_COLOUR = (255, 214, 0)  # yellow edged with black stands out from grass, brick, snow and night alike
_EDGE = (0, 0, 0)
_TEXT = (0, 0, 0)
_QUALITY = 85
_LEAST_FONT = 11  # pixels; smaller text cannot be read
_SMALLER = (1.0, 0.8, 0.65)  # the sizes of a tag that are tried where there is little room

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def annotate(
    jpeg: bytes, objects: Sequence[DetectedObject], longest: int | None = None, *, is_dashed: bool = False
) -> bytes:
    """The picture `jpeg` as JPEG with a box, the label and the probability of each of `objects`.

    Boxes are x_min, y_min, x_max, y_max as fractions of the picture. With `longest`, the picture is made smaller so
    that no side has more than that many pixels; text stays legible. A tag with label and probability never covers
    another object's box; in a crowd without room for it, it is left out. Boxes are `is_dashed` where the detector did
    not look, and the objects are from other pictures. Raises PIL.UnidentifiedImageError for no picture.
    """
    if longest:
        return encoded(boxed(within(jpeg, (longest, longest)), objects, is_dashed=is_dashed))
    with Image.open(io.BytesIO(jpeg)) as opened:
        return encoded(boxed(opened.convert("RGB"), objects, is_dashed=is_dashed))


def within(jpeg: bytes, most_wh: tuple[int, int]) -> Image.Image:
    """The picture `jpeg`, made smaller where it is wider or higher than `most_wh`.

    JPEG is decoded at a fraction of its size as far as that is enough, which costs a fraction of the time.
    """
    with Image.open(io.BytesIO(jpeg)) as opened:
        factor = min(1.0, *(most / side for most, side in zip(most_wh, opened.size, strict=True)))
        opened.draft("RGB", (max(1, ceil(opened.width * factor)), max(1, ceil(opened.height * factor))))
        picture = opened.convert("RGB")
    picture.thumbnail(most_wh, Image.Resampling.LANCZOS)
    return picture


def boxed(
    picture: Image.Image, objects: Sequence[DetectedObject], *, tags: bool = True, is_dashed: bool = False
) -> Image.Image:
    """Draw the boxes of `objects`, and their tags, on `picture`, which is changed."""
    draw = ImageDraw.Draw(picture)
    line = max(2, max(picture.size) // 200)
    surest = sorted(objects, key=lambda each: -each.probability)
    boxes = [_pixels(each, picture.size) for each in surest]
    for box in reversed(boxes):  # the most probable on top
        if is_dashed:
            _draw_dashed(draw, box, line)
            continue
        draw.rectangle((box.left - 1, box.top - 1, box.right + 1, box.bottom + 1), outline=_EDGE, width=line + 2)
        draw.rectangle((box.left, box.top, box.right, box.bottom), outline=_COLOUR, width=line)
    if tags:
        _draw_tags(draw, surest, boxes, picture.size, line)
    return picture


def encoded(picture: Image.Image) -> bytes:
    """The picture as JPEG."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


@dataclass(frozen=True)
class _Tag:
    """A tag in one of its sizes, at no place yet."""

    text: str
    font: Font
    pad: int
    offset: tuple[float, float]  # of the text's ink from where it is drawn
    area: Area


def _draw_tags(
    draw: ImageDraw.ImageDraw,
    objects: Sequence[DetectedObject],
    boxes: Sequence[Area],
    size_wh: tuple[int, int],
    line: int,
) -> None:
    picture = Area(0, 0, size_wh[0] - 1, size_wh[1] - 1)
    full = max(16, max(size_wh) // 28)
    heights = sorted({max(_LEAST_FONT, round(full * factor)) for factor in _SMALLER}, reverse=True)
    fonts = [ImageFont.load_default(height) for height in heights]
    made = [[_tag(draw, each, font, picture) for font in fonts] for each in objects]
    placed = tag_places(picture, boxes, [[tag.area for tag in sizes] for sizes in made])
    for box, place in zip(boxes, placed, strict=True):  # leads first, so that none crosses a tag
        if place is not None and place.distance(box) > line:
            _draw_lead(draw, place, box)
    for place, sizes in zip(placed, made, strict=True):
        if place is None:
            continue
        tag = next(tag for tag in sizes if (tag.area.width, tag.area.height) == (place.width, place.height))
        draw.rectangle((place.left, place.top, place.right, place.bottom), fill=_COLOUR, outline=_EDGE)
        at = (place.left + tag.pad - tag.offset[0], place.top + tag.pad - tag.offset[1])
        draw.text(at, tag.text, font=tag.font, fill=_TEXT)


def _tag(draw: ImageDraw.ImageDraw, seen: DetectedObject, font: Font, picture: Area) -> _Tag:
    """The tag of an object, with a label that is cut where it would not fit into the picture."""
    pad = max(2, round(font.size / 5)) if isinstance(font, ImageFont.FreeTypeFont) else 3
    label, likely = seen.label, percent(seen.probability)
    while True:
        text = f"{label} {likely}" if label == seen.label else f"{label}… {likely}"
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        area = Area(0, 0, int(right - left + 2 * pad + 1), int(bottom - top + 2 * pad + 1))
        if area.width <= picture.width or not label:
            return _Tag(text, font, pad, (left, top), area)
        label = label[: min(len(label) - 1, int(len(label) * picture.width / area.width))]


def _draw_dashed(draw: ImageDraw.ImageDraw, box: Area, line: int) -> None:
    """A box of dashes, with one around each corner."""
    for across, first, last, at in (
        (True, box.left, box.right, (box.top, box.bottom - line + 1)),
        (False, box.top, box.bottom, (box.left, box.right - line + 1)),
    ):
        for begin, end in _dashes(first, last, 6 * line):
            for side in at:
                ends = (begin, side, end, side + line - 1) if across else (side, begin, side + line - 1, end)
                draw.rectangle((ends[0] - 1, ends[1] - 1, ends[2] + 1, ends[3] + 1), fill=_EDGE)
                draw.rectangle(ends, fill=_COLOUR)


def _dashes(first: float, last: float, size: int) -> Iterator[tuple[float, float]]:
    """Dashes of about `size`, as long as the gaps between them, from `first` to `last`, which both have one."""
    parts = 2 * round(max(0.0, last - first) / (2 * size)) + 1
    length = (last - first) / parts
    return ((first + n * length, first + (n + 1) * length) for n in range(0, parts, 2))


def _draw_lead(draw: ImageDraw.ImageDraw, tag: Area, box: Area) -> None:
    """A line from the tag to the nearest point of its box."""
    ends = (*_nearest(tag, box), *_nearest(box, tag))
    draw.line(ends, fill=_EDGE, width=4)
    draw.line(ends, fill=_COLOUR, width=2)


def _nearest(area: Area, other: Area) -> tuple[float, float]:
    """The point of `area` that is nearest to the middle of `other`."""
    x, y = (other.left + other.right) / 2, (other.top + other.bottom) / 2
    return max(area.left, min(x, area.right)), max(area.top, min(y, area.bottom))


def _pixels(seen: DetectedObject, size_wh: tuple[int, int]) -> Area:
    width, height = size_wh
    left, right = sorted((seen.box[0] * (width - 1), seen.box[2] * (width - 1)))
    top, bottom = sorted((seen.box[1] * (height - 1), seen.box[3] * (height - 1)))
    return Area(left, top, right, bottom)
