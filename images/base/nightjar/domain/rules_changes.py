"""How one rules file differs from another, in a few words for the person who puts it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from nightjar.domain.areas import Polygon
from nightjar.domain.rules import Device, Rules, User
from nightjar.domain.rules.many import ManyUsers
from nightjar.domain.rules.schema import keys_of

_MOST_NAMES = 5  # of each kind that are named; the others are counted
_BY_NAME = ("rules", "groups", "users")  # keys of the file whose entries are compared by name
_LONGEST = 60  # characters of a value that are shown


def changes(before: Rules, after: Rules) -> list[str]:
    """Each kind of difference as a phrase, such as `users added: bob`; empty when both mean the same."""
    return [phrase for kind in (_settings, _by_name, _cameras) for phrase in kind(before, after)]


def _settings(before: Rules, after: Rules) -> Iterator[str]:
    """The keys of the file that are no mappings by name, each by itself."""
    yield from _fields(before, after, leaving_out=_BY_NAME)


def _by_name(before: Rules, after: Rules) -> Iterator[str]:
    for kind in _BY_NAME:
        yield from _compared(kind, getattr(before, kind), getattr(after, kind))


def _cameras(before: Rules, after: Rules) -> Iterator[str]:
    # Of a million users, only those are read that differ.
    names = _unlike(before.users, after.users)
    return _compared("cameras", _devices(before.users, names), _devices(after.users, names))


def _unlike(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> list[Any]:
    """The keys that are in one only, or may be different, in the order of their text."""
    quick = old.is_same if isinstance(old, ManyUsers) else None
    keys = {*old, *new}
    return sorted((k for k in keys if not (k in old and k in new and quick and quick(new, k))), key=str)


def _devices(users: Mapping[str, User], names: Iterable[str]) -> dict[str, Device]:
    known = ((name, users[name]) for name in names if name in users)
    return {f"{name}-{device}": each for name, user in known for device, each in user.devices.items()}


def _compared(kind: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[str]:
    names = _unlike(old, new)
    if added := [str(name) for name in names if name not in old]:
        yield f"{kind} added: {_some(added)}"
    if removed := [str(name) for name in names if name not in new]:
        yield f"{kind} removed: {_some(removed)}"
    both = [name for name in names if name in old and name in new]
    changed = {str(name): ", ".join(_difference("", old[name], new[name])) for name in both}
    if told := [f"{name} ({fields})" for name, fields in changed.items() if fields]:
        yield f"{kind} changed: {_some(told)}"


def _difference(name: str, old: object, new: object) -> Iterator[str]:
    """Each value that differs, as `name old -> new`; in mappings, each below its own name."""
    if isinstance(old, BaseModel) and isinstance(new, BaseModel) and type(old) is type(new):
        below = _fields(old, new, leaving_out={"devices"})
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        below = _in_mappings(old, new)
    elif old == new:
        return
    elif isinstance(old, Polygon) and isinstance(new, Polygon):
        below = iter(["drawn anew"])
    else:
        below = iter([f"{_value(old)} -> {_value(new)}"])
    dot = "." if name and isinstance(old, BaseModel | Mapping) and isinstance(new, BaseModel | Mapping) else " "
    yield from (f"{name}{dot}{each}".strip() for each in below)


def _in_mappings(old: Mapping[Any, object], new: Mapping[Any, object]) -> Iterator[str]:
    for key in dict.fromkeys([*old, *new]):
        if key in old and key in new:
            yield from _difference(str(key), old[key], new[key])
        else:
            yield f"{key} {'added' if key in new else 'removed'}"


def _fields(old: BaseModel, new: BaseModel, leaving_out: Iterable[str]) -> Iterator[str]:
    hidden = set(leaving_out)
    for key, field in keys_of(type(old)).items():
        attribute = next(name for name, each in type(old).model_fields.items() if each is field)
        if key not in hidden:
            yield from _difference(key, getattr(old, attribute), getattr(new, attribute))


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Polygon):
        return f"{len(value.corners)} corners"
    if isinstance(value, BaseModel):
        return _value({key: getattr(value, key) for key in keys_of(type(value)) if key in value.model_fields_set})
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_value(each)}' for key, each in value.items())}}}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _some(names: Iterable[str]) -> str:
    known = list(names)
    more = len(known) - _MOST_NAMES
    return ", ".join(known[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
