"""Reading the rules from YAML text, with the line of every problem."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nightjar.domain.labels import listed, near_labels
from nightjar.domain.rules import Rules
from nightjar.domain.rules.mistakes import MISTAKE, MISTAKES, NO_STEPS, Place
from nightjar.domain.rules.references import WrongName, areas_missing, unknown_channels, unseen_in, wrong_references
from nightjar.domain.rules.schema import near_keys
from nightjar.errors import UsageError
from nightjar.runtime.lined_yaml import Document, Problem, read_yaml

_SHOWN_PROBLEMS = 20
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


class RulesError(UsageError):
    """The rules are wrong; `problems` says all that is, each with its line."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = "; ".join(map(str, problems[:_SHOWN_PROBLEMS])) + (f"; and {more} more" if more > 0 else "")
        super().__init__(f"{source} is wrong: {shown}")
        self.problems = problems


@dataclass(frozen=True)
class CheckedRules:
    """All that there is to say about a rules file, in the order of its lines.

    `rules` is None when there are `problems`. `unseen` are labels that the detector cannot see: rules with them can be
    used, but those labels are never met. `warnings` are about rules that can be used and may not do what they seem to.
    """

    rules: Rules | None
    problems: tuple[Problem, ...]
    unseen: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Unknown(Problem):
    """A name that is not known, and how to find those near it."""

    near: Callable[[], list[str]]


def check_rules(
    text: bytes, labels: Iterable[str] | None = None, channels: Iterable[str] | None = None, kept: bool = False
) -> CheckedRules:
    """Check the rules in YAML `text`; also against the `labels` that the detector can see, where they are known.

    Where the names of the deployment's `channels` are known, others get a warning.

    `kept` rules have been in force before, perhaps in release 0.2, which took numbers as YAML 1.1 reads them: they keep
    their meaning.
    """
    document = read_yaml(text, any_number=kept)
    if not isinstance(document.value, dict):
        return CheckedRules(None, _in_order(document.problems))
    rules, problems = None, list(document.problems)
    try:
        rules = Rules.model_validate(document.value)
    except ValidationError as error:
        # The check of names runs only when all else is right, so it is made here, where it is always made.
        problems += [problem for each in error.errors(include_url=False) for problem in _problem(each, document)]
        problems += [_wrong_name(each, document) for each in wrong_references(document.value)]
    unseen = _unseen(document, frozenset(labels)) if labels is not None else ()
    warnings = [_wrong_name(each, document) for each in areas_missing(document.value)]
    if channels is not None:
        warnings += [_wrong_name(each, document) for each in unknown_channels(document.value, channels)]
    return CheckedRules(None if problems else rules, _in_order(problems), _in_order(unseen), _in_order(warnings))


def parse_rules(text: bytes, source: str = "rules.yaml", kept: bool = False) -> Rules:
    """The rules in YAML `text`; raises RulesError, a UsageError that lists every problem with its line.

    For `kept` see `check_rules`.
    """
    checked = check_rules(text, kept=kept)
    if checked.rules is None:
        raise RulesError(source, checked.problems)
    return checked.rules


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
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
