"""The drawing of a lineage: XML, everything in it escaped, links only where asked for."""

from xml.etree import ElementTree

import pytest

from nightjar.domain.lineage.growing import Lineage, Link
from nightjar.domain.lineage.nodes import Kind, Maker, Node, State
from nightjar.runtime.lineage_svg import cut, drawn, pictures_of, wrapped

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "</text><script>alert(1)</script>"


def a_lineage(title: str = "Person at Porch") -> Lineage:
    maker = Maker(stage="assess", image="registry.example.com/nightjar/assess:1.0.0")
    nodes = {
        "a": Node("a", Kind.ALERT, title, name='alerts/"x', key='alerts/"x', state=State.CURRENT),
        "e": Node("e", Kind.EVENT, "event", key="events/x", state=State.ERASED, maker=maker),
        "p": Node("p", Kind.PICTURE, "picture", key="standard/x", state=State.CURRENT, maker=maker),
    }
    return Lineage("a", nodes, (Link("a", "e", "tells of"), Link("e", "p", "made of")), {"e": 12})


def texts(svg: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in svg.iter(f"{SVG}text")]


def test_a_document_of_its_own() -> None:
    svg = ElementTree.fromstring(drawn(a_lineage()))
    assert {"ALERT", "Person at Porch", "tells of", "erased since", "assess 1.0.0", "and 12 more"} <= set(texts(svg))
    assert svg.find(f"{SVG}style") is not None
    assert not list(svg.iter(f"{SVG}a"))
    assert svg.get("aria-label") == "Person at Porch: 2 things that it was made of"


def test_for_a_page_each_box_has_an_address() -> None:
    for picture in pictures_of(a_lineage(), lambda node: f"/x?of={node.id}&b" if node.id != "p" else ""):
        assert sorted(box.href for box in picture.boxes) == ["", "", "/x?of=a&b", "/x?of=e&b"]
        assert picture.attributes["aria-label"] == "Person at Porch: 2 things that it was made of"


@pytest.mark.parametrize("title", [EVIL, "a & b <c>", '" onload="x', "", "\N{SNOWMAN}" * 400])
def test_hostile_titles_are_text(title: str) -> None:
    svg = ElementTree.fromstring(drawn(a_lineage(title)))
    assert not list(svg.iter(f"{SVG}script"))
    assert not [each for each in svg.iter() if "onload" in each.attrib]
    assert title[:10] in "".join(texts(svg))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("alice-porch 2026-11-20", ["alice-porch", "2026-11-20"]),
        ("alice-porch-1763647500.jpg", ["alice-porch-1", "763647500.jpg"]),
        ("one two three four five six seven", ["one two three", "four five si…"]),
    ],
)
def test_titles_have_two_lines(text: str, lines: list[str]) -> None:
    assert wrapped(text, 13) == lines
    assert all(len(line) <= 13 for line in lines)


def test_what_is_too_long_is_cut() -> None:
    assert (cut("abc", 3), cut("abcd", 3), cut("abcd", 0)) == ("abc", "ab…", "…")
