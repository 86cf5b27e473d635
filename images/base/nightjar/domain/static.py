"""Static objects: what has stood at its place for long is part of the scene, until it leaves. Pure.

Whether an object is static follows from the set of the camera's pictures before it, in whatever order they came. Its
box is looked for in them, from the newest to the oldest: a box of the same label that overlaps it enough, one for each.
It is static when it is found in a picture that is `after_seconds` or more older. A picture without it, where it stayed
unfound for longer than `forget_seconds`, says that it had left: what came then is new. A time without any picture says
nothing. Pictures more than a day older count no more.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from nightjar.domain.areas import Box
from nightjar.domain.rules import Static
from nightjar.domain.sights import ObjectSeen, overlap_of

HORIZON = timedelta(hours=24)
# Of one picture, the most probable objects that a look keeps: a full car park must not make it large.
MOST_BOXES = 64

Boxes = Mapping[str, Sequence[Box]]


class SomeLook(Protocol):
    """A look at one picture, stored or not."""

    @property
    def taken_at(self) -> datetime: ...

    @property
    def boxes(self) -> Boxes: ...


@dataclass(frozen=True, slots=True)
class Look:
    """The boxes of one picture by label, of labels that can be static."""

    taken_at: datetime
    boxes: Boxes


def boxes_by_label(objects: Iterable[ObjectSeen], labels: frozenset[str]) -> dict[str, tuple[Box, ...]]:
    """The boxes of a look at `objects`, most probable first, for those of `labels` that are there."""
    boxes: dict[str, list[Box]] = {}
    number = 0
    for one in objects:
        if one.label in labels and number < MOST_BOXES:
            boxes.setdefault(one.label, []).append(one.box)
            number += 1
    return {label: tuple(found) for label, found in sorted(boxes.items())}


def static_boxes(
    look: SomeLook, wanted: Mapping[str, Iterable[Box]], before: Iterable[SomeLook], static: Static
) -> set[Box]:
    """Those of the `wanted` boxes of `look` that are static.

    `before` are the earlier looks of the camera, the newest first; no more of them are taken than are needed.
    """
    after, forget = timedelta(seconds=static.after_seconds), timedelta(seconds=static.forget_seconds)
    pending: dict[str, dict[int, _Trail]] = {}
    for label, boxes in wanted.items():
        places = {n for box in boxes for n, own in enumerate(look.boxes.get(label, ())) if own == box}
        if places:
            pending[label] = {n: _Trail(look.taken_at) for n in places}
    found = set[Box]()
    if not pending:
        return found
    for earlier in before:
        if look.taken_at - earlier.taken_at > HORIZON:
            break
        is_old = look.taken_at - earlier.taken_at >= after
        for label in list(pending):
            own, trails = look.boxes[label], pending[label]
            matched = matches(own, earlier.boxes.get(label, ()), static.overlap)
            for n in list(trails):
                trail = trails[n]
                is_away_for_long = trail.last - earlier.taken_at > forget
                if n not in matched:
                    if is_away_for_long:
                        del trails[n]
                    trail.is_missed = True
                elif trail.is_missed and is_away_for_long:
                    del trails[n]
                elif is_old:
                    found.add(own[n])
                    del trails[n]
                else:
                    trail.last, trail.is_missed = earlier.taken_at, False
            if not trails:
                del pending[label]
        if not pending:
            break
    return found


@dataclass(slots=True)
class _Trail:
    """How far back an object was found: in the picture taken at `last`, and whether a picture before that lacks it."""

    last: datetime
    is_missed: bool = False


_NOTHING: frozenset[int] = frozenset()
_FIRST = frozenset({0})


def matches(own: Sequence[Box], others: Sequence[Box], overlap: float) -> Set[int]:
    """Those of `own`, by index, that one of `others` overlaps by at least `overlap`: one for each, the best first."""
    if not others:
        return _NOTHING
    if len(own) == 1:
        return _FIRST if any(overlap_of(own[0], other) >= overlap for other in others) else _NOTHING
    pairs = [
        (-together, n, m)
        for n, box in enumerate(own)
        for m, other in enumerate(others)
        if (together := overlap_of(box, other)) >= overlap
    ]
    matched, taken = set[int](), set[int]()
    for _, n, m in sorted(pairs):
        if n not in matched and m not in taken:
            matched.add(n)
            taken.add(m)
    return matched


def influence_end(next_picture: datetime | None, changed: datetime, static: Static) -> datetime:
    """Until when a picture taken at `changed` may decide whether objects in later pictures are static.

    `next_picture` is when the camera's next picture was taken: looking back from later, an object that is not found in
    it had left, unless it was seen at most `forget_seconds` after it.
    """
    end = changed + HORIZON
    if next_picture is None:
        return end
    return min(end, next_picture + timedelta(seconds=static.after_seconds + static.forget_seconds))
