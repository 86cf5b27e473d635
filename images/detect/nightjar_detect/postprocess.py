"""From the model's raw output to objects: threshold, then non-maximum suppression in each class."""

from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from nightjar.domain.detections import DetectedObject

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

NMS_IOU = 0.5
# Of the anchors above the threshold only the most probable compete, so that a noisy picture costs bounded time.
MOST_CANDIDATES = 400
_DIGITS = 4  # a ten-thousandth of a picture is below the model's precision


def find_objects(
    scores: Floats, boxes_yxyx: Floats, labels: Sequence[str | None], min_probability: float
) -> list[DetectedObject]:
    """The objects in one picture, from the most to the least probable.

    `scores` is [anchors, classes] in 0..1; `boxes_yxyx` is [anchors, 4] as y_min, x_min, y_max, x_max in fractions of
    the picture, possibly reaching outside: that is clipped. `labels[k]` names class k, None where no class is: such
    candidates go, and so do empty boxes.
    """
    # Nearly every score is below the threshold: one flat pass, and everything else on the few that are left.
    anchors, classes = np.divmod(np.flatnonzero(scores.ravel() >= np.float32(min_probability)), scores.shape[1])
    boxes_xyxy = np.clip(boxes_yxyx[anchors][:, [1, 0, 3, 2]], 0, 1)
    named = np.array([label is not None for label in labels])[classes]
    real = np.flatnonzero(named & (boxes_xyxy[:, 2:] > boxes_xyxy[:, :2]).all(axis=1))
    probabilities, classes, boxes_xyxy = scores[anchors[real], classes[real]], classes[real], boxes_xyxy[real]
    kept = suppress(boxes_xyxy, probabilities, classes, NMS_IOU)
    values = zip(classes[kept].tolist(), _rounded(probabilities[kept]), _rounded(boxes_xyxy[kept]), strict=True)
    return [DetectedObject(label=str(labels[k]), probability=p, box=box) for k, p, box in values]


def suppress(boxes_xyxy: Floats, probabilities: Floats, classes: Indices, most_iou: float) -> Indices:
    """Non-maximum suppression in each class by itself: the indices to keep, from the most to the least probable.

    `boxes_xyxy` is [N, 4], `probabilities` and `classes` are [N]. A box goes when a more probable one of its class,
    that stays, overlaps it by an IoU of more than `most_iou`, and when MOST_CANDIDATES are more probable.
    """
    if not len(boxes_xyxy):
        return np.empty(0, np.intp)
    boxes_xywh = np.concatenate([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]], axis=1)
    boxes, scores, ids = cast(Any, boxes_xywh), cast(Any, probabilities), cast(Any, classes.astype(np.int32))
    kept = cv2.dnn.NMSBoxesBatched(boxes, scores, ids, -1.0, most_iou, top_k=MOST_CANDIDATES)
    return np.asarray(kept, np.intp)


def _rounded(values: Floats) -> list[Any]:
    return list(np.round(values.astype(np.float64), _DIGITS).tolist())
