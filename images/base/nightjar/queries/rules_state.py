"""The rules as people look at them: the file in force, a newer broken one, one user's part, the versions before.

A file of up to `READ` bytes is read and checked as a whole. A larger one is known by what its last check said, and by
its parts: a million users are never read here.
"""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from nightjar.domain.names import Camera
from nightjar.domain.rules import Rules
from nightjar.errors import InputError
from nightjar.queries.deployed import deployed_detector
from nightjar.queries.rules_check import difference, known_languages
from nightjar.runtime.lined_yaml import MOST_BYTES, Problem
from nightjar.runtime.rules import CheckedRules, RulesError, check_rules, checked_rules, parse_rules
from nightjar.runtime.rules_split import SplitRules
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectUnreadableError, VersionInfo
from nightjar.stores.rules import LAST_GOOD_RULES_KEY, RULES_KEY, RulesStore
from nightjar.stores.rules_parts import read_index, text_of_users

if TYPE_CHECKING:
    from nightjar.domain.release import FrozenRules
    from nightjar.runtime.store import ObjectStore

READ = MOST_BYTES
_COMPARED = 512 << 10  # bytes of all versions that are compared for one page
_LINE = re.compile(r"line (\d+): (.*)", re.DOTALL)


@dataclass(frozen=True)
class RulesText:
    """One version of the rules. `text` is None where it is larger than `READ`; `sha256` where nothing says it."""

    key: str
    version_id: str
    size: int
    since: datetime
    sha256: str | None
    text: bytes | None

    @classmethod
    def of(cls, info: ObjectInfo, text: bytes | None) -> "RulesText":
        """The object `info`, and its text if it was read."""
        sha256 = info.metadata.get("sha256") if text is None else hashlib.sha256(text).hexdigest()
        return cls(info.key, info.version_id, info.size, info.modified_at, sha256, text)


@dataclass(frozen=True)
class Numbers:
    """How many rules, users and cameras a file has; None where counting would take reading all of a large one."""

    rules: int
    users: int | None
    cameras: int | None


@dataclass(frozen=True)
class RulesState:
    """The rules that the next run will use (`in_force`), or none.

    `refused` is a newer text that cannot be used, with its `problems`; `unchecked` a newer one that is so large that
    only the next run checks it; `unreadable` says why S3 does not give the newest, without which no run begins.
    `unseen` are labels that the detector with this tag cannot see (empty: none is deployed, labels are not checked),
    `warnings` what else may not do what it seems to.
    """

    in_force: RulesText | None = None
    numbers: Numbers | None = None
    refused: RulesText | None = None
    problems: tuple[Problem, ...] = ()
    unchecked: RulesText | None = None
    unreadable: str = ""
    unseen: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    detector: str = ""


@dataclass(frozen=True)
class UserPart:
    """The entry of one user, and its first line in the file; and the file as if nobody else were in it."""

    name: str
    text: str
    line: int | None
    alone: str


@dataclass(frozen=True)
class Version:
    """One version of the rules, and how it differs from the one before it: None where that would take long to say,
    or where one of them cannot be read."""

    info: VersionInfo
    difference: str | None


def rules_state(store: "ObjectStore", read: int = READ) -> RulesState:
    """The rules in force and the mistakes in newer ones; changes nothing. Raises InputError for damaged parts.

    A text of more than `read` bytes is not read.
    """
    detector = deployed_detector(store)
    labels = tuple(detector.labels) if detector else None
    state = RulesState(detector=detector.tag if detector else "")
    try:
        newest = RulesStore(store).newest()
    except ObjectUnreadableError as error:
        return replace(state, unreadable=str(error))
    if newest is None:
        missing = (Problem(1, f"expected the rules at {RULES_KEY!r} in the bucket, found none"),)
        return _last_good(store, replace(state, problems=missing))
    if newest.size > read:
        return _large(store, newest, state)
    try:
        text, info = store.get(RULES_KEY)
    except ObjectUnreadableError as error:
        return replace(state, unreadable=str(error))
    shown, checked = RulesText.of(info, text), _check(text, labels)
    if checked.rules is None:
        return _last_good(store, replace(state, refused=shown, problems=checked.problems))
    return replace(
        state,
        in_force=shown,
        numbers=_numbers(checked.rules),
        unseen=checked.unseen,
        warnings=checked.warnings,
    )


def _last_good(store: "ObjectStore", state: RulesState) -> RulesState:
    """`state` with the last good rules in force, if there are any."""
    info = store.head(LAST_GOOD_RULES_KEY)
    if info is None:
        return state
    if info.size > READ:
        return replace(state, in_force=RulesText.of(info, None))
    try:
        text, info = store.get(LAST_GOOD_RULES_KEY)
        rules = parse_rules(text, LAST_GOOD_RULES_KEY, kept=True)
    except (ObjectMissingError, ObjectUnreadableError, RulesError):
        return state
    return replace(state, in_force=RulesText.of(info, text), numbers=_numbers(rules))


