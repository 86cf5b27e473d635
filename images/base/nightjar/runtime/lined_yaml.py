"""YAML with the line of every key and item, so that an error can name it. Bounded in size, depth and number.

The text is taken for no more than a settings file needs: mappings with text keys, lists, text, numbers, booleans and
null. Keys are always text, so that a user called `no` or `1234` needs no quotes. Anchors and tags are refused, and so
are numbers that YAML 1.1 reads otherwise than people do: `010` is 8 to YAML, `1:30` is 90.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import yaml

Path = tuple[str, ...]
Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | None

MOST_BYTES = 4 << 20
_MOST_NODES = 300_000
_DEEPEST = 16
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where the wheel has it: ten times quicker
_construct: Callable[[yaml.Node], object] = yaml.SafeLoader("").construct_object
_NUMBERS_AND_SUCH = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null")}
_PLAIN_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*|[0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Problem:
    """A mistake in a text, and its line, counted from 1."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


@dataclass
class Document:
    """A text as it was read: its one mapping (None when the text cannot be read), and what it says where.

    `lines` has the line of each path. `written` has the text of each value that YAML took for a number, a boolean or
    null. `problems` are the mistakes as YAML, `refused` the paths of values among them, which are text in `value`.
    With `any_number`, numbers are taken as YAML 1.1 reads them, whatever they look like to people. `first_line` is the
    line that the text begins with, where it is a part of another.
    """

    value: "Value" = None
    lines: dict[Path, int] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refused: set[Path] = field(default_factory=set)
    any_number: bool = False
    first_line: int = 1


class _RefusedError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, message)


def read_yaml(text: bytes, any_number: bool = False, first_line: int = 1) -> Document:
    """The one document in `text`, which begins in line `first_line`. Of a key that is given twice the first counts.

    After a mistake that the rest cannot be read past, the document has no value and no lines.
    """
    if len(text) > MOST_BYTES:
        return _unreadable([], Problem(first_line, f"expected at most {MOST_BYTES} bytes, got {len(text)}"))
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _unreadable([], Problem(text[: error.start].count(b"\n") + first_line, f"not UTF-8: {error.reason}"))
    document = Document(any_number=any_number, first_line=first_line)
    try:
        _check_bounds(decoded, first_line)
        _read_mapping(yaml.compose(decoded, Loader=_LOADER), document)
    except _RefusedError as error:
        return _unreadable(document.problems, error.problem)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _unreadable(
            document.problems, Problem(first_line + mark.line if mark else first_line, f"not YAML: {error.problem}")
        )
    except yaml.reader.ReaderError as error:
        line = decoded[: error.position].count("\n") + first_line
        return _unreadable(document.problems, Problem(line, f"not YAML: {error.reason}"))
    return document


def _unreadable(before: list[Problem], problem: Problem) -> Document:
    return Document(problems=[*before, problem])


def _check_bounds(text: str, first_line: int) -> None:
    """Refuse a text that must not be composed: libyaml would follow any depth, and an alias any number of times."""
    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _RefusedError(_line(event, first_line), "expected no anchors and aliases (& and *); write it out")
        if tag := getattr(event, "tag", None):
            raise _RefusedError(_line(event, first_line), f"expected no tags, got {tag!r:.80}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > _DEEPEST:
            raise _RefusedError(_line(event, first_line), f"expected at most {_DEEPEST} levels")
        if nodes > _MOST_NODES:
            raise _RefusedError(_line(event, first_line), f"expected at most {_MOST_NODES} keys and values")
        if documents > 1:
            raise _RefusedError(_line(event, first_line), "expected one YAML document, got another")


def _read_mapping(root: yaml.Node | None, document: Document) -> None:
    """Fill `document` from the mapping at `root`."""
    if root is None:
        raise _RefusedError(document.first_line, "expected a mapping, got an empty file")
    document.lines[()] = _line(root, document.first_line)
    value = _value(root, (), document)
    if not isinstance(value, dict):
        raise _RefusedError(document.lines[()], f"expected a mapping, got {value!r:.80}")
    document.value = value


def _value(node: yaml.Node, path: Path, document: Document) -> Value:
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Value] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError(_line(key, document.first_line), "expected plain text as a key")
            below = (*path, key.value)
            if key.value in mapping:
                first = f"{'.'.join(below)}: given twice, first in line {document.lines[below]}"
                document.problems.append(Problem(_line(key, document.first_line), first))
                below = (*path, f"{key.value} in line {_line(key, document.first_line)}")
            document.lines[below] = _line(key, document.first_line)
            value = _value(item, below, document)
            mapping.setdefault(key.value, value)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            document.lines[(*path, str(number))] = _line(item, document.first_line)
        return [_value(item, (*path, str(n)), document) for n, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode), node
    return _scalar(node, path, document)


def _scalar(node: yaml.ScalarNode, path: Path, document: Document) -> Value:
    text = str(node.value)
    if node.tag not in _NUMBERS_AND_SUCH:
        return text
    try:
        value = _construct(node)
    except ValueError:  # no number after all, such as 0b_ or more digits than Python takes
        value = text
    assert value is None or isinstance(value, int | float | bool | str)
    plain = document.any_number or _PLAIN_NUMBER.fullmatch(text)
    if not isinstance(value, int | float) or isinstance(value, bool) or plain:
        document.written[path] = text
        return value
    # Digits of a huge number cost much time, and Python refuses to make them.
    reading = f"{value:.15g}" if isinstance(value, float) or abs(value) < 10**15 else "another number"
    got = f"got {text:.80}, which YAML reads as {reading}"
    place = ".".join(path)
    document.problems.append(
        Problem(_line(node, document.first_line), f"{place}: expected a decimal number, or text in quotes, {got}")
    )
    document.refused.add(path)
    return text


def _line(place: yaml.Event | yaml.Node, first_line: int) -> int:
    assert place.start_mark is not None, place
    return int(place.start_mark.line) + first_line
