"""Which packets of a film need not be decoded: those whose frames are not taken, and on which no frame that is builds.

A camera sends a key frame every second or few, and a picture a second is taken. So between the last frame that is taken
and the next key frame nothing has to be decoded, nor any frame that others do not build on. The frames that are taken
are the same: damage that is not decoded changes none of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_MOST_PACKETS = 3000
_MOST_BYTES = 64 << 20  # held at a time; a film without key frames is decoded whole


@dataclass
class Steps:
    """The first frame at or after each step of `a_second` is taken."""

    a_second: float
    _next: int = 0

    def takes(self, seconds: float) -> bool:
        """Whether a frame at these seconds is due; `take` says that it was taken."""
        return max(0.0, seconds) * self.a_second + 1e-6 >= self._next

    def take(self, seconds: float) -> None:
        """The frame at these seconds is taken: the next one is due at the next step."""
        self._next = int(max(0.0, seconds) * self.a_second + 1e-6) + 1


@dataclass(frozen=True)
class Facts:
    """Of a packet: when its frame is shown (None: not known, or never), and what its units say."""

    seconds: float | None
    fresh: bool = False
    unused: bool = False
    whole: bool = True  # nothing is known to be damaged in it
    sets: bool = False
    size: int = 1  # bytes; none at the end of the film


@dataclass
class Group:
    """Packets from one with which decoding can begin to the last one before the next such, as they are decoded."""

    facts: list[Facts] = field(default_factory=list)
    closed: bool = False  # the next packet after it begins anew, and is shown after all of it

    def spared(self, steps: Steps) -> tuple[set[int], int]:
        """The places of packets that need not be decoded, and the place after which none has to be.

        `steps` is told of the frames that are taken. The second is the length of the group where its end is needed, or
        where it is not certain that it is not.
        """
        facts, size = self.facts, len(self.facts)
        shown = sorted((each.seconds, place) for place, each in enumerate(facts) if each.seconds is not None)
        taken = set()
        for seconds, place in shown:
            if steps.takes(seconds):
                steps.take(seconds)
                taken.add(place)
        if not (facts[0].fresh and all(each.whole and each.seconds is not None for each in facts)):
            return set(), size
        if any(each.sets for each in facts[1:]):
            return set(), size
        if facts[0].seconds != shown[0][0]:  # frames are shown before the one on which all others build
            return set(), size
        end = max(taken, default=0 if facts[0].sets else -1) + 1 if self.closed else size
        unused = {place for place in range(1, end) if facts[place].unused and place not in taken}
        return unused | set(range(end, size)), end


def grouped(facts: Iterable[Facts]) -> Iterator[Group]:
    """The packets of a film in groups. One that does not begin afresh has one packet, as has the end of the film.

    A group that grows too large is given out as it is. One before a fresh packet waits for the packet after that one:
    if it is shown earlier than the fresh one, it may build on the end of the group.
    """
    before: Group | None = None
    group, held = Group(), 0
    for each in facts:
        is_too_large = len(group.facts) >= _MOST_PACKETS or held >= _MOST_BYTES
        if group.facts and (each.fresh or not each.size or not group.facts[0].fresh or is_too_large):
            if before:
                yield before
            group.closed = not each.size or (each.fresh and _later(each, group.facts))
            before = group
            group, held = Group(), 0
        if before and not (each.fresh and not group.facts):
            before.closed = before.closed and (not each.size or _later(each, group.facts))
            yield before
            before = None
        group.facts.append(each)
        held += each.size
    yield from (each for each in (before, group) if each and each.facts)


def _later(one: Facts, others: Sequence[Facts]) -> bool:
    """Whether it is shown after all others, for certain."""
    times = [each.seconds for each in (one, *others)]
    known = [time for time in times if time is not None]
    return len(known) == len(times) and all(time < known[0] for time in known[1:])
