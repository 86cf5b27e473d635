"""How much boxes overlap, as plainly as it can be said: what the stage's own arithmetic is held against."""

import numpy as np


def iou(boxes_xyxy: np.ndarray) -> np.ndarray:
    """Intersection over union of each pair: [N, N] from [N, 4] boxes with x_max > x_min and y_max > y_min."""
    first, second = boxes_xyxy[:, None], boxes_xyxy[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    overlap = np.clip(sides, 0, None).prod(axis=-1)
    area = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=-1)
    return np.asarray(overlap / (area[:, None] + area - overlap))
