"""A lineage as an indented tree: each thing is described where it comes first, and named where it comes again."""

from collections.abc import Iterator
from dataclasses import dataclass

from nightjar.domain.lineage.growing import Lineage
from nightjar.domain.lineage.nodes import Node


@dataclass(frozen=True)
class Row:
    """A line of the tree: a node, or else neighbours of the row above that are not there, `left_out` of them (0: some).

    `depth` is 0 for the thing that was asked about. `is_last`: for each depth from 1 on, whether the branch ends there.
    `is_again`: the node is described further up.
    """

    node: Node | None
    word: str
    depth: int
    is_last: tuple[bool, ...] = ()
    is_again: bool = False
    left_out: int = 0
    parent: int | None = None  # the index of the row that it hangs on


def rows(lineage: Lineage) -> list[Row]:
    """The tree, from the top to the bottom."""
    made: list[Row] = []
    seen = set[str]()
    # (node id, word, marks of the branch, index of the parent's row); a stack, since a damaged graph may be deep.
    stack: list[tuple[str, str, tuple[bool, ...], int | None]] = [(lineage.root, "", (), None)]
    left = dict(lineage.left_out)
    after: dict[str, list[tuple[str, str]]] = {}
    for link in lineage.links:
        after.setdefault(link.start, []).append((link.end, link.word))
    while stack:
        identity, word, marks, parent = stack.pop()
        if identity not in lineage.nodes:  # a row of its own for those that were left out
            made.append(Row(None, word, len(marks), marks, left_out=int(identity), parent=parent))
            continue
        is_again = identity in seen
        seen.add(identity)
        index = len(made)
        made.append(Row(lineage.nodes[identity], word, len(marks), marks, is_again, parent=parent))
        if is_again:
            continue
        branches = list(after.get(identity, ()))
        if identity in left:
            branches.append((str(left[identity]), ""))
        for n, (end, label) in reversed(list(enumerate(branches))):
            stack.append((end, label, (*marks, n == len(branches) - 1), index))
    return made


def rest_words(row: Row) -> str:
    """For a row without a node: `and 12 more`, or `and more`."""
    return f"and {row.left_out:,} more" if row.left_out else "and more"


def branches(row: Row) -> str:
    """The lines in front of a row, as a terminal draws them."""
    if not row.is_last:
        return ""
    return "".join(_marks(row))


def _marks(row: Row) -> Iterator[str]:
    for ends in row.is_last[:-1]:
        yield "   " if ends else "│  "
    yield "└─ " if row.is_last[-1] else "├─ "
