"""Grows a lineage from one thing: its neighbours, theirs, and so on, each thing once, within bounds.

`T` is whatever the caller needs to find a thing's neighbours. A level is asked for as a whole, so that a caller may
read for many things at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from nightjar.domain.lineage.nodes import Kind, Node

T = TypeVar("T")


@dataclass(frozen=True)
class Thing(Generic[T]):
    """A node, and what the caller knows of it."""

    node: Node
    subject: T


@dataclass(frozen=True)
class Expansion(Generic[T]):
    """The neighbours of one thing, each with a word for how they belong together.

    `left_out` are those that were not read, since they are too many; with `has_more` there are some, of which nobody
    knows the number. `notes` are added to the thing.
    """

    steps: Sequence[tuple[str, Thing[T]]] = ()
    left_out: int = 0
    has_more: bool = False
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Link:
    """`start` leads to `end`, away from the thing that was asked about; `word` says how they belong together."""

    start: str
    end: str
    word: str


@dataclass(frozen=True)
class Lineage:
    """A graph without cycles. `nodes` begin with the thing that was asked about, `root`; nearer ones come first.

    `is_up`: the links lead to what a thing took part in, else to what it was made of. `left_out` says how many
    neighbours of a node are not in the graph; 0 stands for a number that is not known, and a node of which nothing was
    left out is not there. `notes` are about the whole: a period, a bound.
    """

    root: str
    nodes: Mapping[str, Node]
    links: tuple[Link, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    is_up: bool = False
    notes: tuple[str, ...] = ()

    def after(self, node_id: str) -> list[Link]:
        """The links that start at a node, in order."""
        return [link for link in self.links if link.start == node_id]

    def of_kind(self, kind: Kind) -> list[Node]:
        """The nodes of a kind, in order."""
        return [node for node in self.nodes.values() if node.kind is kind]


def grow(
    root: Thing[T],
    expand: Callable[[Sequence[Thing[T]]], Iterable[Expansion[T]]],
    *,
    most_nodes: int,
    is_up: bool = False,
) -> Lineage:
    """The lineage of `root`: `expand` gives the neighbours of each thing of a level, in its order.

    With `most_nodes` nodes the graph grows no further, and says so. A link that would close a cycle, as damaged objects
    may have it, is left out. Raises ValueError for a bound below 1.
    """
    if most_nodes < 1:
        raise ValueError(f"expected at least 1 node, got {most_nodes}")
    nodes, links = {root.node.id: root.node}, list[Link]()
    left_out, before = dict[str, int](), defaultdict[str, set[str]](set)
    level: Sequence[Thing[T]] = [root]
    is_bounded = False
    while level:
        following: list[Thing[T]] = []
        for thing, expansion in zip(level, expand(level), strict=True):
            start = thing.node.id
            if expansion.left_out or expansion.has_more:
                left_out[start] = expansion.left_out
            if expansion.notes:
                nodes[start] = replace(nodes[start], notes=(*nodes[start].notes, *expansion.notes))
            for word, other in expansion.steps:
                end = other.node.id
                if end in nodes:
                    if end not in _ancestors(start, before) and start not in before[end]:
                        links.append(Link(start, end, word))
                        before[end].add(start)
                elif len(nodes) >= most_nodes:
                    left_out[start] = left_out.get(start, 0) + 1
                    is_bounded = True
                else:
                    nodes[end] = other.node
                    links.append(Link(start, end, word))
                    before[end].add(start)
                    following.append(other)
        level = following
    bounded = (f"the graph ends at {most_nodes} things",) if is_bounded else ()
    return Lineage(root.node.id, nodes, tuple(links), left_out, is_up, bounded)


def _ancestors(node: str, before: Mapping[str, set[str]]) -> set[str]:
    """`node` and all nodes from which a link leads to it."""
    found, open_ = {node}, [node]
    while open_:
        for each in before.get(open_.pop(), ()):
            if each not in found:
                found.add(each)
                open_.append(each)
    return found
