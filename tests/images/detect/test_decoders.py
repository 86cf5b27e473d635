"""From the network's outputs to scores and boxes, by kind."""

from typing import Any

import numpy as np
import pytest

from nightjar_detect.decoders.interface import Outputs
from nightjar_detect.decoders.ssd_anchors import AnchorLayer, SsdAnchors
from nightjar_detect.decoders.ssd_decoded import SsdDecoded

# Four cells of two anchors, and one of one: nine anchors in a picture of 100 x 200 pixels.
LAYERS: list[dict[str, Any]] = [
    {"grid_hw": [2, 2], "stride_yx": [50, 100], "first_yx": [25, 50], "sizes_hw": [[20, 20], [50, 100]]},
    {"grid_hw": [1, 1], "stride_yx": [100, 200], "first_yx": [50, 100], "sizes_hw": [[100, 200]]},
]
ANCHORS = SsdAnchors.model_validate({"kind": "ssd-anchors", "variances": [10, 10, 5, 5], "layers": LAYERS})


def test_anchors_come_by_rows_and_then_by_size() -> None:
    layer = AnchorLayer.model_validate(LAYERS[0])
    assert layer.anchors().tolist() == [
        [25, 50, 20, 20],
        [25, 50, 50, 100],
        [25, 150, 20, 20],
        [25, 150, 50, 100],
        [75, 50, 20, 20],
        [75, 50, 50, 100],
        [75, 150, 20, 20],
        [75, 150, 50, 100],
    ]


def outputs(encodings: dict[int, list[float]]) -> Outputs:
    """No scores, and encodings that are 0 but for those named by the anchor's position."""
    raw = np.zeros((9, 4), np.float32)
    for n, values in encodings.items():
        raw[n] = values
    return {"scores": np.zeros((9, 3), np.float32), "encodings": raw}


@pytest.mark.parametrize(
    ("anchor", "encoding", "box_yxyx"),
    [
        pytest.param(1, [0, 0, 0, 0], [0, 0, 0.5, 0.5], id="the anchor itself"),
        pytest.param(7, [0, 0, 0, 0], [0.5, 0.5, 1, 1], id="another anchor"),
        pytest.param(8, [10, 0, 0, 0], [1, 0, 2, 1], id="down by its height, out of the picture"),
        pytest.param(8, [0, -5, 0, 0], [0, -0.5, 1, 0.5], id="left by half its width"),
        pytest.param(8, [0, 0, 5 * np.log(0.5), 0], [0.25, 0, 0.75, 1], id="half as high"),
        pytest.param(8, [0, 0, 0, 5 * np.log(2)], [0, -0.5, 1, 1.5], id="twice as wide"),
    ],
)
def test_ssd_anchors(anchor: int, encoding: list[float], box_yxyx: list[float]) -> None:
    scores, boxes = ANCHORS.decoder(100, 200)(outputs({anchor: encoding}))
    assert (scores.shape, boxes.shape) == ((9, 3), (9, 4))
    assert boxes.dtype == np.float32
    assert boxes[anchor].tolist() == pytest.approx(box_yxyx, abs=1e-6)


def test_a_box_that_explodes_stays_a_number() -> None:
    _, boxes = ANCHORS.decoder(100, 200)(outputs({8: [0, 0, 1e30, 1e30]}))
    assert np.isfinite(boxes).all()


@pytest.mark.parametrize(
    ("scores", "encodings"),
    [((9,), (9, 4)), ((8, 3), (8, 4)), ((9, 3), (8, 4)), ((9, 3), (9, 3)), ((0, 3), (0, 4))],
)
def test_outputs_that_do_not_fit_the_anchors(scores: tuple[int, ...], encodings: tuple[int, ...]) -> None:
    raw = {"scores": np.zeros(scores, np.float32), "encodings": np.zeros(encodings, np.float32)}
    with pytest.raises(ValueError, match=r"expected scores \[9, C\] and encodings \[9, 4\]"):
        ANCHORS.decoder(100, 200)(raw)


@pytest.mark.parametrize("shape", [(2, 4), (2, 1, 4)])
def test_ssd_decoded(shape: tuple[int, ...]) -> None:
    raw = {"scores": np.ones((2, 3), np.float32), "boxes": np.arange(8, dtype=np.float32).reshape(shape)}
    scores, boxes = SsdDecoded(kind="ssd-decoded").decoder(300, 300)(raw)
    assert scores.shape == (2, 3)
    assert boxes.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(("scores", "boxes"), [((2,), (2, 4)), ((3, 3), (2, 4)), ((2, 3), (2, 5))])
def test_scores_and_boxes_that_do_not_fit_each_other(scores: tuple[int, ...], boxes: tuple[int, ...]) -> None:
    raw = {"scores": np.zeros(scores, np.float32), "boxes": np.zeros(boxes, np.float32)}
    with pytest.raises(ValueError, match=r"expected scores \[N, C\] and boxes \[N, 4\]"):
        SsdDecoded(kind="ssd-decoded").decoder(300, 300)(raw)
