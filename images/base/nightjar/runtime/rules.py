"""Reading the rules: YAML text with its line numbers, the frozen copy of a run, the last good file."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nightjar.domain.layout import LAST_GOOD_RULES_KEY, RULES_KEY, RUN_RULES
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.release import FrozenRules, Release
from nightjar.domain.rules import Rules
from nightjar.errors import InputError, UsageError
from nightjar.runtime.lined_yaml import Lines, Problem, read_yaml
from nightjar.runtime.manifests import reference, write_bytes
from nightjar.runtime.store import ObjectExistsError, ObjectInfo, ObjectMissingError, ObjectStore

_YAML = "application/yaml"
_SHOWN_PROBLEMS = 20
_LONGEST_PROBLEM = 1000  # bytes as JSON: S3 keeps 2 KB of metadata with an object


class RulesError(UsageError):
    """The rules are wrong; `problems` says all that is, each with its line."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = "; ".join(map(str, problems[:_SHOWN_PROBLEMS])) + (f"; and {more} more" if more > 0 else "")
        super().__init__(f"{source} is wrong: {shown}")
        self.problems = problems


def parse_rules(text: bytes, source: str = RULES_KEY) -> Rules:
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


@dataclass(frozen=True)
class _Source:
    """The rules text that a run is to use, and why it is not the newest."""

    data: bytes
    ref: ObjectRef
    problem: str | None


def freeze(store: ObjectStore, run: str) -> FrozenRules:
    """Pin the run with prefix `run` to the rules as they are now; a run that is pinned already stays so.

    The rules are copied into the run's folder and kept as the last good ones. When they are missing or broken the last
    good ones are used and `problem` says what is wrong; without those, raises UsageError naming the line.
    """
    key = f"{run}{RUN_RULES}"
    if frozen := _frozen(store, key):
        return frozen
    source = _newest_good(store)
    told = {"source": source.ref.model_dump(), "problem": source.problem and _fitting(source.problem)}
    metadata = {"sha256": source.ref.sha256, "rules": json.dumps(told)}
    with suppress(ObjectExistsError):  # another attempt of this run was quicker: its copy counts
        store.put(key, source.data, content_type=_YAML, metadata=metadata, if_absent=True)
    found = _frozen(store, key)
    assert found is not None, f"expected the frozen rules at {key!r} that were just written"
    return found


def load_frozen(store: ObjectStore, release: Release) -> tuple[Rules, ObjectRef]:
    """The rules that a run is pinned to; raises InputError when the frozen copy is gone or is another one."""
    frozen = release.rules
    try:
        data, info = store.get(frozen.key)
    except ObjectMissingError:
        raise InputError(f"expected the run's rules at {frozen.key!r}, found none") from None
    ref = reference(info, data)
    if ref.sha256 != frozen.sha256:
        raise InputError(f"expected rules with SHA-256 {frozen.sha256} at {frozen.key!r}, got {ref.sha256}")
    return parse_rules(data, frozen.key), ref


def _fitting(problem: str) -> str:
    """As much of `problem` as may be kept; in JSON a letter beyond ASCII is 6 or 12 bytes."""
    cut = problem[:_LONGEST_PROBLEM]
    while len(json.dumps(cut)) > _LONGEST_PROBLEM:
        cut = cut[:-1]
    return cut


def _frozen(store: ObjectStore, key: str) -> FrozenRules | None:
    try:
        data, info = store.get(key)
    except ObjectMissingError:
        return None
    told = json.loads(info.metadata.get("rules", "{}"))
    source = ObjectRef.model_validate(told["source"]) if "source" in told else reference(info, data)
    sha256 = hashlib.sha256(data).hexdigest()
    return FrozenRules(key=key, sha256=sha256, source=source, problem=told.get("problem"))


def _newest_good(store: ObjectStore) -> _Source:
    try:
        data, info = store.get(RULES_KEY)
        parse_rules(data)
    except ObjectMissingError:
        problem: UsageError = UsageError(f"expected the rules at {RULES_KEY!r}, found none")
    except RulesError as error:
        problem = error
    else:
        write_bytes(store, LAST_GOOD_RULES_KEY, data, content_type=_YAML)
        return _Source(data, reference(info, data), None)
    last_good = _get(store, LAST_GOOD_RULES_KEY)
    if last_good is None:
        raise problem
    data, info = last_good
    parse_rules(data, LAST_GOOD_RULES_KEY)  # it may have been good for an older Nightjar
    return _Source(data, reference(info, data), f"the last good rules are used: {problem}")


def _get(store: ObjectStore, key: str) -> tuple[bytes, ObjectInfo] | None:
    try:
        return store.get(key)
    except ObjectMissingError:
        return None
