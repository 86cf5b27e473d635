"""Likeness: which boxes of two pictures of one camera, taken shortly after each other, are the same object. Pure.

Boxes of one label are the same object when they are near for their width and alike in height. How far an object moved
is `d = sqrt((dx / w)^2 + 4 (dy / w)^2)`: the way of its centre in widths of the box, up and down twice as much, since
things that move over the ground rarely do. Boxes are paired greedily, the best first by `d + 2 |ln(height ratio)|`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, log

from nightjar.domain.sights import ObjectSeen

# Fainter objects come and go with the noise: they neither match nor count as unmatched.
LEAST_PROBABILITY = 0.15
# Widths. Farther on, in a crowd, it may as well be somebody else: with 1.5 the boxes in between were wrong on labelled
# footage.
MOST_WAY = 0.75
MOST_GROWTH = 0.5  # of |ln(height ratio)|


@dataclass(frozen=True, slots=True)
class Likeness:
    """The objects of two pictures by index: `pairs` are the same object, the others are in one picture only.

    Objects below LEAST_PROBABILITY are in none of these. `unmatched` is the share of all others, by probability, that
    is in one picture only; 0 where there are no objects.
    """

    pairs: tuple[tuple[int, int], ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]
    unmatched: float


def likeness(first: Sequence[ObjectSeen], second: Sequence[ObjectSeen], aspect: float) -> Likeness:
    """How alike the objects of two pictures are, whose height is `aspect` times their width."""
    own = [n for n, one in enumerate(first) if one.probability >= LEAST_PROBABILITY]
    others = [m for m, one in enumerate(second) if one.probability >= LEAST_PROBABILITY]
    costs = sorted(
        (cost, n, m) for n in own for m in others if (cost := _cost(first[n], second[m], aspect)) is not None
    )
    pairs: list[tuple[int, int]] = []
    taken_first, taken_second = set[int](), set[int]()
    for _, n, m in costs:
        if n not in taken_first and m not in taken_second:
            pairs.append((n, m))
            taken_first.add(n)
            taken_second.add(m)
    only_first = tuple(n for n in own if n not in taken_first)
    only_second = tuple(m for m in others if m not in taken_second)
    alone = sum(first[n].probability for n in only_first) + sum(second[m].probability for m in only_second)
    total = sum(first[n].probability for n in own) + sum(second[m].probability for m in others)
    return Likeness(tuple(sorted(pairs)), only_first, only_second, alone / total if total else 0.0)


def _cost(one: ObjectSeen, other: ObjectSeen, aspect: float) -> float | None:
    """How unlike two boxes are; None when they are not the same object."""
    if one.label != other.label:
        return None
    left, upper, right, lower = one.box
    from_left, from_top, to_right, to_bottom = other.box
    width = (right - left + to_right - from_left) / 2
    height, other_height = lower - upper, to_bottom - from_top
    if width <= 0 or height <= 0 or other_height <= 0:
        return None
    growth = abs(log(height / other_height))
    across = (from_left + to_right - left - right) / 2
    down = (from_top + to_bottom - upper - lower) / 2 * aspect
    way = hypot(across / width, 2 * down / width)
    return way + 2 * growth if way <= MOST_WAY and growth <= MOST_GROWTH else None
