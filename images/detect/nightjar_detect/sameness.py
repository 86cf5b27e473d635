"""Sameness: whether two pictures of one camera differ by more than the camera's noise, and where.

Pictures are compared at a quarter of the detector's input: the mean of four by four pixels, which takes grain and JPEG
noise away and leaves the smallest object that a detector finds. Of the difference of two such pictures a common change
of light is taken away: brightness and contrast of each colour. The rest is compared with the noise of these two
pictures, which is measured where they differ least, so that grainy infrared pictures are the same as well. A small
object is not noise: it changes few blocks by much, so it moves neither the light nor the measure of the noise.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nightjar.domain.areas import Box
from nightjar_detect.preprocess import Pixels

Means = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLOCK = 4  # pixels of the detector's input
_LEAST = 4.0  # levels: a smaller change is never seen
_SIGMAS = 6.0
_MOST = 16.0  # levels: where noise would hide a change of more, pictures are not compared
_MOST_LIGHT = 24.0  # levels by which the light may change
_QUARTILES = (25.0, 50.0, 75.0)
_LEAST_SPREAD = 12.0  # levels between the quartiles; below, contrast cannot be told
_EVERY = (
    3  # of the blocks, in both directions, those that tell of light and noise: enough of them, at a ninth of the time
)
_OBJECT = 4  # blocks; the smallest object that a detector finds changes about ten
_OF_SIGMA = 1.1  # the median of the largest of three absolute normal deviates


@dataclass(frozen=True, slots=True)
class Blocks:
    """A picture in small.

    `means` are those of its blocks, [3, H / 4, W / 4] in 0..255, and `quartiles` theirs, [3, 3, 1, 1]: the
    lower one, the median and the upper one of each colour.
    """

    means: Means
    quartiles: Means


def blocks_of(pixels: Pixels) -> Blocks:
    """The blocks of [H, W, 3] pixels. Each reaches over half of its neighbours.

    An object that lies across the border of two so fills most of one.
    """
    height, width = pixels.shape[:2]
    size = (max(1, width // BLOCK), max(1, height // BLOCK))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    means = np.ascontiguousarray(cv2.blur(small, (2, 2)).transpose(2, 0, 1), np.float32)
    some = means[:, ::_EVERY, ::_EVERY].reshape(3, -1)
    return Blocks(means, _quartiles(some)[..., None, None])


def _quartiles(values: Means) -> Means:
    """[3, C] of [C, N] values: what np.percentile gives, in a quarter of its time, which each picture pays."""
    places = np.array(_QUARTILES) / 100 * (values.shape[1] - 1)
    below = places.astype(np.intp)
    above = np.minimum(below + 1, values.shape[1] - 1)
    share = (places - below).astype(np.float32)[:, None]
    ordered = np.sort(values, axis=1)
    low, high = ordered[:, below].T, ordered[:, above].T
    return np.asarray(low + (high - low) * share, np.float32)


def changes(one: Blocks, other: Blocks) -> Mask:
    """Where two pictures differ by more than noise and light: a mask of the blocks, [H / 4, W / 4].

    All of it is set where the pictures cannot be compared: for their sizes, for too much noise or too much light.
    """
    shape = other.means.shape[1:]
    if one.means.shape != other.means.shape or np.abs(other.quartiles - one.quartiles).max() > _MOST_LIGHT:
        return np.ones(shape, np.bool_)
    rest = np.abs(_without_light(one, other)).max(axis=0)
    # The least half of the differences is noise, unless more than half of the picture changed.
    sigma = float(np.median(rest[::_EVERY, ::_EVERY])) / _OF_SIGMA
    threshold = max(_LEAST, _SIGMAS * sigma)
    if threshold > _MOST:
        return np.ones(shape, np.bool_)
    return np.asarray(rest > threshold, np.bool_)


def _without_light(one: Blocks, other: Blocks) -> Means:
    """The difference of two pictures without what a change of brightness and contrast does to all of it."""
    before, after = one.quartiles, other.quartiles
    spread, spread_after = before[2] - before[0], after[2] - after[0]
    is_flat = np.minimum(spread, spread_after) < _LEAST_SPREAD
    gain = np.where(is_flat, np.float32(1), spread_after / np.maximum(spread, np.float32(1)))
    return np.asarray(other.means - one.means * gain + (before[1] * gain - after[1]), np.float32)


def is_outside(mask: Mask, boxes_xyxy: Iterable[Box], margin: float) -> bool:
    """Whether enough of the mask for an object is set outside of the boxes.

    Boxes are in fractions; each counts as larger by `margin` of its own sides.
    """
    left = mask.copy()
    height, width = mask.shape
    for x_min, y_min, x_max, y_max in boxes_xyxy:
        across, down = (x_max - x_min) * margin, (y_max - y_min) * margin
        columns = slice(max(0, int((x_min - across) * width) - 1), int((x_max + across) * width) + 2)
        rows = slice(max(0, int((y_min - down) * height) - 1), int((y_max + down) * height) + 2)
        left[rows, columns] = False
    return int(np.count_nonzero(left)) >= _OBJECT
