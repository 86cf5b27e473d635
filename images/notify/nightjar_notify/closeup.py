"""Which part of a picture is worth enlarging: people far away are a few pixels in a mail. Pure; areas are in pixels."""

from collections.abc import Sequence

from nightjar.domain.detections import DetectedObject
from nightjar.runtime.tag_places import Area

ENLARGED_WH = (400, 300)
_FAR = 0.2  # an object is far away if no side of it is longer than this part of the picture's shorter side
_TOGETHER = 0.4  # objects beside it are enlarged with it as long as all are within this part of that side
_SHARE = 0.65  # how much of the enlargement's height or width they fill, at the most
_LEAST_HEIGHT = 60  # pixels of the picture that are enlarged: of less, nothing can be made out


def closeup_of(objects: Sequence[DetectedObject], size_wh: tuple[int, int]) -> Area | None:
    """The part, in whole pixels, around the first of `objects`; None when that is large enough in the picture as it is.

    It has the proportions of ENLARGED_WH. None also for a picture that is too small to enlarge a part of it.
    """
    shorter = min(size_wh)
    if not objects or _longest(area := _area(objects[0], size_wh)) > _FAR * shorter:
        return None
    for each in objects[1:]:
        both = _around(area, _area(each, size_wh))
        if _longest(both) <= _TOGETHER * shorter:
            area = both
    ratio = ENLARGED_WH[0] / ENLARGED_WH[1]
    height = int(max(_LEAST_HEIGHT, area.height / _SHARE, area.width / ratio / _SHARE))
    width = int(height * ratio)
    if 2 * width > size_wh[0] or 2 * height > size_wh[1]:  # it would show most of what the picture shows
        return None
    left = int(max(0.0, min((area.left + area.right - width) / 2, size_wh[0] - width)))
    top = int(max(0.0, min((area.top + area.bottom - height) / 2, size_wh[1] - height)))
    return Area(left, top, left + width, top + height)


def seen_in(part: Area, objects: Sequence[DetectedObject], size_wh: tuple[int, int]) -> list[DetectedObject]:
    """Those of `objects` that are within `part`, with their boxes as fractions of it."""
    inside = ((each, _area(each, size_wh)) for each in objects)
    return [_moved(each, area, part) for each, area in inside if area.is_within(part)]


def _moved(seen: DetectedObject, area: Area, part: Area) -> DetectedObject:
    box = (
        (area.left - part.left) / part.width,
        (area.top - part.top) / part.height,
        (area.right - part.left) / part.width,
        (area.bottom - part.top) / part.height,
    )
    return seen.model_copy(update={"box": box})


def _area(seen: DetectedObject, size_wh: tuple[int, int]) -> Area:
    left, right = sorted((seen.box[0] * size_wh[0], seen.box[2] * size_wh[0]))
    top, bottom = sorted((seen.box[1] * size_wh[1], seen.box[3] * size_wh[1]))
    return Area(left, top, right, bottom)


def _around(one: Area, other: Area) -> Area:
    return Area(
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )


def _longest(area: Area) -> float:
    return max(area.width, area.height)