def _large(store: "ObjectStore", newest: ObjectInfo, state: RulesState) -> RulesState:
    shown = RulesText.of(newest, None)
    frozen = RulesStore(store).checked()
    if frozen is None:
        return _last_good(store, replace(state, unchecked=shown))
    if frozen.problem is not None:
        problems = tuple(map(_problem, frozen.problems or (frozen.problem,)))
        return _last_good(store, replace(state, refused=shown, problems=problems))
    return replace(state, in_force=replace(shown, sha256=frozen.sha256), numbers=_numbers_of_parts(store, frozen))


def _numbers_of_parts(store: "ObjectStore", frozen: "FrozenRules") -> Numbers | None:
    if frozen.parts is None:
        return None
    index, _ = read_index(store, frozen.parts)
    head = checked_rules(f"{index.before}users: {{}}\n{index.after}".encode())
    return Numbers(len(head.rules), index.users, None)


def _numbers(rules: Rules) -> Numbers:
    return Numbers(len(rules.rules), len(rules.users), rules.camera_count)


@lru_cache(maxsize=4)
def _check(text: bytes, labels: tuple[str, ...] | None) -> CheckedRules:
    """Kept, since a text of `READ` bytes takes seconds and stays in force for days."""
    return check_rules(text, labels, languages=known_languages())


def _problem(sentence: str) -> Problem:
    found = _LINE.fullmatch(sentence)
    return Problem(int(found[1]), found[2]) if found else Problem(1, sentence)


def user_part(store: "ObjectStore", state: RulesState, name: str) -> UserPart | None:
    """The part of the user called `name` in the file in force; None where it has none, or users cannot be told apart.

    Raises InputError for damaged parts.
    """
    in_force = state.in_force
    if in_force is None:
        return None
    if in_force.text is not None:
        return _part_of(in_force.text, name)
    frozen = RulesStore(store).checked()
    if frozen is None or frozen.parts is None or frozen.sha256 != in_force.sha256:
        return None
    alone, _ = text_of_users(store, frozen.sha256, frozen.parts, [name])
    part = _part_of(alone.encode(), name)
    return replace(part, line=None) if part else None


def _part_of(text: bytes, name: str) -> UserPart | None:
    split = SplitRules.of(text)
    if split is None:
        return None
    for _, entry in split.entries():
        if entry.text.lstrip().partition(":")[0].strip("\"' ") == name:
            own = entry.text if entry.text.endswith("\n") else f"{entry.text}\n"
            return UserPart(name, own, entry.line, f"{split.before}users:\n{own}{split.after}")
    return None


def versions(store: "ObjectStore", first: int, most: int) -> tuple[list[Version], int]:
    """`most` versions of the rules from number `first` on (0: the newest), and how many there are.

    They are compared while that is cheap: texts of some hundred kilobytes together.
    """
    rules = RulesStore(store)
    known = rules.versions()
    shown = known[first : first + most + 1]
    texts: dict[str, bytes] = {}
    left = _COMPARED
    for each in shown:
        left -= each.size
        if left < 0:
            break
        with suppress(InputError):  # gone since, or S3 does not give it
            texts[each.version_id] = rules.text_of(each)
    before: Sequence[VersionInfo | None] = [*shown[1:], None]
    pairs = zip(shown[:most], before, strict=False)
    return [Version(each, _differs(each, other, texts)) for each, other in pairs], len(known)


def _differs(version: VersionInfo, before: VersionInfo | None, texts: dict[str, bytes]) -> str | None:
    if version.version_id not in texts or (before and before.version_id not in texts):
        return None
    return _difference(texts[before.version_id] if before else None, texts[version.version_id])


@lru_cache(maxsize=256)
def _difference(before: bytes | None, after: bytes) -> str:
    try:
        rules = parse_rules(after)
    except RulesError as error:
        more = len(error.problems) - 1
        return f"cannot be used: {error.problems[0]}" + (f", and {more} more" if more else "")
    return difference(before, rules)


def version_text(store: "ObjectStore", version_id: str) -> RulesText | None:
    """The version of the rules with this id, with its text up to `READ` bytes; None where there is none."""
    rules = RulesStore(store)
    found = next((each for each in rules.versions() if each.version_id == version_id), None)
    if found is None:
        return None
    text = rules.text_of(found) if found.size <= READ else None
    sha256 = hashlib.sha256(text).hexdigest() if text is not None else None
    return RulesText(found.key, found.version_id, found.size, found.modified_at, sha256, text)


def rules_for(store: "ObjectStore", state: RulesState, users: set[str]) -> Rules | None:
    """The rules in force; of a large file, those of `users` alone. Raises InputError where they cannot be read so."""
    in_force = state.in_force
    if in_force is None:
        return None
    if in_force.text is not None:
        return checked_rules(in_force.text, in_force.key)
    frozen = RulesStore(store).checked()
    if frozen is None or frozen.parts is None or frozen.sha256 != in_force.sha256:
        raise InputError(
            f"expected rules in force of at most {READ >> 20} MiB, or in parts, got {in_force.size:,} bytes"
        )
    return RulesStore(store).load(frozen, [Camera(user, "any") for user in users])[0]
