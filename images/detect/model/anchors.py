"""The anchors of an SSD with MobileNet v2 that was trained at 300 x 300, for any input size.

An anchor keeps its size in pixels. Its centre has to follow what the cell sees: each halving of a side of even length
pads at its end alone, so that cells look elsewhere than dividing the side evenly says, as training at 300 x 300 did.
Evenly divided at another size, boxes are off by up to half a cell.
"""

from itertools import pairwise
from typing import Any

TRAINED_SIDE = 300

# Scales, as parts of TRAINED_SIDE, from the layer with the finest cells to the coarsest, and what comes after that.
_SCALES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
_RATIOS = (1.0, 2.0, 0.5, 3.0, 0.3333)  # width by height
_FINEST = ((0.1, 1.0), (0.2, 2.0), (0.2, 0.5))  # (scale, ratio)
_FIRST_HALVINGS = 4  # until the first layer


def layers(height: int, width: int) -> list[dict[str, Any]]:
    """The layers of the card's decoder (`ssd-anchors`), in pixels, for a network that is fed `height` x `width`."""
    return [
        {
            "grid_hw": [rows, columns],
            "stride_yx": [stride_y, stride_x],
            "first_yx": [first_y, first_x],
            "sizes_hw": sizes,
        }
        for (rows, stride_y, first_y), (columns, stride_x, first_x), sizes in zip(
            _cells(height), _cells(width), _sizes(), strict=True
        )
    ]


def _cells(side: int) -> list[tuple[int, float, float]]:
    """For each layer: the number of cells along a side, their stride and the centre of the first, in pixels.

    The network learned to say where a box is from the middles of an evenly divided side, but it looks the same
    everywhere: so what it learned is from where a cell looks, and the mean of how far those middles are from there.
    """
    return [
        (count, stride, first - ((trained - 1) / 2 * trained_stride + trained_first - TRAINED_SIDE / 2))
        for (count, stride, first), (trained, trained_stride, trained_first) in zip(
            _seen(side), _seen(TRAINED_SIDE), strict=True
        )
    ]


def _seen(side: int) -> list[tuple[int, int, int]]:
    """For each layer: the number of cells, their stride, and the place that the first looks at, in pixels."""
    count, stride, first = side, 1, 0
    halved = []
    for _ in range(_FIRST_HALVINGS + len(_SCALES) - 2):
        if count % 2 == 0:
            first += stride
        count, stride = -(-count // 2), stride * 2
        halved.append((count, stride, first))
    return halved[_FIRST_HALVINGS - 1 :]


def _sizes() -> list[list[list[float]]]:
    """For each layer: height and width of its anchors, in pixels; the last is between its scale and the next."""
    shapes = [_FINEST] + [
        (*((scale, ratio) for ratio in _RATIOS), ((scale * following) ** 0.5, 1.0))
        for scale, following in pairwise(_SCALES[1:])
    ]
    return [
        [[_pixels(scale / ratio**0.5), _pixels(scale * ratio**0.5)] for scale, ratio in of_layer] for of_layer in shapes
    ]


def _pixels(part: float) -> float:
    return round(part * TRAINED_SIDE, 4)
