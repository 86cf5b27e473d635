"""A span: the pictures of a burst between two that are decided, and which of them has to be looked at next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from nightjar.domain.detections import DetectedObject
from nightjar.domain.interpolation import interpolated
from nightjar.domain.likeness import Likeness, likeness
from nightjar_detect.frames import Objects, Slot, Sparing
from nightjar_detect.sameness import Mask, changes, is_outside

# How much larger than its box a thing may be that moves in it, in sides of the box: limbs, shadows, blur.
_MARGIN = 0.4
# Where anything moves, two looks are at most so far apart: those who cross in between are taken for each other.
_LONGEST_MOVING = timedelta(seconds=0.75)


@dataclass(frozen=True, slots=True)
class Span:
    """Pictures between two that are decided."""

    left: Slot
    right: Slot
    inside: Sequence[Slot]
    sparing: Sparing

    def at_seen(self) -> Iterator["Span"]:
        """The span, cut at the pictures in it that were looked at before."""
        left, inside = self.left, list[Slot]()
        for slot in self.inside:
            if slot.source is None:
                inside.append(slot)
            else:
                yield Span(left, slot, inside, self.sparing)
                left, inside = slot, []
        yield Span(left, self.right, inside, self.sparing)

    def narrowed(self, asked: list[Slot]) -> Iterator["Span"]:
        """Decide pictures, or put into `asked` those to be looked at; the smaller spans that are left to be decided."""
        todo = [slot for slot in self.inside if slot.objects is None]
        if not todo:
            return
        left, right = self.left.source, self.right.source
        if left is None or right is None:
            asked += todo  # an end that was not looked at itself is no source: its own sources may be anywhere
            return
        place = self._undecided(todo, left, right)
        if place is None:
            return
        if may_carry(left[1], todo[place], self.sparing):
            todo[place].carry(left[1])
        else:
            asked.append(todo[place])
        yield Span(self.left, todo[place], todo[:place], self.sparing)
        yield Span(todo[place], self.right, todo[place + 1 :], self.sparing)

    def _undecided(self, todo: Sequence[Slot], left: tuple[Objects, Slot], right: tuple[Objects, Slot]) -> int | None:
        """Which of `todo` to look at next, by number; None when all are decided, since the ends agree and nothing
        happens between them."""
        middle = len(todo) // 2
        alike = likeness(left[0], right[0], self.left.picture.height / self.left.picture.width)
        is_long = self.right.picture.taken_at - self.left.picture.taken_at > _LONGEST_MOVING
        if alike.unmatched > self.sparing.unmatched or (alike.moves and is_long):
            return middle
        between = [self._between(slot, left[0], right[0], alike) for slot in todo]
        surprising = [n for n, slot in enumerate(todo) if self._is_surprising(slot, (*left[0], *right[0], *between[n]))]
        if surprising:
            return min(surprising, key=lambda n: abs(n - middle))
        for slot, objects in zip(todo, between, strict=True):
            if may_carry(left[1], slot, self.sparing):
                slot.carry(left[1])
            else:
                slot.interpolate(objects, (left[1], right[1]))
        return None

    def _between(self, slot: Slot, first: Objects, second: Objects, alike: Likeness) -> tuple[DetectedObject, ...]:
        start, end = self.left.picture.taken_at, self.right.picture.taken_at
        share = (slot.picture.taken_at - start) / (end - start) if end > start else 0.0
        return interpolated(first, second, alike, share, self.sparing.min_probability)

    def _is_surprising(self, slot: Slot, objects: Objects) -> bool:
        """Whether the picture shows something where none of the objects is, and where neither end shows it.

        So it is where that cannot be told, since the pixels of an end, which was known, have not been read.
        """
        since_left, since_right = _changes(self.left, slot), _changes(self.right, slot)
        if since_left is None or since_right is None:
            return True
        return is_outside(since_left & since_right, [one.box for one in objects], _MARGIN)


def may_carry(root: Slot, slot: Slot, sparing: Sparing) -> bool:
    """Whether a picture has the objects of `root`, one before it that was looked at: it is recent, and the same."""
    if root.picture.camera != slot.picture.camera:
        return False
    if slot.picture.taken_at - root.picture.taken_at > timedelta(seconds=sparing.carry_seconds):
        return False
    mask = _changes(root, slot)
    return mask is not None and not mask.any()


def _changes(one: Slot, other: Slot) -> Mask | None:
    if one.blocks is None or other.blocks is None:
        return None
    return changes(one.blocks, other.blocks)
