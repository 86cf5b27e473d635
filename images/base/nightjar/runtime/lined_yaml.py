"""YAML with the line of every key and item, so that an error can name it. Bounded in size, depth and number.

The text is taken for no more than a settings file needs: mappings with text keys, lists, text, numbers, booleans and
null. Keys are always text, so that a user called `no` or `1234` needs no quotes. Anchors and tags are refused.
"""

from collections.abc import Callable
from dataclasses import dataclass

import yaml

Lines = dict[tuple[str, ...], int]
Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | None

_MOST_BYTES = 4 << 20
_MOST_NODES = 300_000
_DEEPEST = 16
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where the wheel has it: ten times quicker
_construct: Callable[[yaml.Node], object] = yaml.SafeLoader("").construct_object
_NUMBERS_AND_SUCH = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null")}


@dataclass(frozen=True)
class Problem:
    """A mistake in a text, and its line, counted from 1."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class _RefusedError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, message)


def read_yaml(text: bytes) -> tuple[Value, Lines, list[Problem]]:
    """The one document in `text`, the line of each path in it, and its mistakes as YAML.

    After a mistake that the rest cannot be read past, the value is None; of a key given twice the first counts.
    """
    if len(text) > _MOST_BYTES:
        return None, {}, [Problem(1, f"expected at most {_MOST_BYTES} bytes, got {len(text)}")]
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, {}, [Problem(text[: error.start].count(b"\n") + 1, f"not UTF-8: {error.reason}")]
    lines: Lines = {}
    problems: list[Problem] = []
    try:
        _check_bounds(decoded)
        return _mapping(yaml.compose(decoded, Loader=_LOADER), lines, problems), lines, problems
    except _RefusedError as error:
        return None, {}, [*problems, error.problem]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return None, {}, [*problems, Problem(mark.line + 1 if mark else 1, f"not YAML: {error.problem}")]
    except yaml.reader.ReaderError as error:
        line = decoded[: error.position].count("\n") + 1
        return None, {}, [*problems, Problem(line, f"not YAML: {error.reason}")]


def _check_bounds(text: str) -> None:
    """Refuse a text that must not be composed: libyaml would follow any depth, and an alias any number of times."""
    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _RefusedError(_line(event), "expected no anchors and aliases (& and *); write it out")
        if tag := getattr(event, "tag", None):
            raise _RefusedError(_line(event), f"expected no tags, got {tag!r:.80}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > _DEEPEST:
            raise _RefusedError(_line(event), f"expected at most {_DEEPEST} levels")
        if nodes > _MOST_NODES:
            raise _RefusedError(_line(event), f"expected at most {_MOST_NODES} keys and values")
        if documents > 1:
            raise _RefusedError(_line(event), "expected one YAML document, got another")


def _mapping(root: yaml.Node | None, lines: Lines, problems: list[Problem]) -> Value:
    """The document's mapping."""
    if root is None:
        raise _RefusedError(1, "expected a mapping, got an empty file")
    lines[()] = _line(root)
    value = _value(root, (), lines, problems)
    if not isinstance(value, dict):
        raise _RefusedError(lines[()], f"expected a mapping, got {value!r:.80}")
    return value


def _value(node: yaml.Node, path: tuple[str, ...], lines: Lines, problems: list[Problem]) -> Value:
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Value] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError(_line(key), "expected plain text as a key")
            below = (*path, key.value)
            if key.value in mapping:
                first = f"{'.'.join(below)}: given twice, first in line {lines[below]}"
                problems.append(Problem(_line(key), first))
                below = (*path, f"{key.value} in line {_line(key)}")
            lines[below] = _line(key)
            value = _value(item, below, lines, problems)
            mapping.setdefault(key.value, value)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines[(*path, str(number))] = _line(item)
        return [_value(item, (*path, str(n)), lines, problems) for n, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode), node
    return _scalar(node)


def _scalar(node: yaml.ScalarNode) -> Value:
    if node.tag not in _NUMBERS_AND_SUCH:
        return str(node.value)
    try:
        value = _construct(node)
    except ValueError:  # more digits than Python turns into a number: still text
        return str(node.value)
    assert value is None or isinstance(value, int | float | bool)
    return value


def _line(place: yaml.Event | yaml.Node) -> int:
    assert place.start_mark is not None, place
    return int(place.start_mark.line) + 1
