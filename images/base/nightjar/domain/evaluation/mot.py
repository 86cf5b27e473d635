"""Label files of the MOT benchmarks: `gt.txt`, a row a box, for the frames of one video.

    frame, track, left, top, width, height, conf, class, visibility      MOT16 and later
    frame, track, left, top, width, height, conf, x, y, z                MOT15: pedestrians only, x to z are -1

Frames, left and top count from 1. A row with conf 0 is not to be scored: here it is a region that is ignored, for the
label of its class (Milan et al., "MOT16: A Benchmark for Multi-Object Tracking", arXiv:1603.00831, tables 5 and 6).
"""

import math
from collections import defaultdict

from nightjar.domain.evaluation.labels import LabelledBox, LabelledPicture, Labels, frame_name
from nightjar.errors import InputError

PERSON = "person"
# Scored classes. Those of people that a detector may or may not find (on a vehicle, standing still, reflected, a
# crowd) are ignored regions; occluders are nothing that anybody looks for.
_CLASSES = {1: PERSON, 3: "car", 4: "bicycle", 5: "motorcycle"}
_IGNORED = {2: PERSON, 7: PERSON, 8: PERSON, 12: PERSON, 13: PERSON}
_OCCLUDERS = (6, 9, 10, 11)
_MOST_FRAMES = 1_000_000
_COLUMNS = (6, 10)
_BOX = 6  # columns up to height


def is_mot(text: str) -> bool:
    """Whether the first row of `text` is one of MOT: numbers with commas between."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return first.count(",") >= _BOX - 1 and not first.lstrip().startswith(("{", "["))


def read_mot(text: str, source: str) -> Labels:
    """The labels in `text`. Frames from 1 to the last with a row are labelled, also those without one.

    Raises InputError, which names `source` and the line.
    """
    boxes: dict[int, list[LabelledBox]] = defaultdict(list)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"line {number} of {source}"
        values = _numbers(line, where)
        frame = values[0]
        if frame != int(frame) or not 1 <= frame <= _MOST_FRAMES:
            raise InputError(f"{where}: expected a frame from 1 to {_MOST_FRAMES:,}, got {frame:g}")
        if box := _box(values, where):
            boxes[int(frame)].append(box)
        else:
            boxes[int(frame)] += []
    if not boxes:
        raise InputError(f"{source}: expected rows of frame,track,left,top,width,height,…, got none")
    pictures = {
        frame_name(frame): LabelledPicture(tuple(boxes.get(frame, ())), None) for frame in range(1, max(boxes) + 1)
    }
    return Labels("MOT", pictures, frozenset(box.label for found in boxes.values() for box in found))


def _numbers(line: str, where: str) -> list[float]:
    parts = [part.strip() for part in line.rstrip().rstrip(",").split(",")]
    try:
        values = [float(part) for part in parts]
    except ValueError:
        raise InputError(f"{where}: expected numbers with commas between, got {line.strip()[:80]!r}") from None
    if not _COLUMNS[0] <= len(values) <= _COLUMNS[1]:
        raise InputError(f"{where}: expected {_COLUMNS[0]} to {_COLUMNS[1]} numbers, got {len(values)}")
    if not all(math.isfinite(value) for value in values):
        raise InputError(f"{where}: expected finite numbers, got {line.strip()[:80]!r}")
    return values


def _box(values: list[float], where: str) -> LabelledBox | None:
    """The box of a row; None for an occluder."""
    left, top, width, height = values[2:_BOX]
    if width <= 0 or height <= 0:
        raise InputError(f"{where}: expected a box with width and height above 0, got {width:g} and {height:g}")
    box = (left - 1, top - 1, left - 1 + width, top - 1 + height)
    conf = values[6] if len(values) > _BOX else 1.0
    kind = values[7] if len(values) > 7 else -1
    is_mot15 = len(values) == _COLUMNS[1] or kind == -1
    if is_mot15:
        return LabelledBox(PERSON, box, ignored=conf == 0)
    if kind in _OCCLUDERS:
        return None
    if kind in _IGNORED:
        return LabelledBox(_IGNORED[int(kind)], box, ignored=True)
    if kind not in _CLASSES:
        raise InputError(f"{where}: expected a class from 1 to 13 (1 is a pedestrian), got {values[7]:g}")
    return LabelledBox(_CLASSES[int(kind)], box, ignored=conf == 0)
