"""Mistakes in a rules file as problems: a line, the place, and what was expected, with the names that may be meant."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nightjar.domain.labels import listed, near_labels
from nightjar.domain.rules import Rules
from nightjar.domain.rules.file import Users
from nightjar.domain.rules.mistakes import MISTAKE, MISTAKES, NO_STEPS, Place
from nightjar.domain.rules.references import (
    KnownNames,
    WrongName,
    areas_missing,
    unknown_channels,
    unknown_languages,
    unseen_in,
    wrong_references,
)
from nightjar.domain.rules.schema import near_keys
from nightjar.runtime.lined_yaml import Document, Problem

_HINTS = 100  # problems that get near names: looking for one of them costs up to 10 ms
# pydantic's names of these errors
_NOT_TEXT, _UNKNOWN_KEY, _TOO_FEW, _MISSING = "string_type", "extra_forbidden", "too_short", "missing"
# Other errors of pydantic in plain words; in braces stand the numbers and names that it gives.
_PLAIN = {
    _NOT_TEXT: "expected text",
    _TOO_FEW: "expected a {kind} of at least {min_length}",
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a whole number",
    "int_from_float": "expected a whole number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "greater_than_equal": "expected at least {ge}",
    "less_than_equal": "expected at most {le}",
    "greater_than": "expected more than {gt}",
    "literal_error": "expected {expected}",
}


@dataclass(frozen=True)
class _Unknown(Problem):
    """A name that is not known, and how to find those near it."""

    near: Callable[[], list[str]]


@dataclass
class Findings:
    """All that is found in a text, in any order; near names are not looked for yet."""

    problems: list[Problem] = field(default_factory=list)
    unseen: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def add(self, other: "Findings", move: Callable[[int], int]) -> None:
        """Take over the findings of a part of the text, whose lines `move` turns into those of the whole."""
        for name in ("problems", "unseen", "warnings"):
            getattr(self, name).extend(replace(each, line=move(each.line)) for each in getattr(other, name))


@dataclass(frozen=True)
class Deployment:
    """Names that a deployment gives: labels that its detector can see, channels, languages. None: not known."""

    labels: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    languages: frozenset[str] | None = None

    def unknown(self, content: Mapping[str, object]) -> Iterator[WrongName]:
        """Each channel and language in `content` that the deployment does not have."""
        if self.channels is not None:
            yield from unknown_channels(content, self.channels)
        if self.languages is not None:
            yield from unknown_languages(content, self.languages)


def look_at(
    document: Document, deployment: Deployment, known: KnownNames | None = None
) -> tuple[Rules | None, Findings]:
    """The rules in `document` (None when they are wrong), and all that there is to say about them.

    With `known`, the document is a part of a file that has its users only: names are looked for among `known`.
    """
    content = document.value
    rules, found = None, Findings(list(document.problems))
    if not isinstance(content, dict):
        return rules, found
    try:
        if known is None:
            rules = Rules.model_validate(content)
        else:
            Users.model_validate(content)
    except ValidationError as error:
        found.problems += [each for one in error.errors(include_url=False) for each in _problem(one, document)]
    # The check of names runs only when all else is right, so it is made here, where it is always made.
    wrong = wrong_references(content, known) if known or rules is None else ()
    found.problems += [_wrong_name(each, document) for each in wrong]
    if deployment.labels is not None:
        found.unseen += _unseen(document, deployment.labels)
    found.warnings += [_wrong_name(each, document) for each in areas_missing(content, known)]
    found.warnings += [_wrong_name(each, document) for each in deployment.unknown(content)]
    return None if found.problems else rules, found


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """`problems` by line, with near names."""
    ordered = sorted(problems, key=lambda problem: problem.line)
    return tuple(_with_near(each) if n < _HINTS else each for n, each in enumerate(ordered))


def _with_near(problem: Problem) -> Problem:
    near = problem.near() if isinstance(problem, _Unknown) else []
    hint = f": did you mean {listed(near, 'or')}?" if near else ""
    return Problem(problem.line, f"{problem.message}{hint}")


def _problem(error: ErrorDetails, document: Document) -> Iterator[Problem]:
    """The error as a problem; none where another problem says it.

    That is so of a number that YAML misreads, of a name that is not known, and of a list without items that are right.
    """
    place, context = _place(error), error.get("ctx", {})
    path = tuple(map(str, place))
    is_said = error["type"] == MISTAKES or (error["type"] == _TOO_FEW and error["input"])
    if is_said or document.refused & {path, path[:-1] if context.get("is_missing") else path}:
        return
    problem = _located(place, _sentence(error, document.written.get(path)), document)
    if error["type"] == _UNKNOWN_KEY:
        yield _Unknown(problem.line, problem.message, partial(near_keys, place))
    elif near := context.get("near"):
        yield _Unknown(problem.line, problem.message, near)
    else:
        yield problem


def _place(error: ErrorDetails) -> Place:
    """Where the error is in the file: pydantic's place without its own steps, and what a mistake adds to it."""
    below = error["ctx"]["place"] if error["type"] == MISTAKE else ()
    return (*(step for step in error["loc"] if step not in NO_STEPS), *below)


def _wrong_name(wrong: WrongName, document: Document) -> Problem:
    problem = _located(wrong.place, wrong.sentence, document)
    return _Unknown(problem.line, problem.message, wrong.near) if wrong.near else problem


def _unseen(document: Document, labels: frozenset[str]) -> Iterator[Problem]:
    assert isinstance(document.value, dict)
    for place, label in unseen_in(document.value, labels):
        problem = _located(place, f"no label that the detector can see: {label!r:.80}", document)
        yield _Unknown(problem.line, problem.message, partial(near_labels, label, labels))


def _sentence(error: ErrorDetails, written: str | None) -> str:
    if error["type"] == _UNKNOWN_KEY:
        return "unknown key"
    if error["type"] == _MISSING:
        return "missing key"
    if error["type"] == _NOT_TEXT and written is not None:
        return f"expected text, got {written or 'nothing'}: put it in quotes if it is text"
    message = str(error["msg"]).removeprefix("Value error, ")
    if isinstance(error["input"], bool) and written is not None and written.casefold() not in ("true", "false"):
        reading = str(error["input"]).lower()  # of yes, no, on and off
        message = message.replace(f"got {reading}", f"got {written}, which YAML reads as {reading}")
    if plain := _PLAIN.get(error["type"]):
        context = error.get("ctx", {})
        kind = "mapping" if context.get("field_type") == "Dictionary" else "list"
        message = plain.format_map({"kind": kind, **context})
    elif message.startswith("expected"):
        return message
    return f"{message}, got {'nothing' if error['input'] is None else format(repr(error['input']), '.80')}"


def _located(place: Place, message: str, document: Document) -> Problem:
    return Problem(_line(place, document), f"{_path(place)}: {message}" if place else message)


def _line(place: Place, document: Document) -> int:
    """The line of the longest part of `place` that is in the text."""
    steps = tuple(map(str, place))
    return next(document.lines[steps[:n]] for n in range(len(steps), -1, -1) if steps[:n] in document.lines)


def _path(place: Place) -> str:
    return ".".join(map(str, place)).encode("unicode_escape").decode()[:200]
