"""Static objects, picture after picture: `static_boxes` for all pictures of a camera in order, and fast. Pure.

An object that was found static becomes an anchor, and each following picture is asked whether something is near it. One
minus the overlap of boxes is a distance: a box near the anchor overlaps every box that is near the anchor, enough to be
the same object. So a parked car costs a few comparisons a picture. Whatever this does not settle is looked for in full,
so that the answer is the same.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.areas import Box
from nightjar.domain.rules import Static
from nightjar.domain.sights import overlap_of
from nightjar.domain.static import HORIZON, Look, static_boxes

_MOST_ANCHORS = 6  # of a label
_ROUNDING = 1e-9


@dataclass(slots=True)
class _Anchor:
    """A box, and when something was near it, ascending, without an absence in between."""

    box: Box
    seen: list[datetime]
    is_missed: bool = False  # in a picture after the last one in which it was seen


class Standing:
    """Asked about the looks of one camera, one after the other."""

    def __init__(self, looks: Sequence[Look], static: Static) -> None:
        self._looks, self._static = looks, static
        self._after = timedelta(seconds=static.after_seconds)
        self._forget = timedelta(seconds=static.forget_seconds)
        self._reach = (1 - static.overlap) / 2  # the largest distance of what is near
        self._anchors: dict[str, list[_Anchor]] = {}

    def boxes(self, number: int, wanted: Mapping[str, Iterable[Box]]) -> set[Box]:
        """Those of the `wanted` boxes of the look with this number that are static; the looks are asked by number."""
        look = self._looks[number]
        open_: dict[str, list[Box]] = {}
        found = set[Box]()
        for label, boxes in wanted.items():
            for box in boxes:
                if self._is_known(look, label, box):
                    found.add(box)
                else:
                    open_.setdefault(label, []).append(box)
        if open_:
            static = static_boxes(look, open_, self._before(number), self._static)
            found |= static
            for label, boxes in open_.items():
                for box in static.intersection(boxes):
                    self._anchor(number, label, box)
        self._go_on(look)
        return found

    def _is_known(self, look: Look, label: str, box: Box) -> bool:
        own, static = look.boxes.get(label, ()), self._static
        for anchor in self._anchors.get(label, ()):
            if overlap_of(box, anchor.box) < static.overlap + self._reach + _ROUNDING:
                continue
            # Another box of this picture might be the one that was there before.
            rivals = sum(overlap_of(other, anchor.box) > static.overlap - self._reach - _ROUNDING for other in own)
            is_away = anchor.is_missed and look.taken_at - anchor.seen[-1] > self._forget
            earlier = bisect_right(anchor.seen, look.taken_at - self._after)
            if rivals == 1 and not is_away and earlier and look.taken_at - anchor.seen[earlier - 1] <= HORIZON:
                return True
        return False

    def _anchor(self, number: int, label: str, box: Box) -> None:
        """Make an anchor of a static box, if something was near enough to it for as long."""
        last = self._looks[number].taken_at
        seen, is_missed = [last], False
        for earlier in self._before(number):
            is_away = last - earlier.taken_at > self._forget
            if not self._is_near(box, earlier.boxes.get(label, ())):
                is_missed = True
                if is_away:
                    return
            elif is_missed and is_away:
                return
            else:
                last, is_missed = earlier.taken_at, False
                seen.append(last)
                if seen[0] - last >= self._after:
                    anchors = self._anchors.setdefault(label, [])
                    anchors.append(_Anchor(box, seen[::-1]))
                    del anchors[:-_MOST_ANCHORS]
                    return

    def _go_on(self, look: Look) -> None:
        """Ask the look what is near the anchors; drop those from which the object has gone."""
        for label, anchors in self._anchors.items():
            boxes = look.boxes.get(label, ())
            stay = []
            for anchor in anchors:
                is_away = look.taken_at - anchor.seen[-1] > self._forget
                if not self._is_near(anchor.box, boxes):
                    anchor.is_missed = True
                    if is_away:
                        continue
                elif anchor.is_missed and is_away:
                    continue
                elif anchor.seen[-1] < look.taken_at:
                    anchor.seen.append(look.taken_at)
                    anchor.is_missed = False
                stay.append(anchor)
            self._anchors[label] = stay

    def _is_near(self, box: Box, others: Iterable[Box]) -> bool:
        return any(overlap_of(box, other) >= 1 - self._reach for other in others)

    def _before(self, number: int) -> Iterable[Look]:
        return (self._looks[n] for n in range(number - 1, -1, -1))
