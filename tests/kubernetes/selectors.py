"""Label and field selectors, as in `labelSelector=app=x,tier!=y,!old,zone in (a, b)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.kubernetes.errors import ApiError

NAME = re.compile(r"([a-z0-9A-Z.-]+/)?[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?")
VALUE = re.compile(r"([a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?)?")
SET = re.compile(r"(?P<key>\S+)\s+(?P<operator>in|notin)\s+\((?P<values>[^()]*)\)")
EQUALITY = re.compile(r"(?P<key>[^!=\s]+)\s*(?P<operator>==|=|!=)\s*(?P<value>\S*)")
COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True)
class Requirement:
    """One term of a label selector: `key` must (or, negated, must not) have one of `values`; None is any value."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` fulfil it. As in Kubernetes, `!=` and `notin` hold for a label that is absent."""
        found = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return found != self.negated


def parse_label_selector(selector: str) -> list[Requirement]:
    """The terms of `selector`, all of which must hold.

    Raises:
        ApiError: 400, if a term, a key or a value is malformed.
    """
    terms = [term.strip() for term in COMMA_OUTSIDE_PARENTHESES.split(selector)] if selector.strip() else []
    return [_parse_term(term) for term in terms]


def matches_labels(selector: str, labels: Mapping[str, str] | None) -> bool:
    """Whether `labels` fulfil every term of `selector`; an empty selector matches everything."""
    return all(requirement.holds(labels or {}) for requirement in parse_label_selector(selector))


def matches_fields(selector: str, resource: Mapping[str, Any]) -> bool:
    """Whether `resource` has the values that a field selector, as in `metadata.name=x,status.phase!=Failed`, wants.

    Raises:
        ApiError: 400, if a term is not `path=value`, `path==value` or `path!=value`.
    """
    for term in filter(None, (term.strip() for term in selector.split(","))):
        parsed = EQUALITY.fullmatch(term)
        if parsed is None:
            raise _bad_request("field selector", term)
        equal = _at_path(resource, parsed["key"]) == parsed["value"]
        if equal == (parsed["operator"] == "!="):
            return False
    return True


def _parse_term(term: str) -> Requirement:
    if parsed := SET.fullmatch(term):
        values = frozenset(value.strip() for value in parsed["values"].split(","))
        requirement = Requirement(parsed["key"], values, negated=parsed["operator"] == "notin")
    elif parsed := EQUALITY.fullmatch(term):
        requirement = Requirement(parsed["key"], frozenset({parsed["value"]}), negated=parsed["operator"] == "!=")
    else:
        requirement = Requirement(term.removeprefix("!").strip(), None, negated=term.startswith("!"))
    if not NAME.fullmatch(requirement.key) or not all(map(VALUE.fullmatch, requirement.values or ())):
        raise _bad_request("label selector", term)
    return requirement


def _at_path(resource: Mapping[str, Any], path: str) -> str:
    value: Any = resource
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def _bad_request(what: str, term: str) -> ApiError:
    return ApiError(400, "BadRequest", f"unable to parse the {what}'s term {term!r}")
