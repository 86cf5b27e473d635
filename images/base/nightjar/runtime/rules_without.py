"""A rules text without one user: the entry goes, the rest stays as people wrote it, comments and all."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from nightjar.errors import InputError
from nightjar.runtime.lined_yaml import MOST_BYTES, read_yaml
from nightjar.runtime.rules_split import SplitRules

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COMMENT = re.compile(r"[ \t]*#")


def addresses_of(text: bytes, user: str) -> frozenset[str]:
    """The e-mail addresses in the entry of `user` that stand in no other; none if the text has no such entry."""
    entry = _entry(text.decode(errors="replace"), user)
    if entry is None:
        return frozenset()
    start, end = entry
    whole = text.decode(errors="replace")
    pattern = re.compile(r"[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
    return frozenset(pattern.findall(whole[start:end])) - {*pattern.findall(whole[:start] + whole[end:])}


def devices_of(text: bytes, user: str) -> frozenset[str]:
    """The devices that the entry of `user` names; none where it cannot be read."""
    whole = text.decode(errors="replace")
    entry = _entry(whole, user)
    if entry is None:
        return frozenset()
    part = whole[entry[0] : entry[1]].rstrip().rstrip(",")
    value: Any = read_yaml(_dedented(part).encode(), any_number=True).value
    about = value.get(user) if isinstance(value, dict) else None
    devices = about.get("devices") if isinstance(about, dict) else None
    return frozenset(devices) if isinstance(devices, dict) else frozenset()


def names_user(text: bytes, user: str) -> bool:
    """Whether the text has an entry of `user`."""
    return user.encode() in text and _entry(text.decode(errors="replace"), user) is not None


def without_user(text: bytes, user: str) -> bytes:
    """`text` without the entry of `user` and without lines of comment that name the user; as it is if it has neither.

    Raises InputError where the entry cannot be taken out without another meaning for the rest.
    """
    if user.encode() not in text:
        return text
    whole = text.decode(errors="replace")
    entry = _entry(whole, user)
    if entry is None and not any(_is_comment_on(line, user) for line in whole.splitlines()):
        return text
    cut = whole if entry is None else _cut(whole, *entry)
    left = "".join(line for line in cut.splitlines(keepends=True) if not _is_comment_on(line, user)).encode()
    if len(text) <= MOST_BYTES:
        before: Any = read_yaml(text, any_number=True).value
        after: Any = read_yaml(left, any_number=True).value
        if isinstance(after, dict) and "users" in after and after["users"] is None:  # it was the only one
            left = re.sub(rb"^users:[ \t]*(#[^\n]*)?$", b"users: {}", left, count=1, flags=re.MULTILINE)
            after = read_yaml(left, any_number=True).value
        if isinstance(before, dict) and isinstance(before.get("users"), dict):
            before["users"].pop(user, None)
        if before != after:
            raise InputError(f"expected rules from which the user {user} can be taken out as text: take the user out")
    return left


def _cut(whole: str, start: int, end: int) -> str:
    before, after = whole[:start], whole[end:]
    if before.rstrip(" \t").endswith("\n"):  # a block: whole lines go
        return before.rstrip(" \t") + after
    if after.lstrip()[:1] == "}":  # the last of several in braces
        before = re.sub(r",\s*\Z", "", before)
    return before + after


def _entry(whole: str, user: str) -> tuple[int, int] | None:
    """Where the entry of `user` begins and ends; comments behind it belong to what follows."""
    if len(whole) > MOST_BYTES:
        return _entry_of_large(whole, user)
    try:
        root = yaml.compose(whole, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError):
        return _entry_of_large(whole, user)
    users = next((value for key, value in _pairs(root) if key.value == "users"), None)
    pairs = list(_pairs(users))
    for number, (key, value) in enumerate(pairs):
        if key.value == user:
            if getattr(users, "flow_style", False):
                end = pairs[number + 1][0].start_mark.index if number + 1 < len(pairs) else value.end_mark.index
                return key.start_mark.index, end
            return key.start_mark.index, _end_of_block(whole, key.start_mark.index, value.end_mark.index)
    return None


def _entry_of_large(whole: str, user: str) -> tuple[int, int] | None:
    split = SplitRules.of(whole.encode())
    if split is None or len(split.text) != len(whole):
        return None
    for at, entry in split.entries():
        if entry.text.partition(":")[0].strip(" '\"") == user:
            start = at + split.indent
            return start, _end_of_block(whole, start, at + len(entry.text))
    return None


def _end_of_block(whole: str, start: int, end: int) -> int:
    """The end of the last line between `start` and `end` that is neither blank nor a comment."""
    lines = whole[start:end].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or _COMMENT.match(lines[-1])):
        end -= len(lines.pop())
    found = whole.find("\n", end - 1)
    return len(whole) if found < 0 else found + 1


def _pairs(node: Any) -> Iterator[tuple[Any, Any]]:
    return iter(node.value) if isinstance(node, yaml.MappingNode) else iter(())


def _is_comment_on(line: str, user: str) -> bool:
    named = rf"(?<![A-Za-z0-9_]){re.escape(user)}(?![A-Za-z0-9_])"
    return _COMMENT.match(line) is not None and re.search(named, line, re.IGNORECASE) is not None


def _dedented(part: str) -> str:
    """An entry whose first line has lost its indentation, as a text by itself."""
    lines = part.splitlines()
    depth = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=2)
    return "\n".join([lines[0], *(f"  {line[depth:]}" if line.strip() else "" for line in lines[1:])])
