"""Where the things of a lineage stand in a drawing. Pixels, from the left and the top.

in_columns   for wide screens: the thing that was asked about on the left, what is further from it further right
as_list      for narrow ones: one below the other, what is further from it further in
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nightjar.domain.lineage.growing import Lineage
from nightjar.domain.lineage.tree import Row, rows

BOX_WIDTH, BOX_HEIGHT, REST_HEIGHT = 220, 78, 26
LIST_HEIGHT = 60  # of a box in a list, which is wide enough for a title in one line
_ACROSS, _BETWEEN, _MARGIN = 36, 12, 8
_INDENT, _DEEPEST = 14, 8  # in a list, what is deeper stands no further in


@dataclass(frozen=True)
class Box:
    """A row of the tree in its place."""

    row: Row
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Wire:
    """A link, from a point to a point. `is_again`: to a thing that hangs on another one already."""

    x1: float
    y1: float
    x2: float
    y2: float
    is_again: bool = False


@dataclass(frozen=True)
class Drawing:
    """Boxes and the wires between them; `is_list` wires go down and then across, the others across."""

    width: float
    height: float
    boxes: Sequence[Box]
    wires: Sequence[Wire]
    is_list: bool = False


def in_columns(lineage: Lineage) -> Drawing:
    """Every thing once. A thing stands further right than all that lead to it; one that has parts, amid them."""
    all_rows = rows(lineage)
    shown = [(row, _above(row, all_rows)) for row in all_rows if not row.is_again]
    parts: dict[str, list[int]] = {}
    for n, (_, above) in enumerate(shown):
        parts.setdefault(above, []).append(n)
    columns = _columns(lineage)
    middles, below = [0.0] * len(shown), float(_MARGIN)
    for n, (row, _) in enumerate(shown):
        if row.node is None or row.node.id not in parts:
            # As high for those that were left out: the thing that they alone hang on is no lower than they are.
            middles[n] = below + BOX_HEIGHT / 2
            below += BOX_HEIGHT + _BETWEEN
    for n, (row, _) in reversed(list(enumerate(shown))):  # parts come after the thing that they are parts of
        if row.node is not None and (own := parts.get(row.node.id)):
            middles[n] = (middles[own[0]] + middles[own[-1]]) / 2
    boxes = []
    for (row, above), middle in zip(shown, middles, strict=True):
        column = columns[row.node.id] if row.node else columns[above] + 1
        x = _MARGIN + column * (BOX_WIDTH + _ACROSS)
        boxes.append(Box(row, x, middle - _height(row) / 2, BOX_WIDTH, _height(row)))
    width = max(box.x + box.width for box in boxes) + _MARGIN
    height = max(box.y + box.height for box in boxes) + _MARGIN
    return Drawing(width, height, boxes, _wires(lineage, all_rows, boxes))


def _height(row: Row, box: float = BOX_HEIGHT) -> float:
    return box if row.node and not row.is_again else REST_HEIGHT


def _above(row: Row, all_rows: Sequence[Row]) -> str:
    """The id of the node that a row hangs on; empty for the first one."""
    above = all_rows[row.parent].node if row.parent is not None else None
    return above.id if above else ""


def _columns(lineage: Lineage) -> dict[str, int]:
    """The column of each node: one further than the furthest of those that lead to it."""
    columns = dict.fromkeys(lineage.nodes, 0)
    after: dict[str, list[str]] = {}
    waiting = dict.fromkeys(lineage.nodes, 0)
    for link in lineage.links:
        after.setdefault(link.start, []).append(link.end)
        waiting[link.end] += 1
    ready = [node for node, number in waiting.items() if not number]
    while ready:
        node = ready.pop()
        for end in after.get(node, ()):
            columns[end] = max(columns[end], columns[node] + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    return columns


def _wires(lineage: Lineage, all_rows: Sequence[Row], boxes: Sequence[Box]) -> list[Wire]:
    of_node = {box.row.node.id: box for box in boxes if box.row.node}
    hung = {(_above(box.row, all_rows), box.row.node.id) for box in boxes if box.row.node}
    wires = [
        _across(of_node[link.start], of_node[link.end], is_again=(link.start, link.end) not in hung)
        for link in lineage.links
    ]
    rests = ((of_node[_above(box.row, all_rows)], box) for box in boxes if box.row.node is None)
    return wires + [_across(above, box, is_again=False) for above, box in rests]


def _across(start: Box, end: Box, *, is_again: bool) -> Wire:
    return Wire(start.x + start.width, start.y + start.height / 2, end.x, end.y + end.height / 2, is_again)


def as_list(lineage: Lineage, width: float) -> Drawing:
    """The rows of the tree, `width` wide in all; a thing that comes again is named again, in a line."""
    all_rows = rows(lineage)
    boxes: list[Box] = []
    y = float(_MARGIN)
    for row in all_rows:
        height = _height(row, LIST_HEIGHT)
        x = _MARGIN + min(row.depth, _DEEPEST) * _INDENT
        boxes.append(Box(row, x, y, width - x - _MARGIN, height))
        y += height + _BETWEEN
    wires = []
    for box in boxes:
        if box.row.parent is not None:
            above = boxes[box.row.parent]
            middle = box.y + box.height / 2
            wires.append(Wire(above.x + _INDENT / 2, above.y + above.height, box.x, middle, box.row.is_again))
    return Drawing(width, y - _BETWEEN + _MARGIN, boxes, wires, is_list=True)
