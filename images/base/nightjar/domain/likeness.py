"""Likeness: which boxes of two pictures of one camera, taken shortly after each other, are the same object. Pure.

Boxes of one label are the same object when they are near for their width and alike in height. How far an object moved
is `d = sqrt((dx / w)^2 + 4 (dy / w)^2)`: the way of its centre in widths of the box, up and down twice as much, since
things that move over the ground rarely do. Boxes are paired greedily, the best first by `d + 2 |ln(height ratio)|`.
A long way is believed only where there is nobody else: in a crowd, it may as well be another one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, log

from nightjar.domain.sights import ObjectSeen

# Fainter objects come and go with the noise: they neither match nor count as unmatched.
LEAST_PROBABILITY = 0.15
MOST_WAY = 1.5  # widths
SURE_WAY = 0.75  # widths; farther, the two may be paired with no other
STILL = 0.1  # widths
MOST_GROWTH = 0.5  # of |ln(height ratio)|


@dataclass(frozen=True, slots=True)
class Likeness:
    """The objects of two pictures by index: `pairs` are the same object, the others are in one picture only.

    Objects below LEAST_PROBABILITY are in none of these. `unmatched` is the share of all others, by probability, that
    is in one picture only; 0 where there are no objects. Pairs that stand still do not count in it: furniture must not
    outvote somebody who walks. `moves` tells whether there is anything but such pairs.
    """

    pairs: tuple[tuple[int, int], ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]
    unmatched: float
    moves: bool


@dataclass(frozen=True, slots=True, order=True)
class _Pair:
    """Two boxes that may be the same object, the best first."""

    cost: float
    first: int
    second: int
    way: float


def likeness(first: Sequence[ObjectSeen], second: Sequence[ObjectSeen], aspect: float) -> Likeness:
    """How alike the objects of two pictures are, whose height is `aspect` times their width."""
    own = [n for n, one in enumerate(first) if one.probability >= LEAST_PROBABILITY]
    others = [m for m, one in enumerate(second) if one.probability >= LEAST_PROBABILITY]
    possible = sorted(pair for n in own for m in others if (pair := _pair(n, first[n], m, second[m], aspect)))
    chosen = _chosen(possible)
    paired, paired_second = {pair.first for pair in chosen}, {pair.second for pair in chosen}
    only_first = tuple(n for n in own if n not in paired)
    only_second = tuple(m for m in others if m not in paired_second)
    moving = [pair for pair in chosen if pair.way >= STILL]
    alone = sum(first[n].probability for n in only_first) + sum(second[m].probability for m in only_second)
    total = alone + sum(first[pair.first].probability + second[pair.second].probability for pair in moving)
    return Likeness(
        pairs=tuple(sorted((pair.first, pair.second) for pair in chosen)),
        only_first=only_first,
        only_second=only_second,
        unmatched=alone / total if total else 0.0,
        moves=bool(moving or only_first or only_second),
    )


def _chosen(possible: Sequence[_Pair]) -> list[_Pair]:
    """Those of the pairs, given best first, that are taken: each object in one of them at the most."""
    numbers, numbers_second = Counter(p.first for p in possible), Counter(p.second for p in possible)
    chosen: list[_Pair] = []
    taken, taken_second = set[int](), set[int]()
    for pair in possible:
        has_rival = numbers[pair.first] > 1 or numbers_second[pair.second] > 1
        if pair.first in taken or pair.second in taken_second or (pair.way > SURE_WAY and has_rival):
            continue
        chosen.append(pair)
        taken.add(pair.first)
        taken_second.add(pair.second)
    return chosen


def _pair(n: int, one: ObjectSeen, m: int, other: ObjectSeen, aspect: float) -> _Pair | None:
    """The pair of two boxes; None when they are not the same object."""
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
    return _Pair(way + 2 * growth, n, m, way) if way <= MOST_WAY and growth <= MOST_GROWTH else None
