"""From a model's candidates to objects: calibration, threshold, then non-maximum suppression in each class."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from nightjar.domain.detections import DetectedObject
from nightjar_detect.decoders.interface import Floats
from nightjar_detect.model import Curve, ModelCard, Suppression

Indices = NDArray[np.intp]

_DIGITS = 4  # a ten-thousandth of a picture is below the model's precision


@dataclass(frozen=True)
class Selection:
    """Which candidates are objects. `labels[k]` names channel k; None, like every channel behind, is no object.

    `curves[k]` is the calibration of channel k, None where scores are probabilities as they are.
    """

    labels: Sequence[str | None]
    min_probability: float
    suppression: Suppression = field(default_factory=Suppression)
    curves: Sequence[Curve | None] = ()

    @classmethod
    def of(cls, card: ModelCard, min_probability: float) -> "Selection":
        """That of a model card, for objects of at least this probability."""
        labels = card.class_labels
        curves = [card.curve(label) if label is not None else None for label in labels]
        return cls(labels, min_probability, card.suppression, curves if any(curves) else ())

    @cached_property
    def least_scores(self) -> Floats:
        """The score that means `min_probability`: [] where it is the same for all channels, otherwise for each [C]."""
        if not self.curves:
            return np.array(self.min_probability, np.float32)
        each = [_score_of(curve, self.min_probability) for curve in self.curves]
        labelled = {score for score, label in zip(each, self.labels, strict=True) if label is not None}
        return np.array(each if len(labelled) > 1 else labelled.pop(), np.float32)


def find_objects(scores: Floats, boxes_yxyx: Floats, selection: Selection) -> list[DetectedObject]:
    """The objects in one picture, from the most to the least probable.

    `scores` is [candidates, channels] in 0..1; `boxes_yxyx` is [candidates, 4] as y_min, x_min, y_max, x_max in
    fractions of the picture, possibly reaching outside: that is clipped. Candidates of channels without a label go, and
    so do empty boxes.
    """
    rows, channels = _above(scores, selection)
    boxes_xyxy = np.clip(boxes_yxyx[rows][:, [1, 0, 3, 2]], 0, 1)
    named = np.array([*(label is not None for label in selection.labels), False])
    real = np.flatnonzero(
        named[np.minimum(channels, len(selection.labels))] & (boxes_xyxy[:, 2:] > boxes_xyxy[:, :2]).all(axis=1)
    )
    probabilities, channels, boxes_xyxy = scores[rows[real], channels[real]], channels[real], boxes_xyxy[real]
    if selection.curves:
        probabilities = _calibrated(probabilities, channels, selection.curves)
    kept = suppress(boxes_xyxy, probabilities, channels, selection.suppression)
    values = zip(channels[kept].tolist(), _rounded(probabilities[kept]), _rounded(boxes_xyxy[kept]), strict=True)
    return [DetectedObject(label=str(selection.labels[k]), probability=p, box=box) for k, p, box in values]


def suppress(boxes_xyxy: Floats, probabilities: Floats, classes: Indices, how: Suppression) -> Indices:
    """Non-maximum suppression: the indices to keep, from the most to the least probable.

    `boxes_xyxy` is [N, 4], `probabilities` and `classes` are [N]. A box goes when a more probable one of its class (of
    any, unless `how` says per class), that stays, overlaps it too much, and when `most_candidates` are more probable.
    Those that are left and large in the frame do the same once more, by the bound of large boxes.
    """
    if not len(boxes_xyxy):
        return np.empty(0, np.intp)
    groups = classes.astype(np.int32) if how.per_class else np.zeros(len(classes), np.int32)
    sizes_wh = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    boxes_xywh = np.concatenate([boxes_xyxy[:, :2], sizes_wh], axis=1)
    kept = _suppressed(boxes_xywh, probabilities, groups, how.iou, how.most_candidates)
    if how.large is None:
        return kept
    large = kept[np.sqrt(sizes_wh[kept].prod(axis=1)) >= how.large.side]
    if len(large) < 2:
        return kept
    stay = _suppressed(boxes_xywh[large], probabilities[large], groups[large], how.large.iou, len(large))
    return kept[~np.isin(kept, np.delete(large, stay))]


def _suppressed(
    boxes_xywh: Floats, probabilities: Floats, groups: NDArray[np.int32], most_iou: float, most: int
) -> Indices:
    """The indices of boxes that no more probable one of their group overlaps by more than `most_iou`."""
    boxes, scores, ids = cast(Any, boxes_xywh), cast(Any, probabilities), cast(Any, groups)
    return np.asarray(cv2.dnn.NMSBoxesBatched(boxes, scores, ids, -1.0, most_iou, top_k=most), np.intp)


def _above(scores: Floats, selection: Selection) -> tuple[Indices, Indices]:
    """Row and channel of each score that means at least the least probability."""
    # Nearly every score is below the threshold: one flat pass, and everything else on the few that are left.
    least = selection.least_scores
    if least.ndim:
        channels = min(len(least), scores.shape[1])
        least = np.append(least[:channels], np.full(scores.shape[1] - channels, np.inf, np.float32))
    return np.divmod(np.flatnonzero((scores >= least).ravel()), scores.shape[1])


def _score_of(curve: Curve | None, probability: float) -> float:
    """The score that the curve takes to `probability`."""
    if curve is None:
        return probability
    scores, probabilities = zip(*curve, strict=True)
    return float(np.interp(probability, probabilities, scores))


def _calibrated(scores: Floats, channels: Indices, curves: Sequence[Curve | None]) -> Floats:
    """The probabilities that the scores mean."""
    probabilities = scores.copy()
    for channel in set(channels.tolist()):
        if curve := curves[channel]:
            members = channels == channel
            of, to = zip(*curve, strict=True)
            probabilities[members] = np.interp(scores[members], of, to)
    return probabilities


def _rounded(values: Floats) -> list[Any]:
    return list(np.round(values.astype(np.float64), _DIGITS).tolist())
