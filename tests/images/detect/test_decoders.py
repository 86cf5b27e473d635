"""From the network's outputs to scores and boxes, by kind."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nightjar_detect.decoders.interface import Outputs
from nightjar_detect.decoders.nanodet import NanoDet
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


# Two layers for a picture of 32 x 48 pixels: 2 x 3 cells of 16 pixels, then 1 x 2 of 32, which reaches beyond its edge.
NANODET = NanoDet(kind="nanodet", strides=(16, 32), bins=5)


def distances(cells: dict[int, list[list[float]]]) -> Outputs:
    """Scores of the cell's number, and logits that are equal but for cells named: for each side, as they are given."""
    raw = np.zeros((8, 4, 5), np.float32)
    for n, sides in cells.items():
        raw[n] = sides
    return {"scores": np.arange(16, dtype=np.float32).reshape(8, 2), "distances": raw.reshape(8, 20)}


def only(k: int) -> list[float]:
    """Logits of a side that lies k strides away for sure."""
    return [100.0 if n == k else 0.0 for n in range(5)]


EITHER = [0.0, 60.0, 0.0, 60.0, 0.0]  # one stride away or three, just as likely: two


@pytest.mark.parametrize(
    ("cell", "sides", "box_yxyx"),
    [
        pytest.param(0, [only(0)] * 4, [8, 8, 8, 8], id="the first centre, half a stride in"),
        pytest.param(2, [only(0)] * 4, [8, 40, 8, 40], id="by rows"),
        pytest.param(3, [only(0)] * 4, [24, 8, 24, 8], id="the second row"),
        pytest.param(6, [only(0)] * 4, [16, 16, 16, 16], id="the second layer"),
        pytest.param(7, [only(0)] * 4, [16, 48, 16, 48], id="its last column, on the edge"),
        pytest.param(0, [only(1), only(2), only(3), only(4)], [-24, -8, 72, 56], id="left, top, right, bottom"),
        pytest.param(6, [only(1), only(0), only(0), only(0)], [16, -16, 16, 16], id="in units of its own stride"),
        pytest.param(0, [EITHER] * 4, [-24, -24, 40, 40], id="the mean of a distribution"),
        pytest.param(0, [[0.0] * 5] * 4, [-24, -24, 40, 40], id="any distance is as likely"),
        pytest.param(0, [[-1e30, 1e30, 0, 0, 0]] * 4, [-8, -8, 24, 24], id="logits that explode"),
    ],
)
def test_nanodet(cell: int, sides: list[list[float]], box_yxyx: list[float]) -> None:
    scores, boxes = NANODET.decoder(32, 48)(distances({cell: sides}))
    assert scores[cell].tolist() == [2 * cell, 2 * cell + 1]
    assert boxes.shape == (8, 4)
    assert boxes.dtype == np.float32
    assert (boxes[cell] * [32, 48, 32, 48]).tolist() == pytest.approx(box_yxyx, abs=1e-4)


@pytest.mark.parametrize(
    ("scores", "values"),
    [((8,), (8, 20)), ((7, 2), (7, 20)), ((8, 2), (7, 20)), ((8, 2), (8, 16)), ((8, 2), (8, 4, 5)), ((0, 2), (0, 20))],
)
def test_outputs_that_do_not_fit_the_cells(scores: tuple[int, ...], values: tuple[int, ...]) -> None:
    raw = {"scores": np.zeros(scores, np.float32), "distances": np.zeros(values, np.float32)}
    with pytest.raises(ValueError, match=r"expected scores \[8, C\] and distances \[8, 20\]"):
        NANODET.decoder(32, 48)(raw)


@pytest.mark.parametrize("wrong", [{"strides": []}, {"strides": [0]}, {"bins": 1}, {"centre": 2}, {"stride": [8]}, {}])
def test_parameters_of_nanodet_that_cannot_be(wrong: dict[str, Any]) -> None:
    good = {"kind": "nanodet", "strides": [8], "bins": 11}
    with pytest.raises(ValidationError):
        NanoDet.model_validate({**good, **wrong} if wrong else {"kind": "nanodet"})
