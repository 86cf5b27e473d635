"""How one rules file differs from another, in a few words for the person who puts it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from nightjar.domain.rules import Rules

_MOST_NAMES = 5  # of each kind that are named; the others are counted


def changes(before: Rules, after: Rules) -> list[str]:
    """Each kind of difference as a phrase, such as `users added: bob`; empty when both mean the same."""
    return [phrase for kind in (_settings, _rules, _users, _cameras) for phrase in kind(before, after)]


def _settings(before: Rules, after: Rules) -> Iterator[str]:
    if before.event_gap_seconds != after.event_gap_seconds:
        yield f"event_gap_seconds: {before.event_gap_seconds} -> {after.event_gap_seconds}"


def _rules(before: Rules, after: Rules) -> Iterator[str]:
    return _compared("rules", _by_name(before.rules), _by_name(after.rules))


def _users(before: Rules, after: Rules) -> Iterator[str]:
    return _compared("users", _by_name(before.users), _by_name(after.users), leaving_out="devices")


def _cameras(before: Rules, after: Rules) -> Iterator[str]:
    return _compared("cameras", _devices(before), _devices(after))


def _devices(rules: Rules) -> dict[str, BaseModel]:
    return {f"{user}-{name}": device for user, each in rules.users.items() for name, device in each.devices.items()}


def _by_name(values: Mapping[Any, BaseModel]) -> dict[str, BaseModel]:
    return {str(key): each for key, each in values.items()}


def _compared(
    kind: str, old: Mapping[str, BaseModel], new: Mapping[str, BaseModel], leaving_out: str = ""
) -> Iterator[str]:
    if added := sorted(new.keys() - old.keys()):
        yield f"{kind} added: {_some(added)}"
    if removed := sorted(old.keys() - new.keys()):
        yield f"{kind} removed: {_some(removed)}"
    changed = {key: _fields(old[key], new[key], leaving_out) for key in sorted(old.keys() & new.keys())}
    if told := [f"{key} ({fields})" for key, fields in changed.items() if fields]:
        yield f"{kind} changed: {_some(told)}"


def _fields(old: BaseModel, new: BaseModel, leaving_out: str) -> str:
    names = [name for name in type(old).model_fields if name != leaving_out]
    pairs = ((name, getattr(old, name), getattr(new, name)) for name in names)
    return ", ".join(f"{name} {_value(a)} -> {_value(b)}" for name, a, b in pairs if a != b)


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _some(names: Iterable[str]) -> str:
    known = list(names)
    more = len(known) - _MOST_NAMES
    return ", ".join(known[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
