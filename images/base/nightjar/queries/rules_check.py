"""Checking rules against a deployment, and how two texts differ, in a sentence."""

from functools import cache
from typing import TYPE_CHECKING

from nightjar.domain.rules_changes import changes
from nightjar.queries.deployed import deployed_detector
from nightjar.runtime.rules import CheckedRules, RulesError, check_rules, parse_rules

if TYPE_CHECKING:
    from nightjar.domain.rules import Rules
    from nightjar.runtime.store import ObjectStore


def check_here(store: "ObjectStore", text: bytes) -> tuple[CheckedRules, str]:
    """All that there is to say about `text` where the detector that is deployed looks; and the detector's tag.

    Without a deployed detector the tag is empty, and labels are not checked. Channels are not: their names are a
    secret's.
    """
    detector = deployed_detector(store)
    labels = detector.labels if detector else None
    return check_rules(text, labels, languages=known_languages()), detector.tag if detector else ""


@cache
def known_languages() -> frozenset[str] | None:
    """The languages whose numbers and dates can be written; None where the package that knows them is not there."""
    try:
        from babel.localedata import locale_identifiers
    except ImportError:
        return None
    known = [each.split("_") for each in locale_identifiers()]
    # The script may be left out: zh-CN is zh-Hans-CN.
    return frozenset("-".join(parts) for each in known for parts in (each, [each[0], *each[2:]]))


def difference(before: bytes | None, after: "Rules") -> str:
    """How `after` differs from the text before it (None: there was none)."""
    if before is None:
        return "there were no rules before"
    try:
        phrases = changes(parse_rules(before), after)
    except RulesError as error:
        return f"the rules before could not be used: {error.problems[0]}"
    return "; ".join(phrases) or "the same meaning as before, in other words"
