"""Threshold and non-maximum suppression."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar_detect.postprocess import MOST_CANDIDATES, find_objects, suppress
from tests.images.detect.boxes import iou

Box = tuple[float, float, float, float]

LABELS = ["person", None, "car"]
LEFT, LEFT_TOO, RIGHT = (0.1, 0.1, 0.4, 0.5), (0.11, 0.1, 0.41, 0.5), (0.6, 0.1, 0.9, 0.5)  # xyxy


def raw(
    *anchors: tuple[Box, tuple[float, float, float]],
) -> tuple[np.ndarray, np.ndarray]:
    """Scores [N, 3] and boxes [N, 4] in the model's order (y first) of boxes given x first."""
    boxes = np.array([box for box, _ in anchors], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score in anchors], np.float32).reshape(-1, 3)
    return scores, boxes[:, [1, 0, 3, 2]]


@pytest.mark.parametrize(
    ("anchors", "expected"),
    [
        pytest.param([], [], id="no anchors"),
        pytest.param([(LEFT, (0.09, 0, 0.0999))], [], id="all below the threshold"),
        pytest.param([(LEFT, (0.1, 0, 0))], [("person", 0.1, LEFT)], id="exactly the threshold"),
        pytest.param([(LEFT, (0, 0.9, 0))], [], id="a class without a name"),
        pytest.param([(LEFT, (0.8, 0, 0.3))], [("person", 0.8, LEFT), ("car", 0.3, LEFT)], id="two classes, one box"),
        pytest.param(
            [(LEFT_TOO, (0.7, 0, 0)), (LEFT, (0.8, 0, 0))], [("person", 0.8, LEFT)], id="the better of two that overlap"
        ),
        pytest.param(
            [(LEFT, (0.8, 0, 0)), (LEFT_TOO, (0, 0, 0.7))],
            [("person", 0.8, LEFT), ("car", 0.7, LEFT_TOO)],
            id="other classes do not suppress",
        ),
        pytest.param(
            [(LEFT, (0.7, 0, 0)), (RIGHT, (0.8, 0, 0))],
            [("person", 0.8, RIGHT), ("person", 0.7, LEFT)],
            id="apart, by probability",
        ),
        pytest.param([((-0.2, -0.1, 1.3, 1.1), (0.5, 0, 0))], [("person", 0.5, (0, 0, 1, 1))], id="clipped"),
        pytest.param([((1.1, 0.1, 1.4, 0.5), (0.5, 0, 0))], [], id="wholly outside"),
        pytest.param([((0.3, 0.3, 0.3, 0.5), (0.5, 0, 0))], [], id="no width"),
        pytest.param([((0.5, 0.3, 0.3, 0.5), (0.5, 0, 0))], [], id="inside out"),
    ],
)
def test_find_objects(
    anchors: list[tuple[Box, tuple[float, float, float]]], expected: list[tuple[str, float, Box]]
) -> None:
    scores, boxes = raw(*anchors)
    found = find_objects(scores, boxes, LABELS, 0.1)
    assert [(o.label, o.probability) for o in found] == [(label, p) for label, p, _ in expected]
    assert [o.box for o in found] == [pytest.approx(box, abs=1e-4) for _, _, box in expected]


def test_equal_probabilities_keep_the_first_anchor() -> None:
    scores, boxes = raw((LEFT, (0.5, 0, 0)), (LEFT_TOO, (0.5, 0, 0)))
    [one] = find_objects(scores, boxes, LABELS, 0.1)
    assert one.box == pytest.approx(LEFT)


def test_a_noisy_picture_costs_bounded_work() -> None:
    random = np.random.default_rng(1)
    low = random.random((1917, 2), np.float32) * 0.98
    boxes = np.concatenate([low, low + 0.01], axis=1)
    found = find_objects(np.full((1917, 3), 0.9, np.float32), boxes, LABELS, 0.1)
    assert 0 < len(found) <= MOST_CANDIDATES


def falling(number: int) -> np.ndarray:
    """Probabilities of boxes that come from the most to the least probable."""
    return np.linspace(0.9, 0.2, number, dtype=np.float32)


@pytest.mark.parametrize(
    ("classes", "most_iou", "kept"),
    [
        ([], 0.5, []),
        ([0], 0.5, [0]),
        ([0, 0, 0], 0.5, [0, 2]),
        ([0, 1, 0], 0.5, [0, 1, 2]),
        ([0, 0, 0], 0.99, [0, 1, 2]),
    ],
)
def test_suppress(classes: list[int], most_iou: float, kept: list[int]) -> None:
    boxes = np.array([LEFT, LEFT_TOO, RIGHT][: len(classes)], np.float32).reshape(-1, 4)
    assert suppress(boxes, falling(len(classes)), np.array(classes, np.intp), most_iou).tolist() == kept


def test_what_is_suppressed_suppresses_nothing() -> None:
    """A chain: b overlaps a, c overlaps b but not a; b goes, so c stays."""
    chain = np.array([(0.0, 0, 0.4, 1), (0.1, 0, 0.5, 1), (0.2, 0, 0.6, 1)], np.float32)
    assert suppress(chain, falling(3), np.zeros(3, np.intp), 0.5).tolist() == [0, 2]


box = st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 4), st.integers(1, 4), st.integers(0, 1))


@given(st.lists(box, max_size=12))
def test_nothing_kept_overlaps_and_all_that_goes_has_a_reason(drawn: list[tuple[int, int, int, int, int]]) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in drawn], np.float32).reshape(-1, 4) / np.float32(
        16
    )  # exact
    classes = np.array([c for *_, c in drawn], np.intp)
    kept = set(suppress(boxes, falling(len(boxes)), classes, 0.5).tolist())
    overlaps = iou(boxes)
    for k in range(len(boxes)):
        better = any(j < k and classes[j] == classes[k] and overlaps[j, k] > 0.5 for j in kept)
        assert (k in kept) != better
