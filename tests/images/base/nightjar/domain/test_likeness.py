"""Which boxes of two pictures are the same object."""

import random

import pytest

from nightjar.domain.areas import Box
from nightjar.domain.likeness import LEAST_PROBABILITY, MOST_WAY, likeness
from nightjar.domain.sights import Thing

ASPECT = 0.75  # 640 by 480


def person(x: float, y: float = 0.3, width: float = 0.1, height: float = 0.4, probability: float = 0.8) -> Thing:
    return Thing("person", probability, (x, y, x + width, y + height))


@pytest.mark.parametrize(
    ("first", "second", "pairs", "unmatched"),
    [
        pytest.param([], [], (), 0.0, id="nothing at all"),
        pytest.param([person(0.2)], [person(0.2)], ((0, 0),), 0.0, id="stands"),
        pytest.param([person(0.2)], [], (), 1.0, id="gone"),
        pytest.param([], [person(0.2)], (), 1.0, id="come"),
        pytest.param([person(0.2)], [person(0.27)], ((0, 0),), 0.0, id="walks"),
        pytest.param([person(0.2)], [person(0.2 + 0.1 * MOST_WAY + 1e-3)], (), 1.0, id="just too far"),
        pytest.param([person(0.2)], [person(0.2, 0.32)], ((0, 0),), 0.0, id="a little down"),
        # 0.11 of the height are 0.0825 of the width: 0.825 widths, which count twice.
        pytest.param([person(0.2)], [person(0.2, 0.41)], (), 1.0, id="up and down counts twice"),
        pytest.param([person(0.2)], [person(0.3)], ((0, 0),), 0.0, id="a long way, with nobody else"),
        pytest.param([person(0.2)], [person(0.3), person(0.32)], (), 1.0, id="a long way, and it may be either of two"),
        pytest.param(
            [person(0.2), person(0.18)], [person(0.3)], (), 1.0, id="a long way, and either of two may have come it"
        ),
        pytest.param([person(0.2)], [person(0.2, 0.3, 0.1, 0.7)], (), 1.0, id="another height"),
        pytest.param([person(0.2)], [Thing("dog", 0.8, person(0.2).box)], (), 1.0, id="another label"),
        pytest.param([person(0.2, probability=0.14)], [], (), 0.0, id="a faint object does not count"),
        pytest.param([person(0.2, probability=LEAST_PROBABILITY)], [], (), 1.0, id="just probable enough to count"),
        pytest.param(
            [person(0.2), person(0.26)], [person(0.21), person(0.27)], ((0, 0), (1, 1)), 0.0, id="side by side"
        ),
        pytest.param(
            [person(0.2, probability=0.9), person(0.6, probability=0.3)],
            [person(0.22, probability=0.9)],
            ((0, 0),),
            0.3 / 2.1,
            id="the share is by probability",
        ),
        pytest.param(
            [person(0.2, probability=0.9), person(0.6, probability=0.3)],
            [person(0.2, probability=0.9)],
            ((0, 0),),
            1.0,
            id="what stands still does not outvote it",
        ),
        pytest.param([Thing("person", 0.8, (0.2, 0.2, 0.2, 0.6))], [person(0.2)], (), 1.0, id="a box without width"),
        pytest.param([Thing("person", 0.8, (0.2, 0.2, 0.4, 0.2))], [person(0.2)], (), 1.0, id="a box without height"),
    ],
)
def test_likeness(
    first: list[Thing], second: list[Thing], pairs: tuple[tuple[int, int], ...], unmatched: float
) -> None:
    found = likeness(first, second, ASPECT)
    assert found.pairs == pairs
    assert found.unmatched == pytest.approx(unmatched)


@pytest.mark.parametrize(
    ("first", "second", "moves"),
    [
        ([], [], False),
        ([person(0.2)], [person(0.205)], False),
        ([person(0.2)], [person(0.22)], True),
        ([person(0.2)], [], True),
        ([], [person(0.2)], True),
        ([person(0.2, probability=0.1)], [], False),
    ],
)
def test_whether_anything_moves(first: list[Thing], second: list[Thing], moves: bool) -> None:
    assert likeness(first, second, ASPECT).moves is moves


def test_each_object_is_in_one_pair_or_in_one_picture_only_whichever_comes_first() -> None:
    rng = random.Random(12)
    for _ in range(200):
        first, second = ([_any(rng) for _ in range(rng.randrange(6))] for _ in range(2))
        found = likeness(first, second, ASPECT)
        for own, paired, alone in (
            (first, [n for n, _ in found.pairs], found.only_first),
            (second, [m for _, m in found.pairs], found.only_second),
        ):
            counted = [n for n, one in enumerate(own) if one.probability >= LEAST_PROBABILITY]
            assert sorted([*paired, *alone]) == counted
        assert 0 <= found.unmatched <= 1
        back = likeness(second, first, ASPECT)
        assert back.unmatched == pytest.approx(found.unmatched)


def _any(rng: random.Random) -> Thing:
    x, y = rng.uniform(0, 0.4), rng.uniform(0, 0.3)
    box: Box = (x, y, x + rng.uniform(0.05, 0.3), y + rng.uniform(0.1, 0.5))
    return Thing(rng.choice(["person", "dog"]), rng.uniform(0, 1), box)
