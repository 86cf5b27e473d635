"""Threshold and non-maximum suppression."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar_detect.model import Curve, LargeBoxes, Suppression
from nightjar_detect.postprocess import Selection, find_objects, suppress
from tests.images.detect.boxes import iou

Box = tuple[float, float, float, float]

LABELS = ["person", None, "car"]
SELECTION = Selection(LABELS, 0.1)
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
    found = find_objects(scores, boxes, SELECTION)
    assert [(o.label, o.probability) for o in found] == [(label, p) for label, p, _ in expected]
    assert [o.box for o in found] == [pytest.approx(box, abs=1e-4) for _, _, box in expected]


HIGHER: Curve = ((0, 0), (0.2, 0.4), (1, 1))
LOWER: Curve = ((0, 0), (0.5, 0.1), (1, 1))


@pytest.mark.parametrize(
    ("curves", "score", "expected"),
    [
        pytest.param([HIGHER, None, HIGHER], 0.2, [("car", 0.4), ("person", 0.4)], id="one curve for all"),
        pytest.param([HIGHER, None, LOWER], 0.6, [("person", 0.7), ("car", 0.28)], id="a curve for each"),
        pytest.param([HIGHER, None, None], 0.6, [("person", 0.7), ("car", 0.6)], id="a curve for the first"),
        pytest.param([HIGHER, None, LOWER], 0.5, [("person", 0.625), ("car", 0.1)], id="exactly the threshold"),
        pytest.param([HIGHER, None, LOWER], 0.499, [("person", 0.6243)], id="below it for one of them"),
        pytest.param([HIGHER, None, None], 0.05, [("person", 0.1)], id="a score below it, a probability that is not"),
        pytest.param([None, None, None], 0.6, [("car", 0.6), ("person", 0.6)], id="none"),
    ],
)
def test_calibrated_scores(curves: list[Curve | None], score: float, expected: list[tuple[str, float]]) -> None:
    scores, boxes = raw((LEFT, (score, 0.9, score)))
    found = find_objects(scores, boxes, Selection(LABELS, 0.1, curves=curves))
    assert sorted(o.label for o in found) == sorted(label for label, _ in expected)
    assert {o.label: o.probability for o in found} == pytest.approx(dict(expected), abs=1e-4)


@pytest.mark.parametrize("curves", [(), (HIGHER, None, HIGHER), (HIGHER, None, LOWER)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_channels_that_have_no_label_and_labels_that_have_no_channel(
    curves: tuple[Curve | None, ...], channels: int
) -> None:
    found = find_objects(
        np.full((1, channels), 0.8, np.float32),
        np.array([[0, 0, 1, 1]], np.float32),
        Selection(LABELS, 0.1, curves=curves),
    )
    assert {o.label for o in found} == {"person", "car"} if channels > 2 else {"person"}


def test_equal_probabilities_keep_the_first_anchor() -> None:
    scores, boxes = raw((LEFT, (0.5, 0, 0)), (LEFT_TOO, (0.5, 0, 0)))
    [one] = find_objects(scores, boxes, SELECTION)
    assert one.box == pytest.approx(LEFT)


def test_a_noisy_picture_costs_bounded_work() -> None:
    random = np.random.default_rng(1)
    low = random.random((1917, 2), np.float32) * 0.98
    boxes = np.concatenate([low, low + 0.01], axis=1)
    found = find_objects(np.full((1917, 3), 0.9, np.float32), boxes, SELECTION)
    assert 0 < len(found) <= SELECTION.suppression.most_candidates


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
    assert (
        suppress(boxes, falling(len(classes)), np.array(classes, np.intp), Suppression(iou=most_iou)).tolist() == kept
    )


def test_classes_suppress_each_other_where_the_card_says_so() -> None:
    boxes = np.array([LEFT, LEFT_TOO, RIGHT], np.float32)
    assert suppress(boxes, falling(3), np.array([0, 1, 1], np.intp), Suppression(per_class=False)).tolist() == [0, 2]


# Of an astronaut who is wider than anything that the network learned from; they overlap by 0.46.
WIDE = [(0.0, 0.0, 0.72, 1.0), (0.27, 0.02, 1.0, 0.98)]
FAR = [(0.10, 0.10, 0.17, 0.20), (0.127, 0.102, 0.2, 0.198)]  # two people in a crowd, who overlap as much
# Of two people who stand side by side before the lens.
BESIDE = [(0.0, 0.0, 0.55, 1.0), (0.45, 0.0, 1.0, 1.0)]
# A person before a car: one of the boxes is not large.
BEFORE = [(0.0, 0.0, 1.0, 1.0), (0.3, 0.1, 0.7, 0.95)]
LARGE = LargeBoxes(side=0.5, iou=0.3)


@pytest.mark.parametrize(
    ("boxes", "classes", "large", "kept"),
    [
        pytest.param(WIDE, [0, 0], LARGE, [0], id="two boxes of what fills the frame"),
        pytest.param(WIDE, [0, 0], None, [0, 1], id="the card says nothing of large boxes"),
        pytest.param(WIDE, [0, 1], LARGE, [0, 1], id="other classes do not suppress"),
        pytest.param(WIDE[:1], [0], LARGE, [0], id="one large box"),
        pytest.param(FAR, [0, 0], LARGE, [0, 1], id="small boxes that overlap as much"),
        pytest.param(BESIDE, [0, 0], LARGE, [0, 1], id="large boxes that overlap little"),
        pytest.param(BEFORE, [0, 0], LARGE, [0], id="both just large"),
        pytest.param(BEFORE, [0, 0], LargeBoxes(side=0.6, iou=0.2), [0, 1], id="only one of them large"),
        pytest.param([*FAR, *WIDE], [0, 0, 0, 0], LARGE, [0, 1, 2], id="the order of what stays"),
        pytest.param([], [], LARGE, [], id="none"),
    ],
)
def test_large_boxes_have_a_bound_of_their_own(
    boxes: list[Box], classes: list[int], large: LargeBoxes | None, kept: list[int]
) -> None:
    array = np.array(boxes, np.float32).reshape(-1, 4)
    how = Suppression(large=large)
    assert suppress(array, falling(len(boxes)), np.array(classes, np.intp), how).tolist() == kept


def test_what_is_suppressed_suppresses_nothing() -> None:
    """A chain: b overlaps a, c overlaps b but not a; b goes, so c stays."""
    chain = np.array([(0.0, 0, 0.4, 1), (0.1, 0, 0.5, 1), (0.2, 0, 0.6, 1)], np.float32)
    assert suppress(chain, falling(3), np.zeros(3, np.intp), Suppression()).tolist() == [0, 2]


box = st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 4), st.integers(1, 4), st.integers(0, 1))


@given(st.lists(box, max_size=12))
def test_nothing_kept_overlaps_and_all_that_goes_has_a_reason(drawn: list[tuple[int, int, int, int, int]]) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in drawn], np.float32).reshape(-1, 4) / np.float32(
        16
    )  # exact
    classes = np.array([c for *_, c in drawn], np.intp)
    kept = set(suppress(boxes, falling(len(boxes)), classes, Suppression()).tolist())
    overlaps = iou(boxes)
    for k in range(len(boxes)):
        better = any(j < k and classes[j] == classes[k] and overlaps[j, k] > 0.5 for j in kept)
        assert (k in kept) != better
