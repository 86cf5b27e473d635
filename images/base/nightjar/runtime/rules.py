"""Reading the rules from YAML text, with the line of every problem.

Small files are read as a whole. Of a large one, each user is an entry by itself where that is possible beyond doubt
(`nightjar.runtime.rules_users`): a million users are checked in a minute, and are not all held as objects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from nightjar.domain.rules import Rules
from nightjar.errors import UsageError
from nightjar.runtime.lined_yaml import Problem, read_yaml
from nightjar.runtime.rules_problems import Deployment, Findings, in_order, look_at
from nightjar.runtime.rules_split import SplitRules
from nightjar.runtime.rules_users import LazyUsers, look_at_users

_KEPT_IN_MEMORY = 32 << 10  # bytes of a file, whose result is kept
LARGE = 256 << 10  # bytes; below, reading the whole takes less than half a second
_SHOWN_PROBLEMS = 20


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


def check_rules(
    text: bytes,
    labels: Iterable[str] | None = None,
    channels: Iterable[str] | None = None,
    kept: bool = False,
    large: int = LARGE,
    languages: Iterable[str] | None = None,
) -> CheckedRules:
    """Check the rules in YAML `text`; also against the `labels` that the detector can see, where they are known.

    Where the names of the deployment's `channels`, or its `languages`, are known, others get a warning.

    `kept` rules have been in force before, perhaps in release 0.2, which took numbers as YAML 1.1 reads them: they keep
    their meaning. A text of more than `large` bytes is read user by user, if it can be.
    """
    deployment = Deployment(*(None if each is None else frozenset(each) for each in (labels, channels, languages)))
    split = SplitRules.of(text) if len(text) > large else None
    by_user = _by_user(split, deployment, kept) if split else None
    if by_user is None and len(text) <= _KEPT_IN_MEMORY:
        return _checked_whole(text, deployment, kept)
    rules, found = by_user or look_at(read_yaml(text, any_number=kept), deployment)
    return CheckedRules(rules, in_order(found.problems), in_order(found.unseen), in_order(found.warnings))


@lru_cache(16)
def _checked_whole(text: bytes, deployment: Deployment, kept: bool) -> CheckedRules:
    """What there is to say about a file: each page and each run of a process asks for the same few."""
    rules, found = look_at(read_yaml(text, any_number=kept), deployment)
    return CheckedRules(rules, in_order(found.problems), in_order(found.unseen), in_order(found.warnings))


def parse_rules(text: bytes, source: str = "rules.yaml", kept: bool = False) -> Rules:
    """The rules in YAML `text`; raises RulesError, a UsageError that lists every problem with its line.

    For `kept` see `check_rules`.
    """
    checked = check_rules(text, kept=kept)
    if checked.rules is None:
        raise RulesError(source, checked.problems)
    return checked.rules


def checked_rules(text: bytes, source: str = "rules.yaml") -> Rules:
    """The rules in a `text` that is known to be good; of a large one, users are only read when they are asked for."""
    split = SplitRules.of(text) if len(text) > LARGE else None
    if split is None:
        return parse_rules(text, source, kept=True)
    head = parse_rules(split.head.encode(), source, kept=True)
    return head.model_copy(update={"users": LazyUsers.of(split, kept=True)})


def _by_user(split: SplitRules, deployment: Deployment, kept: bool) -> tuple[Rules | None, Findings] | None:
    """As `look_at`, user by user; None where the text has to be read as a whole."""
    document = read_yaml(split.head.encode(), any_number=kept)
    if not isinstance(document.value, dict) or not split.is_head(document):
        return None
    rules, head_found = look_at(document, deployment)
    found = Findings()
    found.add(head_found, split.line_of_head)
    users = look_at_users(split, document.value, deployment, kept, found)
    if users is None:
        return None
    return (None if found.problems or rules is None else rules.model_copy(update={"users": users})), found
