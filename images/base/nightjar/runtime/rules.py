"""Reading the rules from YAML text, with the line of every problem."""

from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nightjar.domain.rules import Rules
from nightjar.errors import UsageError
from nightjar.runtime.lined_yaml import Lines, Problem, read_yaml

_SHOWN_PROBLEMS = 20


class RulesError(UsageError):
    """The rules are wrong; `problems` says all that is, each with its line."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = "; ".join(map(str, problems[:_SHOWN_PROBLEMS])) + (f"; and {more} more" if more > 0 else "")
        super().__init__(f"{source} is wrong: {shown}")
        self.problems = problems


def parse_rules(text: bytes, source: str = "rules.yaml") -> Rules:
    """The rules in YAML `text`; raises RulesError, a UsageError that lists every problem with its line."""
    value, lines, problems = read_yaml(text)
    rules: Rules | None = None
    if value is not None:
        try:
            rules = Rules.model_validate(value)
        except ValidationError as error:
            problems = [*problems, *_located(error, lines)]
    if problems or rules is None:
        raise RulesError(source, tuple(sorted(problems, key=lambda p: p.line)))
    return rules


def _located(error: ValidationError, lines: Lines) -> Iterator[Problem]:
    for found in error.errors(include_url=False):
        for place, message in found.get("ctx", {}).get("places", [(found["loc"], _sentence(found))]):
            yield Problem(_line(place, lines), f"{_path(place)}: {message}" if place else message)


def _sentence(found: ErrorDetails) -> str:
    if found["type"] == "extra_forbidden":
        return "unknown key"
    if found["type"] == "missing":
        return "missing key"
    message = str(found["msg"]).removeprefix("Value error, ")
    return message if message.startswith("expected") else f"{message}, got {found['input']!r:.80}"


def _line(place: tuple[str | int, ...], lines: Lines) -> int:
    """The line of the longest part of `place` that is in the text. pydantic marks a wrong key with a last `[key]`."""
    steps = tuple(str(step) for step in place if step != "[key]")
    return next(lines[steps[:n]] for n in range(len(steps), -1, -1) if steps[:n] in lines)


def _path(place: tuple[str | int, ...]) -> str:
    return ".".join(str(step) for step in place if step != "[key]").encode("unicode_escape").decode()[:200]
