"""A lineage grows level by level, each thing once, bounded, without cycles; and is told as a tree and placed."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import pytest

from nightjar.domain.lineage.growing import Expansion, Lineage, Link, Thing, grow
from nightjar.domain.lineage.nodes import Kind, Node, State, printable
from nightjar.domain.lineage.places import as_list, in_columns
from nightjar.domain.lineage.tree import branches, rest_words, rows

Parts = Mapping[str, Sequence[str]]


def a_thing(name: str) -> Thing[str]:
    return Thing(Node(name, Kind.OBJECT, name), name)


def grown(parts: Parts, most_nodes: int = 100, left: Mapping[str, int] | None = None) -> Lineage:
    def expand(things: Sequence[Thing[str]]) -> Iterable[Expansion[str]]:
        for thing in things:
            name = thing.subject
            number = (left or {}).get(name)
            yield Expansion(
                [("of", a_thing(each)) for each in parts.get(name, ())], number or 0, has_more=number == 0, notes=()
            )

    return grow(a_thing("a"), expand, most_nodes=most_nodes)


@pytest.mark.parametrize(
    ("parts", "links"),
    [
        ({}, []),
        ({"a": ["b"]}, ["ab"]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, ["ab", "ac", "bd", "cd"]),
        ({"a": ["b", "b"]}, ["ab"]),  # named twice
        ({"a": ["a"]}, []),  # part of itself
        ({"a": ["b"], "b": ["c"], "c": ["a", "b"]}, ["ab", "bc"]),  # damaged: a ring
        ({"a": ["b", "c"], "b": ["c"], "c": ["b"]}, ["ab", "ac", "bc"]),
    ],
)
def test_each_thing_once_and_no_ring(parts: Parts, links: list[str]) -> None:
    assert [link.start + link.end for link in grown(parts).links] == links


def test_a_bound_is_kept_and_told() -> None:
    found = grown({"a": [f"b{n}" for n in range(10)]}, most_nodes=4)
    assert (len(found.nodes), found.left_out, found.notes) == (4, {"a": 7}, ("the graph ends at 4 things",))
    assert grown({"a": ["b"]}, most_nodes=2).notes == ()
    with pytest.raises(ValueError, match="at least 1 node"):
        grown({}, most_nodes=0)


def test_the_tree_names_again_what_it_has_told_and_counts_the_rest() -> None:
    found = grown({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, left={"b": 3, "c": 0})
    told = [(branches(row), row.node.title if row.node else rest_words(row), row.is_again) for row in rows(found)]
    assert told == [
        ("", "a", False),
        ("├─ ", "b", False),
        ("│  ├─ ", "d", False),
        ("│  └─ ", "and 3 more", False),
        ("└─ ", "c", False),
        ("   ├─ ", "d", True),
        ("   └─ ", "and more", False),
    ]


def test_a_deep_graph_needs_no_deep_stack() -> None:
    names = [f"n{n}" for n in range(3000)]
    nodes = {name: Node(name, Kind.OBJECT, name) for name in names}
    links = tuple(Link(one, other, "") for one, other in pairwise(names))
    deep = Lineage(names[0], nodes, links)
    assert (len(rows(deep)), len(in_columns(deep).boxes), len(as_list(deep, 366).boxes)) == (3000, 3000, 3000)


@pytest.mark.parametrize("parts", [{}, {"a": ["b", "c", "d"], "b": ["e", "f"], "c": ["f"], "f": ["g"]}])
def test_boxes_do_not_lie_over_each_other(parts: Parts) -> None:
    found = grown(parts, left={"b": 2, "g": 0} if parts else None)
    for drawing in (in_columns(found), as_list(found, 366)):
        boxes = drawing.boxes
        for n, one in enumerate(boxes):
            assert 0 <= one.x <= one.x + one.width <= drawing.width
            assert 0 <= one.y <= one.y + one.height <= drawing.height
            for other in boxes[n + 1 :]:
                is_beside = one.x + one.width <= other.x or other.x + other.width <= one.x
                assert is_beside or one.y + one.height <= other.y or other.y + other.height <= one.y
    wires = in_columns(found).wires
    assert all(wire.x1 < wire.x2 for wire in wires)
    assert len(wires) == len(found.links) + len(found.left_out)
    assert sum(wire.is_again for wire in wires) == (1 if parts else 0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", ""), ("a b", "a b"), ("a\nb\x1b[31m", "a�b�[31m"), ("\u202egnp", "�gnp"), ("x" * 301, "x" * 299 + "…")],
)
def test_untrusted_text_is_one_plain_line(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_version_that_is_there_can_be_read() -> None:
    assert {each for each in State if each.is_there} == {State.CURRENT, State.OVERWRITTEN, State.DELETED}
