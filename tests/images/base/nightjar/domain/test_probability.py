"""One way to write a probability, that never overstates it."""

import math

import pytest

from nightjar.domain.probability import percent


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0, "0 %"),
        (0.0, "0 %"),
        (1e-9, "<1 %"),
        (0.004, "<1 %"),
        (0.00999, "<1 %"),
        (0.01, "1 %"),
        (0.29, "29 %"),  # as a float, 0.29 * 100 is 28.999999999999996
        (0.57, "57 %"),
        (0.944, "94 %"),
        (0.945, "94 %"),
        (0.995, "99 %"),
        (0.996, "99 %"),
        (0.99999, "99 %"),
        (math.nextafter(1.0, 0.0), "99 %"),
        (1.0, "100 %"),
        (1, "100 %"),
    ],
)
def test_percent_never_looks_more_certain_than_it_is(probability: float, text: str) -> None:
    assert percent(probability) == text


@pytest.mark.parametrize("probability", [-0.01, 1.0001, math.nan, math.inf, -math.inf])
def test_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="expected a probability from 0 to 1"):
        percent(probability)


def test_every_hundredth_is_written_as_it_is() -> None:
    assert [percent(n / 100) for n in range(101)] == [f"{n} %" for n in range(101)]
