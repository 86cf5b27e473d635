"""From the model's raw output to objects: threshold, then non-maximum suppression in each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightjar.domain.detections import DetectedObject

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

NMS_IOU = 0.5
# Of the anchors above the threshold only the most probable compete, so that a noisy picture costs bounded time.
MOST_CANDIDATES = 400
_DIGITS = 4  # a ten-thousandth of a picture is below the model's precision


@dataclass(frozen=True)
class Candidates:
    """The (anchor, class) pairs of one picture that reach the threshold, in the order of the model's output.

    `probabilities` and `classes` are [N], `boxes_xyxy` is [N, 4] in 0..1 as x_min, y_min, x_max, y_max.
    """

    probabilities: Floats
    classes: Indices
    boxes_xyxy: Floats


def find_objects(
    scores: Floats, boxes_yxyx: Floats, labels: Sequence[str | None], min_probability: float
) -> list[DetectedObject]:
    """The objects in one picture, from the most to the least probable: `named_objects` of its `candidates`."""
    return named_objects(candidates(scores, boxes_yxyx, min_probability), labels)


def candidates(scores: Floats, boxes_yxyx: Floats, min_probability: float) -> Candidates:
    """What reaches the threshold; copies, so that the model's output may be overwritten.

    `scores` is [anchors, classes] in 0..1; `boxes_yxyx` is [anchors, 4] as y_min, x_min, y_max, x_max in fractions of
    the picture, possibly reaching outside: that is clipped.
    """
    # Nearly every score is below the threshold: one flat pass, and everything else on the few that are left.
    anchors, classes = np.divmod(np.flatnonzero(scores.ravel() >= np.float32(min_probability)), scores.shape[1])
    return Candidates(scores[anchors, classes], classes, np.clip(boxes_yxyx[anchors][:, [1, 0, 3, 2]], 0, 1))


def named_objects(found: Candidates, labels: Sequence[str | None]) -> list[DetectedObject]:
    """Candidates after non-maximum suppression, from the most to the least probable.

    `labels[k]` names class k, None where no class is: such candidates go, and so do empty boxes.
    """
    boxes_xyxy, classes = found.boxes_xyxy, found.classes
    order = np.argsort(-found.probabilities, kind="stable")
    real = (boxes_xyxy[:, 2] > boxes_xyxy[:, 0]) & (boxes_xyxy[:, 3] > boxes_xyxy[:, 1])
    named = np.array([label is not None for label in labels])[classes]
    order = order[(real & named)[order]][:MOST_CANDIDATES]
    kept = order[suppress(boxes_xyxy[order], classes[order], NMS_IOU)]
    values = zip(classes[kept].tolist(), _rounded(found.probabilities[kept]), _rounded(boxes_xyxy[kept]), strict=True)
    return [DetectedObject(label=str(labels[k]), probability=p, box=box) for k, p, box in values]


def suppress(boxes_xyxy: Floats, classes: Indices, most_iou: float) -> Indices:
    """Non-maximum suppression in each class by itself: the indices to keep, in the order they came.

    `boxes_xyxy` is [N, 4], the most probable first, `classes` is [N]. A box goes when one before it, of its class, that
    stays overlaps it by an IoU of more than `most_iou`.
    """
    rivals = (iou(boxes_xyxy) > most_iou) & (classes[:, None] == classes[None, :])
    alive = np.ones(len(boxes_xyxy), dtype=np.bool_)
    for k in np.flatnonzero(np.triu(rivals, 1).any(axis=1)):
        if alive[k]:
            alive[k + 1 :] &= ~rivals[k, k + 1 :]
    return np.flatnonzero(alive)


def iou(boxes_xyxy: Floats) -> Floats:
    """Intersection over union of each pair: [N, N] from [N, 4] boxes with x_max > x_min and y_max > y_min."""
    x_min, y_min, x_max, y_max = np.ascontiguousarray(boxes_xyxy.T)
    width = np.minimum(x_max[:, None], x_max) - np.maximum(x_min[:, None], x_min)
    height = np.minimum(y_max[:, None], y_max) - np.maximum(y_min[:, None], y_min)
    overlap = np.maximum(width, 0) * np.maximum(height, 0)
    area = (x_max - x_min) * (y_max - y_min)
    result: Floats = overlap / (area[:, None] + area - overlap)
    return result


def _rounded(values: Floats) -> list[Any]:
    return list(np.round(values.astype(np.float64), _DIGITS).tolist())
