"""YAML with the line of every key and item, so that an error can name it. Bounded in size, depth and number.

What the text means is kept to what a settings file needs: mappings with text keys, lists, text, numbers, booleans and
null. Keys are always text, so that a user called `no` or `1234` needs no quotes. Anchors and tags are refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import yaml

Lines = dict[tuple[str, ...], int]
Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | None

_MOST_BYTES = 4 << 20
_MOST_VALUES = 200_000
_DEEPEST = 16
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where the wheel has it: ten times quicker
_scalars = yaml.SafeLoader("")  # what plain text means: 0.8 a number, true a boolean
_resolve: Callable[..., str] = _scalars.resolve
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null")}


@dataclass(frozen=True)
class Problem:
    """What is wrong in a text, and in which line of it, counted from 1."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class _RefusedError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, message)


def read_yaml(text: bytes) -> tuple[Value, Lines, list[Problem]]:
    """The one document in `text`, the line of each path in it, and what is wrong with it as YAML.

    After a problem that the rest cannot be read past, the value is None; keys given twice leave the first.
    """
    if len(text) > _MOST_BYTES:
        return None, {}, [Problem(1, f"expected at most {_MOST_BYTES} bytes, got {len(text)}")]
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, {}, [Problem(text[: error.start].count(b"\n") + 1, f"not UTF-8: {error.reason}")]
    reader = _Reader(decoded)
    try:
        return reader.document(), reader.lines, reader.problems
    except _RefusedError as error:
        return None, {}, [*reader.problems, error.problem]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return None, {}, [*reader.problems, Problem(mark.line + 1 if mark else 1, f"not YAML: {error.problem}")]
    except yaml.reader.ReaderError as error:
        line = decoded[: error.position].count("\n") + 1
        return None, {}, [*reader.problems, Problem(line, f"not YAML: {error.reason}")]


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines: Lines = {}
        self.problems: list[Problem] = []
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._values = 0

    def document(self) -> Value:
        next(self._events)  # the stream's start
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            raise _RefusedError(1, "expected a mapping, got an empty file")
        first = next(self._events)
        self.lines[()] = _line(first)
        value = self._value(first, ())
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _RefusedError(_line(after), "expected one YAML document, got another")
        if not isinstance(value, dict):
            raise _RefusedError(self.lines[()], f"expected a mapping, got {value!r:.80}")
        return value

    def _value(self, event: yaml.Event, path: tuple[str, ...]) -> Value:
        self._values += 1
        if self._values > _MOST_VALUES:
            raise _RefusedError(_line(event), f"expected at most {_MOST_VALUES} values")
        if len(path) > _DEEPEST:
            raise _RefusedError(_line(event), f"expected at most {_DEEPEST} levels")
        _check_plain(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        assert isinstance(event, yaml.ScalarEvent), event
        return self._scalar(event)

    def _mapping(self, path: tuple[str, ...]) -> dict[str, Value]:
        mapping: dict[str, Value] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            _check_plain(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise _RefusedError(line, "expected plain text as a key")
            key, below = event.value, (*path, event.value)
            if key in mapping:
                self.problems.append(
                    Problem(line, f"{'.'.join(below)}: given twice, first in line {self.lines[below]}")
                )
                below = (*path, f"{key} in line {line}")
            self.lines[below] = line
            value = self._value(next(self._events), below)
            mapping.setdefault(key, value)
        return mapping

    def _sequence(self, path: tuple[str, ...]) -> list[Value]:
        sequence: list[Value] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            below = (*path, str(len(sequence)))
            self.lines[below] = _line(event)
            sequence.append(self._value(event, below))
        return sequence

    def _scalar(self, event: yaml.ScalarEvent) -> Value:
        tag = _resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag not in _PLAIN:
            return event.value
        try:
            value = _scalars.construct_object(yaml.ScalarNode(tag, event.value))
        except ValueError:  # more digits than Python turns into a number: still text
            return event.value
        assert value is None or isinstance(value, int | float | bool)
        return value


def _check_plain(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _RefusedError(_line(event), "expected no anchors and aliases (& and *); write it out")
    if tag := getattr(event, "tag", None):
        raise _RefusedError(_line(event), f"expected no tags, got {tag!r:.80}")


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None, event
    return int(event.start_mark.line) + 1
