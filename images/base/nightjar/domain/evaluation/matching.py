"""Which found boxes are true: the most probable first, each to the best box that no other has been given to.

This is how COCO's evaluation matches (https://cocodataset.org/#detection-eval, `pycocotools`, `evaluateImg`): in each
picture and label by itself, from the most to the least probable, a found box takes the labelled box that it overlaps
most, by an IoU of at least 0.5, among those not taken. One that takes none, but lies by half of its own area in a
region that is ignored, counts for nothing; any other is false. A box found twice is once true and once false.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nightjar.domain.detections import DetectedObject
from nightjar.domain.evaluation.labels import Box, LabelledBox

MIN_OVERLAP = 0.5


@dataclass(frozen=True)
class Found:
    """A found box that counts: how probable the detector called it, and whether it is true."""

    probability: float
    is_true: bool


def matched(
    labelled: Sequence[LabelledBox], found: Sequence[DetectedObject]
) -> list[tuple[DetectedObject, LabelledBox | None]]:
    """Each of the `found` objects that counts, with the labelled box that it is; None beside a false one.

    All are of one picture and one label, boxes in fractions of the picture.
    """
    free = [each for each in labelled if not each.ignored]
    ignored = [each.box for each in labelled if each.ignored]
    pairs: list[tuple[DetectedObject, LabelledBox | None]] = []
    for each in sorted(found, key=lambda o: (-o.probability, o.box)):
        overlap, best = max(((iou(each.box, box.box), n) for n, box in enumerate(free)), default=(0.0, -1))
        if overlap >= MIN_OVERLAP:
            pairs.append((each, free.pop(best)))
        elif not any(share_inside(each.box, region) >= MIN_OVERLAP for region in ignored):
            pairs.append((each, None))
    return pairs


def iou(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    shared = _shared(first, second)
    union = _area(first) + _area(second) - shared
    return shared / union if union > 0 else 0.0


def share_inside(box: Box, region: Box) -> float:
    """The share of the box's area that lies in the region, 0 to 1."""
    area = _area(box)
    return _shared(box, region) / area if area > 0 else 0.0


def _shared(first: Box, second: Box) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return width * height if width > 0 and height > 0 else 0.0


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
