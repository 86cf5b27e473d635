"""A lineage as an SVG: sharp at any size, light or dark as the reader has it.

The command line writes it with ElementTree, the page with its template; both escape every text and attribute.

No library lays it out: a tree needs a dozen lines, and Graphviz would be a program more on every API server.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from nightjar.domain.lineage.growing import Lineage
from nightjar.domain.lineage.nodes import Node, printable
from nightjar.domain.lineage.places import BOX_HEIGHT, Box, Drawing, Wire, as_list, in_columns
from nightjar.domain.lineage.tree import rest_words
from nightjar.domain.tally import many

_STYLE = """
svg.lineage { background: #fff; color: #161d2d; font: 13px Inter, system-ui, sans-serif }
.lineage { --line: #b6c0cc; --soft: #3e5873; --card: #f8fafc; --warn: #8a5200; --back: #fff; --kind-a: #b42318;
  --kind-b: #a34700; --kind-c: #7a3fa0; --kind-d: #155dbc; --kind-e: #15703a; --kind-f: #0f6e73; --kind-g: #55606e }
@media (prefers-color-scheme: dark) { svg.lineage { background: #161d2d; color: #f8fafd }
  .lineage { --line: #4a5a74; --soft: #a3afbe; --card: #1b2436; --warn: #f5bd4f; --back: #161d2d; --kind-a: #ff8a80;
  --kind-b: #ffab66; --kind-c: #d3a4f0; --kind-d: #8ec5ff; --kind-e: #5fd08a; --kind-f: #62d0d6; --kind-g: #b4bfcc } }
"""
_LOOK = """
.lineage text { fill: currentColor } .lineage .soft { fill: var(--soft); font-size: 11px }
.lineage .gone { fill: var(--warn); font-size: 11px; font-weight: 600 }
.lineage .kind { font-size: 11px; font-weight: 600 }
.lineage .box { fill: var(--card); stroke: var(--line) } .lineage .lost { stroke: var(--warn); stroke-dasharray: 5 3 }
.lineage .root { stroke-width: 2.5 } .lineage .wire { fill: none; stroke: var(--line); stroke-width: 1.5 }
.lineage .again { stroke-dasharray: 2 4 }
.lineage .a { fill: var(--kind-a) } .lineage .b { fill: var(--kind-b) } .lineage .c { fill: var(--kind-c) }
.lineage .d { fill: var(--kind-d) } .lineage .e { fill: var(--kind-e) } .lineage .f { fill: var(--kind-f) }
.lineage .g { fill: var(--kind-g) }
"""
# The colours of kinds of things.
_COLOURS = {
    **dict.fromkeys(("alert", "notice"), "a"),
    **dict.fromkeys(("event", "review"), "b"),
    "detection": "c",
    "picture": "d",
    **dict.fromkeys(("original", "upload", "refusal"), "e"),
    **dict.fromkeys(("rules", "rules file", "report", "plot", "rows"), "f"),
}
_PER_CHARACTER, _PER_SMALL = 8.0, 6.8  # pixels, of a digit in a wide font
_NARROW = 366  # pixels: a telephone's page without its margins

Address = Callable[[Node], str]


@dataclass(frozen=True)
class Shape:
    """A `path`, `rect` or `text` of SVG with its attributes; `text` is its content."""

    tag: str
    attributes: Mapping[str, str]
    text: str = ""


@dataclass(frozen=True)
class Boxed:
    """The shapes of one thing, in a link to `href`, if that is not empty; `tip` is told on hovering."""

    href: str
    tip: str
    shapes: Sequence[Shape]


@dataclass(frozen=True)
class Picture:
    """All that a renderer needs: attributes of the `svg` itself, wires, and boxes over them. Nothing is escaped yet."""

    attributes: Mapping[str, str]
    wires: Sequence[Shape]
    boxes: Sequence[Boxed]


def drawn(lineage: Lineage) -> str:
    """A document of its own: the graph in columns, without links."""
    picture = _picture(in_columns(lineage), lineage, None)
    svg = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **picture.attributes})
    ElementTree.SubElement(svg, "style").text = _STYLE + _LOOK
    for wire in picture.wires:
        ElementTree.SubElement(svg, wire.tag, dict(wire.attributes))
    for box in picture.boxes:
        group = ElementTree.SubElement(svg, "g")
        ElementTree.SubElement(group, "title").text = box.tip
        for shape in box.shapes:
            ElementTree.SubElement(group, shape.tag, dict(shape.attributes)).text = shape.text or None
    return ElementTree.tostring(svg, encoding="unicode") + "\n"


def pictures_of(lineage: Lineage, address: Address) -> tuple[Picture, Picture]:
    """The same for a page: in columns and, for telephones, as a list; a box leads to `address`."""
    return _picture(in_columns(lineage), lineage, address), _picture(as_list(lineage, _NARROW), lineage, address)


def _picture(drawing: Drawing, lineage: Lineage, address: Address | None) -> Picture:
    attributes = {
        "class": f"lineage {'list' if drawing.is_list else 'columns'}",
        "viewBox": f"0 0 {drawing.width:g} {drawing.height:g}",
        "width": f"{drawing.width:g}",
        "height": f"{drawing.height:g}",
        "role": "img" if address is None else "group",
        "aria-label": _sentence(lineage),
    }
    wires = [
        Shape("path", {"class": "wire again" if wire.is_again else "wire", "d": _path(wire, is_list=drawing.is_list)})
        for wire in drawing.wires
    ]
    return Picture(attributes, wires, [_boxed(box, lineage, address) for box in drawing.boxes])


def _sentence(lineage: Lineage) -> str:
    things = many(len(lineage.nodes) - 1, "thing")
    title = lineage.nodes[lineage.root].title
    return f"{title}: {things} that it took part in" if lineage.is_up else f"{title}: {things} that it was made of"


def _path(wire: Wire, *, is_list: bool) -> str:
    if is_list:
        return f"M{wire.x1:g} {wire.y1:g}V{wire.y2:g}H{wire.x2:g}"
    middle = (wire.x1 + wire.x2) / 2
    return f"M{wire.x1:g} {wire.y1:g}C{middle:g} {wire.y1:g} {middle:g} {wire.y2:g} {wire.x2:g} {wire.y2:g}"


def _boxed(box: Box, lineage: Lineage, address: Address | None) -> Boxed:
    node = box.row.node
    if node is None:
        return Boxed("", "", [_text(box.x + 12, box.y + 17, rest_words(box.row), "soft")])
    tip = "\n".join(filter(None, (f"{node.kind} {node.title}", printable(node.key), node.version, node.sha256)))
    return Boxed(address(node) if address else "", tip, list(_shapes(box, node, lineage)))


def _shapes(box: Box, node: Node, lineage: Lineage) -> Iterator[Shape]:
    lost = "" if node.state.is_ordinary else " lost"
    root = " root" if node.id == lineage.root else ""
    size = {"x": f"{box.x:g}", "y": f"{box.y:g}", "width": f"{box.width:g}", "height": f"{box.height:g}"}
    yield Shape("rect", {"class": f"box{lost}{root}", "rx": "6", **size})
    colour = _COLOURS.get(node.kind, "g")
    yield Shape("rect", {"class": colour, "rx": "2", **size, "width": "4"})
    x, room, foot = box.x + 12, box.width - 20, box.y + box.height - 9
    if box.row.is_again:
        yield _text(x, box.y + 17, cut(f"{node.kind} {node.title}, as above", room / _PER_SMALL), "soft")
        return
    yield _text(x, box.y + 16, node.kind.upper(), f"kind {colour}")
    if box.row.word:
        yield _text(box.x + box.width - 8, box.y + 16, box.row.word, "soft", anchor="end")
    most = int(room / _PER_CHARACTER)
    lines = wrapped(node.title, most) if box.height >= BOX_HEIGHT else [cut(node.title, most)]
    yield from (_text(x, box.y + 34 + 16 * n, line) for n, line in enumerate(lines))
    if lost:
        yield _text(x, foot, node.state, "gone")
    elif node.maker is not None:
        yield _text(x, foot, cut(_by(node), room / _PER_SMALL), "soft")


def _by(node: Node) -> str:
    """In a few characters, who made it: the stage and the tag of its image."""
    if node.maker is None:
        return ""
    image = node.maker.image.partition("@")[0]
    tag = image.rpartition("/")[2].partition(":")[2] or image
    return " ".join(filter(None, (node.maker.stage, tag)))


def wrapped(text: str, most: int) -> list[str]:
    """At most two lines of `most` characters, parted at a blank where there is one; what is too long is cut."""
    if len(text) <= most:
        return [text]
    at = text.rfind(" ", most // 2, most + 1)
    first, rest = (text[:at], text[at + 1 :]) if at > 0 else (text[:most], text[most:])
    return [first, cut(rest, most)]


def cut(text: str, most: float) -> str:
    """`text`, with its end left out if it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: max(0, int(most) - 1)]}…"


def _text(x: float, y: float, text: str, css: str = "", anchor: str = "") -> Shape:
    more = {"class": css} if css else {}
    return Shape("text", {"x": f"{x:g}", "y": f"{y:g}", **more, **({"text-anchor": anchor} if anchor else {})}, text)
