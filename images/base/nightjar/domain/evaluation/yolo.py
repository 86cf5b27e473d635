"""Label files of YOLO: a text file a picture, `class centre_x centre_y width height` in fractions, and names apart.

Names of the classes come from `classes.txt` or `obj.names` (a name a line), or from `names` in `data.yaml`
(https://docs.ultralytics.com/datasets/detect/). A picture without objects has an empty file.
"""

import math
from collections.abc import Mapping, Sequence

from nightjar.domain.evaluation.labels import FRACTIONS, LabelledBox, LabelledPicture, Labels, picture_name, tidy
from nightjar.errors import InputError

_COLUMNS = 5
_SLACK = 1e-3  # rounding of those who wrote the file


def is_yolo(text: str) -> bool:
    """Whether the first row of `text` is one of YOLO: numbers with spaces between, or there is no row at all."""
    first = next((line for line in text.splitlines() if line.strip()), None)
    if first is None:
        return True
    parts = first.split()
    return len(parts) >= _COLUMNS and all(_number(part) is not None for part in parts)


def read_yolo(texts: Mapping[str, str], names: Sequence[str], source: str) -> Labels:
    """The labels in `texts`, by the path of each file, with the `names` of classes 0, 1, ….

    Raises InputError, which names the file below `source` and the line.
    """
    if not texts:
        raise InputError(f"{source}: expected a text file of labels for each picture, got none")
    labels = [tidy(name) for name in names]
    pictures = {picture_name(path): _picture(text, labels, path) for path, text in sorted(texts.items())}
    return Labels("YOLO", pictures, frozenset(labels))


def _picture(text: str, labels: Sequence[str], path: str) -> LabelledPicture:
    rows = ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
    return LabelledPicture(
        tuple(_box(line.split(), labels, f"line {number} of {path}") for number, line in rows), FRACTIONS
    )


def _box(parts: Sequence[str], labels: Sequence[str], where: str) -> LabelledBox:
    numbers = [number for part in parts if (number := _number(part)) is not None]
    if len(parts) != _COLUMNS or len(numbers) != _COLUMNS:
        hint = "; outlines of segmentation are not read" if len(parts) > _COLUMNS else ""
        expected = "class, centre_x, centre_y, width and height with spaces between"
        raise InputError(f"{where}: expected {expected}, got {' '.join(parts)[:80]!r}{hint}")
    kind, x, y, width, height = numbers
    if kind != int(kind) or not 0 <= kind < len(labels):
        raise InputError(f"{where}: expected a class from 0 to {len(labels) - 1}, got {parts[0]}")
    if not all(0 <= value <= 1 + _SLACK for value in (x, y, width, height)) or not (width and height):
        raise InputError(f"{where}: expected fractions of the picture, from 0 to 1, got {' '.join(parts[1:])[:80]!r}")
    return LabelledBox(labels[int(kind)], (x - width / 2, y - height / 2, x + width / 2, y + height / 2))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
