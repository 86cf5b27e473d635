"""A lineage as text for a terminal, and as JSON."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

from nightjar.domain.lineage.growing import Lineage
from nightjar.domain.lineage.nodes import Maker, Node, printable
from nightjar.domain.lineage.tree import Row, branches, rest_words, rows

_SCHEMA = 1


def as_text(lineage: Lineage, *, is_short: bool) -> Iterator[str]:
    """The tree: a thing a line, and unless `is_short` below it all that is known of it."""
    all_rows, makers = rows(lineage), list[Maker | None]()
    for n, row in enumerate(all_rows):
        yield f"{branches(row)}{_head(row)}"
        if row.node is None or row.is_again or is_short:
            continue
        has_more = n + 1 < len(all_rows) and all_rows[n + 1].depth > row.depth
        margin = _margin(row, has_more)
        yield from (f"{margin}{line}" for line in _about(row.node, is_told=row.node.maker in makers))
        makers.append(row.node.maker)
    yield from (f"({note})" for note in lineage.notes)


def _head(row: Row) -> str:
    if row.node is None:
        return rest_words(row)
    word = f"{row.word}: " if row.word else ""
    state = row.node.state
    gone = "" if state.is_ordinary else f"  [{state.upper()}]"
    again = "  (see above)" if row.is_again else ""
    return f"{word}{row.node.kind} {row.node.title}{gone}{again}"


def _margin(row: Row, has_more: bool) -> str:
    """In front of the lines about a node: the branches that go on below it."""
    passing = "".join("   " if ends else "│  " for ends in row.is_last)
    return f"{passing}{'│  ' if has_more else '   '}"


def _about(node: Node, *, is_told: bool) -> Iterator[str]:
    """All that is known of a node; of a maker that `is_told` further up, its name only."""
    if node.key:
        version = f"  version {printable(node.version)}" if node.version else ""
        yield f"{printable(node.key)}{version}"
    if node.sha256:
        size = f"  {node.size:,} bytes" if node.size is not None else ""
        yield f"sha256 {node.sha256}{size}"
    if node.maker:
        made = _made(node.maker)
        yield from islice(made, 1) if is_told else made
    yield from (f"{name}: {value}" for name, value in node.facts)
    yield from (f"note: {note}" for note in node.notes)


def _made(maker: Maker) -> Iterator[str]:
    task = [maker.stage, f"of {maker.run}" if maker.run else "", f"shard {maker.shard}" if maker.shard else ""]
    if words := " ".join(filter(None, task)):
        yield f"made by {words}"
    if maker.image:
        yield f"image {' '.join(filter(None, (maker.image, maker.digest)))}"
    if maker.model:
        yield f"model {maker.model} {maker.model_sha256}, detector {maker.detector}"
    if maker.rules_sha256:
        yield f"rules {maker.rules_sha256}"
    if maker.task:
        yield f"task {', '.join(f'{name} {value}' for name, value in maker.task.items())}"


def as_json(lineage: Lineage) -> str:
    """The graph for programs: `nodes` by their ids, and `links` away from the thing that was asked about."""
    document = {
        "schema": _SCHEMA,
        "direction": "up" if lineage.is_up else "down",
        "root": lineage.root,
        "nodes": [_node(node, lineage.left_out.get(node.id)) for node in lineage.nodes.values()],
        "links": [{"from": link.start, "to": link.end, "word": link.word} for link in lineage.links],
        "notes": list(lineage.notes),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _node(node: Node, left_out: int | None) -> dict[str, Any]:
    fields = {
        "id": node.id,
        "kind": node.kind,
        "title": node.title,
        "name": node.name,
        "key": node.key,
        "version": node.version,
        "sha256": node.sha256,
        "size": node.size,
        "state": node.state,
        "made_by": _filled(asdict(node.maker).items()) if node.maker else None,
        "facts": [{"name": name, "value": value} for name, value in node.facts],
        "notes": list(node.notes),
    }
    rest = {} if left_out is None else {"left_out": left_out or "some"}
    return _filled(fields.items()) | rest


def _filled(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in fields if value or name in ("id", "kind", "title")}
