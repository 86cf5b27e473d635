"""The objects of one picture on both sides: which are the same object, and which only one side sees. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nightjar.domain.sights import ObjectSeen, in_order
from nightjar.domain.why_not_sent import the_same


@dataclass(frozen=True)
class Matched:
    """The objects of one label in one picture: how many are `same`, and those that one side alone has."""

    same: int
    lost: tuple[ObjectSeen, ...]
    gained: tuple[ObjectSeen, ...]


def match_objects(
    before: Sequence[ObjectSeen], after: Sequence[ObjectSeen], counted_from: Mapping[str, float]
) -> dict[str, Matched]:
    """By label, the objects that count on either side: those as probable as `counted_from` says for their label.

    The most probable objects choose first, each the one on the other side that it overlaps most.
    """
    labels: dict[str, tuple[list[ObjectSeen], list[ObjectSeen]]] = {}
    for side, objects in enumerate((before, after)):
        for each in objects:
            least = counted_from.get(each.label)
            if least is not None and each.probability >= least:
                labels.setdefault(each.label, ([], []))[side].append(each)
    return {label: _match(*sides) for label, sides in sorted(labels.items())}


def _match(before: Sequence[ObjectSeen], after: Sequence[ObjectSeen]) -> Matched:
    free, gained = in_order(before), list[ObjectSeen]()
    same = 0
    for each in in_order(after):
        other = the_same(each, free)
        if other is None:
            gained.append(each)
        else:
            free.remove(other)
            same += 1
    return Matched(same, tuple(free), tuple(gained))
