"""The rules of a large file in parts, so that a run reads only the users of its cameras.

rules/<sha256>/parts.json           all but the users, and the SHA-256 of each part
rules/<sha256>/users/<2 hex>.yaml   the users whose names' SHA-256 begins so, as they are written in the file
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.rules import Rules
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_record, reference, write_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.rules import checked_rules
from nightjar.runtime.rules_split import SplitRules
from nightjar.runtime.rules_users import LazyUsers
from nightjar.runtime.store import ObjectExistsError, ObjectMissingError, ObjectStore
from nightjar.stores.rules_redacted import is_text

_YAML = "application/yaml"
_KEY = "users:\n"
_NOBODY = b"users: {}\n"  # the only user of the part was taken out of it
_THREADS = 16


class PartsOfRules(Stored):
    """`parts.json`: the text `before` and `after` the users, the SHA-256 of each part that there is, and the number of
    users; None in parts that were written before Nightjar counted them.
    """

    before: str
    after: str
    parts: dict[str, str]
    users: int | None = None


def write_parts(store: ObjectStore, sha256: str, rules: Rules, *, again: bool = False) -> ObjectRef | None:
    """Keep `rules`, whose text has this SHA-256, in parts too; None for rules that are read as a whole.

    The object that names the parts is written last. `again`: also where they are, since users were taken out of them.
    """
    users = rules.users
    if not isinstance(users, LazyUsers):
        return None
    key = f"{_folder(sha256)}parts.json"
    if not again:
        with suppress(InputError):
            return read_record(store, key, PartsOfRules)[1]
    texts: dict[str, list[str]] = defaultdict(list)
    for name in users:
        texts[_part(name)].append(_whole_lines(users.text(name)))

    def write(part: str) -> tuple[str, str]:
        data = "".join([_KEY, *texts[part]]).encode()
        with suppress(ObjectExistsError):  # of a run at the same time, or that was interrupted, with the same text
            store.put(_part_key(sha256, part), data, content_type=_YAML, if_absent=not again)
        return part, hashlib.sha256(data).hexdigest()

    parts = dict(in_parallel(write, sorted(texts), _THREADS))
    before, after = users.around
    return write_record(store, key, PartsOfRules(before=before, after=after, parts=parts, users=len(users)))


def read_parts(store: ObjectStore, sha256: str, ref: ObjectRef, users: Iterable[str]) -> tuple[Rules, ObjectRef]:
    """The rules with those of `users` whom they know, and no others; raises InputError for parts that are others."""
    text, found = text_of_users(store, sha256, ref, users)
    return checked_rules(text.encode(), ref.key), found


def read_index(store: ObjectStore, ref: ObjectRef) -> tuple[PartsOfRules, ObjectRef]:
    """The object that names the parts; raises InputError when it is gone, or another by now."""
    index, found = read_record(store, ref.key, PartsOfRules)
    if found.sha256 != ref.sha256:
        raise InputError(f"expected parts of rules with SHA-256 {ref.sha256} at {ref.key!r}, got {found.sha256}")
    return index, found


def text_of_users(store: ObjectStore, sha256: str, ref: ObjectRef, users: Iterable[str]) -> tuple[str, ObjectRef]:
    """The text of the rules as if those of `users` whom they know were the only ones; raises as `read_parts`."""
    index, found = read_index(store, ref)
    wanted = defaultdict(set)
    for name in users:
        wanted[_part(name)].add(name)

    def read(part: str) -> str:
        data = _checked(store, _part_key(sha256, part), index.parts[part])
        if data == _NOBODY:
            return ""
        split = SplitRules.of(data)
        if split is None:
            raise InputError(f"expected users at {_part_key(sha256, part)!r}")
        there = LazyUsers.of(split, kept=True)
        return "".join(_whole_lines(there.text(name)) for name in there if name in wanted[part])

    texts = list(in_parallel(read, sorted(wanted.keys() & index.parts.keys()), _THREADS))
    entries = "".join(texts)
    text = f"{index.before}{_KEY}{entries}{index.after}" if entries else f"{index.before}users: {{}}\n{index.after}"
    return text, found


def _checked(store: ObjectStore, key: str, sha256: str) -> bytes:
    try:
        data, info = store.get(key)
    except ObjectMissingError:
        raise InputError(f"expected a part of the run's rules at {key!r}, found none") from None
    if not is_text(info, ref := reference(info, data), sha256):
        raise InputError(f"expected a part of the run's rules with SHA-256 {sha256} at {key!r}, got {ref.sha256}")
    return data


def _folder(sha256: str) -> str:
    return f"rules/{sha256}/"


def _part_key(sha256: str, part: str) -> str:
    return f"{_folder(sha256)}users/{part}.yaml"


def _part(user: str) -> str:
    return hashlib.sha256(user.encode()).hexdigest()[:2]


def _whole_lines(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"
