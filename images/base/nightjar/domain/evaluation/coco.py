"""Label files of COCO: one JSON object with `images`, `annotations` and `categories`.

`bbox` is left, top, width, height in pixels from 0; an annotation with `iscrowd` 1 is a region that is ignored
(https://cocodataset.org/#format-data).
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from nightjar.domain.evaluation.labels import LabelledBox, LabelledPicture, Labels, picture_name, tidy
from nightjar.errors import InputError


def is_coco(text: str) -> bool:
    """Whether `text` begins as a JSON object does."""
    return text.lstrip().startswith("{")


def read_coco(text: str, source: str) -> Labels:
    """The labels in `text`; raises InputError, which names `source` and the entry."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: expected a JSON object of COCO labels: {error}") from None
    names: dict[Any, str] = {}
    for n, each in _list(document, "categories", source):
        if (number := _id(each, "categories", n, source)) in names:
            raise InputError(f"{source}: expected each id of categories once, got {number} twice")
        names[number] = _name(each, n, source)
    images = {}
    for n, each in _list(document, "images", source):
        number = _id(each, "images", n, source)
        if number in images:
            raise InputError(f"{source}: expected each id of images once, got {number} twice")
        images[number] = each, picture_name(_text(each, "file_name", "images", n, source))
    if not images:
        raise InputError(f"{source}: expected at least one of images, got none")
    boxes: dict[Any, list[LabelledBox]] = {number: [] for number in images}
    for n, each in _list(document, "annotations", source):
        where = f"{source}: annotations[{n}]"
        if _key(each, "image_id") not in boxes:
            raise InputError(f"{where}: expected an image_id among images, got {each.get('image_id')!r}")
        if _key(each, "category_id") not in names:
            raise InputError(f"{where}: expected a category_id among categories, got {each.get('category_id')!r}")
        if box := _box(each, where):
            ignored = bool(each.get("iscrowd") or each.get("ignore"))
            boxes[each["image_id"]].append(LabelledBox(names[each["category_id"]], box, ignored))
    pictures: dict[str, LabelledPicture] = {}
    for number, (image, name) in images.items():
        if name in pictures:
            raise InputError(f"{source}: expected each picture once in images, got {name!r} twice")
        pictures[name] = LabelledPicture(tuple(boxes[number]), _size(image, f"{source}: image {name!r}"))
    return Labels("COCO", pictures, frozenset(names.values()))


def _list(document: Any, key: str, source: str) -> list[tuple[int, Mapping[str, Any]]]:
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        has = ", ".join(sorted(map(str, document)))[:120] if isinstance(document, dict) else type(document).__name__
        raise InputError(f"{source}: expected COCO labels with a list of objects called {key}, got {has or 'nothing'}")
    return list(enumerate(value))


def _key(each: Mapping[str, Any], key: str) -> Any:
    """The value at `key`, where it can be an id."""
    value = each.get(key)
    return value if isinstance(value, int | str) else None


def _id(each: Mapping[str, Any], of: str, n: int, source: str) -> Any:
    number = _key(each, "id")
    if number is None:
        raise InputError(f"{source}: expected an id in {of}[{n}], got {each.get('id')!r}")
    return number


def _text(each: Mapping[str, Any], key: str, of: str, n: int, source: str) -> str:
    value = each.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{source}: expected {key} in {of}[{n}], got {value!r}")
    return value


def _name(each: Mapping[str, Any], n: int, source: str) -> str:
    return tidy(_text(each, "name", "categories", n, source))


def _box(each: Mapping[str, Any], where: str) -> tuple[float, float, float, float] | None:
    """The box of an annotation; None for an empty one, which COCO itself has a few of."""
    value = each.get("bbox")
    given = value if isinstance(value, list) else []
    numbers = [number for each in given if (number := _finite(each)) is not None]
    if len(given) != 4 or len(numbers) != 4 or numbers[2] < 0 or numbers[3] < 0:
        raise InputError(f"{where}: expected a bbox of left, top, width, height, got {str(value)[:120]}")
    left, top, width, height = numbers
    return (left, top, left + width, top + height) if width and height else None


def _size(image: Mapping[str, Any], where: str) -> tuple[float, float] | None:
    """The width and height of an image; None where the file says neither."""
    given = image.get("width"), image.get("height")
    if given == (None, None):
        return None
    width, height = map(_finite, given)
    if not (width and height and width > 0 and height > 0):
        raise InputError(f"{where}: expected a width and a height above 0, got {str(given)[:80]}")
    return width, height


def _finite(value: Any) -> float | None:
    """The number that `value` is; None for anything else, such as a whole number too large for arithmetic."""
    if not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
