"""The curve that takes a detector's scores to the reference's."""

from collections.abc import Sequence

import pytest

from tests.labelled.score_curve import curve

KNOTS = (0.4, 0.5, 0.6)
ENDS = [(0, 0), (0.4, 0.4)]


@pytest.mark.parametrize(
    ("scores", "reference", "between"),
    [
        pytest.param([0.3, 0.5, 0.7], [0.3, 0.5, 0.7], [(0.5, 0.5), (0.6, 0.6)], id="the same scores"),
        pytest.param([0.2, 0.3, 0.9], [0.6, 0.7, 0.9], [(0.5, 0.77), (0.6, 0.78)], id="raised, and rising"),
        pytest.param([0.7, 0.8, 0.9], [0.1, 0.2, 0.3], [(0.5, 0.5), (0.6, 0.6)], id="never lowered"),
        pytest.param([0.5], [0.5], [(0.5, 0.5), (0.6, 0.6)], id="a single object"),
    ],
)
def test_curve(scores: Sequence[float], reference: Sequence[float], between: list[tuple[float, float]]) -> None:
    points = curve(scores, reference, KNOTS)
    assert points == [*ENDS, *(pytest.approx(point, abs=0.006) for point in between), (1, 1)]
