"""The shards that `plan_shards` would cut a batch of stills into, by their sizes alone.

A batch of a million cameras is not made here, picture by picture: how many shards hold how many pictures follows from
how many cameras have how many. A test holds it against the planner itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

Loads = Counter[int]  # pictures of a shard: how many such shards


def shard_loads(cameras: Mapping[int, int], max_shards: int, max_work: int) -> Loads:
    """The shards for a batch in which `cameras[n]` cameras have n stills each.

    Where cameras are split, those with the fewest pictures come first in the order of names. Raises ValueError for
    bounds below 1.
    """
    if max_shards < 1 or max_work < 1:
        raise ValueError(f"expected max_shards and max_work of at least 1, got {max_shards} and {max_work}")
    sizes = {size: count for size, count in sorted(cameras.items()) if size > 0 and count > 0}
    if sum(sizes.values()) > max_shards:
        return _packed(sizes, max_shards)
    return split_loads([size for size, count in sizes.items() for _ in range(count)], max_shards, max_work)


def split_loads(sizes: Sequence[int], max_shards: int, max_work: int) -> Loads:
    """The shards when there are no more cameras than shards: `sizes` are stills by camera, in the order of names."""
    spare = max_shards - len(sizes)
    loads: Loads = Counter()
    for size in sizes:
        parts = min(spare + 1, size, -(-size // max_work))
        spare -= parts - 1
        # A part begins with the first picture that has its share of all pictures before it.
        begins = [-(-size * part // parts) for part in range(parts + 1)]
        loads.update(end - begin for begin, end in pairwise(begins))
    return loads


def _packed(sizes: Mapping[int, int], shards: int) -> Loads:
    """Cameras, the largest first, each into one of the emptiest shards: it does not matter into which of them."""
    loads: Loads = Counter({0: shards})
    for size in sorted(sizes, reverse=True):
        left = sizes[size]
        while left:
            emptiest = min(loads)
            taken = min(left, loads[emptiest])
            loads[emptiest] -= taken
            if not loads[emptiest]:
                del loads[emptiest]
            loads[emptiest + size] += taken
            left -= taken
    return loads
