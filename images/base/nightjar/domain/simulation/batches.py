"""The pictures that wait in the drop zone, and the batches that collect makes of them."""

from collections import Counter
from dataclasses import dataclass, field
from math import exp, lgamma, log

from nightjar.domain.simulation.chance import Chance

Span = tuple[int, int]  # pictures by number, in the order in which they land: from, to (not included)

# From so many bursts on, how many cameras have how many is taken as expected: the chance in it no longer matters.
_MANY = 500


@dataclass
class DropZone:
    """Pictures that have landed and are not collected; the freshest are taken first, as collect does."""

    spans: list[Span] = field(default_factory=list)
    waiting: int = 0
    landed: int = 0

    def land(self, landed: int) -> None:
        """By now so many pictures have landed in all."""
        if landed > self.landed:
            self.spans.append((self.landed, landed))
            self.waiting += landed - self.landed
            self.landed = landed

    def take(self, most: int) -> list[Span]:
        """The next batch."""
        taken: list[Span] = []
        while most and self.spans:
            first, end = self.spans.pop()
            cut = max(first, end - most)
            if cut > first:
                self.spans.append((first, cut))
            taken.append((cut, end))
            most -= end - cut
            self.waiting -= end - cut
        return taken


def camera_sizes(bursts: int, burst: int, cameras: int, chance: Chance) -> Counter[int]:
    """How many cameras have how many pictures, when each of `bursts` is of any of `cameras`."""
    if bursts >= _MANY and cameras >= bursts:
        return Counter({times * burst: count for times, count in _expected(bursts, cameras).items()})
    visits = Counter(int(chance.random() * cameras) for _ in range(bursts))
    return Counter(times * burst for times in visits.values())


def _expected(bursts: int, cameras: int) -> dict[int, int]:
    """How many cameras have how many bursts, as expected; together they have all of them."""
    found: dict[int, int] = {}
    for times in range(2, bursts + 1):
        chances = lgamma(bursts + 1) - lgamma(times + 1) - lgamma(bursts - times + 1)
        odds = -times * log(cameras) + (bursts - times) * log(1 - 1 / cameras)
        if not (count := round(cameras * exp(chances + odds))):
            break
        found[times] = count
    found[1] = bursts - sum(times * count for times, count in found.items())
    return found


def events_of_shards(shards: int, pictures: int, share: float, chance: Chance) -> Counter[int]:
    """How many of `shards` with so many pictures each have how many events, when a `share` of pictures begins one."""
    begun = Counter(int(chance.random() * shards) for _ in range(_poisson(shards * pictures * share, chance)))
    found = Counter(begun.values())
    if rest := shards - len(begun):
        found[0] = rest
    return found


def _poisson(mean: float, chance: Chance) -> int:
    if mean > 50:
        return max(0, round(chance.gauss(mean, mean**0.5)))
    number, product, bound = 0, chance.random(), exp(-mean)
    while product > bound:
        number += 1
        product *= chance.random()
    return number
