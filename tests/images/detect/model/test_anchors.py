"""Anchors of an SSD for other input sizes than the one it was trained at."""

from itertools import pairwise

import anchors
import numpy as np
import pytest

from nightjar_detect.decoders.ssd_anchors import AnchorLayer


def layers(height: int, width: int) -> list[AnchorLayer]:
    return [AnchorLayer.model_validate(layer) for layer in anchors.layers(height, width)]


@pytest.mark.parametrize(
    ("height", "width", "grids"),
    [
        (300, 300, [(19, 19), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1)]),
        (300, 400, [(19, 25), (10, 13), (5, 7), (3, 4), (2, 2), (1, 1)]),
        (332, 444, [(21, 28), (11, 14), (6, 7), (3, 4), (2, 2), (1, 1)]),
        (32, 16, [(2, 1), (1, 1), (1, 1), (1, 1), (1, 1), (1, 1)]),
    ],
)
def test_there_are_as_many_cells_as_the_network_has(height: int, width: int, grids: list[tuple[int, int]]) -> None:
    assert [layer.grid_hw for layer in layers(height, width)] == grids
    assert [len(layer.sizes_hw) for layer in layers(height, width)] == [3, 6, 6, 6, 6, 6]


def test_sizes_stay_what_they_were_in_pixels() -> None:
    trained, wide = layers(300, 300), layers(300, 400)
    assert [layer.sizes_hw for layer in trained] == [layer.sizes_hw for layer in wide]
    assert trained[0].sizes_hw == ((30, 30), (42.4264, 84.8528), (84.8528, 42.4264))
    assert trained[5].sizes_hw[0] == (285, 285)
    assert trained[5].sizes_hw[5] == pytest.approx((292.4038, 292.4038), abs=1e-4)


def test_at_the_trained_size_the_middle_of_each_layer_is_the_middle_of_the_picture() -> None:
    for layer in layers(300, 300):
        middle = layer.anchors()[:, :2].mean(axis=0)
        assert middle.tolist() == pytest.approx([150, 150], abs=1e-4)


@pytest.mark.parametrize("side", range(290, 420))
def test_centres_follow_what_cells_see(side: int) -> None:
    """A cell looks at the middle of its convolutions: followed back through each halving, as TensorFlow pads it."""
    of_side, of_trained = anchors.layers(side, 300), anchors.layers(300, 300)
    for n, (layer, trained) in enumerate(zip(of_side, of_trained, strict=True)):
        moved = layer["first_yx"][0] - trained["first_yx"][0]
        assert moved == looked_at(side, n + 4) - looked_at(300, n + 4)


def looked_at(side: int, halvings: int) -> int:
    """The pixel in the middle of what the first cell sees: kernels of 3, of which padding covers what is left over."""
    sides = [side]
    for _ in range(halvings):
        sides.append(-(-sides[-1] // 2))
    place = 0
    for before, after in reversed(list(pairwise(sides))):
        padded_in_front = max((after - 1) * 2 + 3 - before, 0) // 2
        place = 2 * place + 1 - padded_in_front
    return place


def test_strides_double() -> None:
    assert [layer.stride_yx for layer in layers(300, 400)] == [(2**k, 2**k) for k in range(4, 10)]
    assert np.isfinite(np.concatenate([layer.anchors() for layer in layers(300, 400)])).all()
