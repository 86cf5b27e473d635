"""Documents that tell of several users: what is left of them when one of these is forgotten.

The newest version of such a document is written anew without the one to be forgotten, and the version that it stands
in for is removed, as are older versions that mention them. The new version says in its metadata which ones it stands in
for (`forgotten-before`), so that whoever was pinned to one of these finds it. Documents without a mention are not
touched.
"""

import email
import email.policy
import gzip
import hashlib
import html
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nightjar.domain.forgetting import Subject, document_without, lines_without
from nightjar.errors import TryAgainError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectChangedError, ObjectInfo, ObjectMissingError, ObjectStore, VersionInfo

BEFORE = "forgotten-before"

_AT_ONCE = 16
_TRIES = 5
_MOST_BEFORE = 8  # versions that the metadata names
_LINES = (".jsonl", ".ndjson", ".log", ".txt")
_TEXTS = (".html", ".svg", ".csv", ".md", ".yaml", ".yml", ".eml")
# Of a kind that has no words in it; keys tell whose it is.
_TYPES = {".json": "application/json", ".jsonl": "application/x-ndjson", ".yaml": "application/yaml"}

Left = Callable[[Subject, str, bytes], bytes | None]


@dataclass(frozen=True)
class Scrubbed:
    """How many versions were removed, and how many documents were written anew; `asked`: another program does it."""

    removed: int = 0
    rewritten: int = 0
    asked: bool = False

    def __add__(self, other: "Scrubbed") -> "Scrubbed":
        return Scrubbed(self.removed + other.removed, self.rewritten + other.rewritten, self.asked or other.asked)

    @property
    def did_something(self) -> bool:
        """Whether anything was there to be done."""
        return self != NOTHING


NOTHING = Scrubbed()


def left_of(subject: Subject, key: str, data: bytes) -> bytes | None:
    """The bytes that are left of the document at `key`: the same ones without a mention, None where it goes as a whole.

    JSON loses records and names, JSON lines and logs lose lines; a page or a message that mentions `subject` goes.
    """
    if key.endswith(".gz"):
        try:
            inner = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return data
        left = left_of(subject, key.removesuffix(".gz"), inner)
        return data if left == inner else None if left is None else gzip.compress(left, mtime=0)
    if key.endswith(".json"):
        return document_without(subject, data)
    if key.endswith(_LINES):
        lines = lines_without(subject, data)
        return None if key.endswith((".log", ".txt")) and data and not lines else lines
    if key.endswith(_TEXTS):
        return None if any(map(subject.mentioned_in, _texts(key, data))) else data
    return data


def scrub(store: ObjectStore, prefix: str, subject: Subject, left: Left = left_of) -> Scrubbed:
    """Take `subject` out of every document below `prefix`, in every version. A second time it finds nothing to do."""
    return scrub_versions(store, list(store.list_versions(prefix)), subject, left)


def scrub_versions(
    store: ObjectStore, versions: Iterable[VersionInfo], subject: Subject, left: Left = left_of
) -> Scrubbed:
    """The same for these versions, among them all of each of their keys."""
    by_key = defaultdict[str, list[VersionInfo]](list)
    for version in versions:
        by_key[version.key].append(version)
    done = in_parallel(lambda key: _scrub_key(store, by_key[key], subject, left), sorted(by_key), _AT_ONCE)
    return sum(done, Scrubbed())


def rewrite(store: ObjectStore, info: ObjectInfo, data: bytes, more: dict[str, str] | None = None) -> ObjectInfo:
    """Put `data` in place of the version `info`, which has metadata, and remove that version.

    Raises ObjectChangedError when it is not the newest one any more.
    """
    before = [info.version_id, *info.metadata.get(BEFORE, "").split()][:_MOST_BEFORE]
    metadata = {**info.metadata, BEFORE: " ".join(before), **(more or {})}
    if "sha256" in metadata:
        metadata["sha256"] = hashlib.sha256(data).hexdigest()
    kind = _TYPES.get(f".{info.key.rpartition('.')[2]}", "application/octet-stream")
    written = store.put(info.key, data, content_type=kind, metadata=metadata, if_match=info.etag)
    store.delete(info.key, info.version_id)
    return written


def _scrub_key(store: ObjectStore, versions: list[VersionInfo], subject: Subject, left: Left) -> Scrubbed:
    done = Scrubbed()
    key = versions[0].key
    if subject.in_key(key):
        for version in versions:
            store.delete(key, version.version_id)
        return Scrubbed(removed=len(versions))
    for version in versions:
        if version.is_delete_marker:
            continue
        if version.is_latest:
            done += _scrub_newest(store, key, subject, left)
            continue
        try:
            data, _ = store.get(key, version.version_id)
        except ObjectMissingError:
            continue
        if left(subject, key, data) != data:
            store.delete(key, version.version_id)
            done += Scrubbed(removed=1)
    return done


def _scrub_newest(store: ObjectStore, key: str, subject: Subject, left: Left) -> Scrubbed:
    for _ in range(_TRIES):
        try:
            data, info = store.get(key)
        except ObjectMissingError:
            return Scrubbed()
        rest = left(subject, key, data)
        if rest == data:
            return Scrubbed()
        if rest is None:
            return Scrubbed(removed=_remove_all(store, key))
        try:
            rewrite(store, info, rest)
        except ObjectChangedError:
            continue
        return Scrubbed(rewritten=1)
    raise TryAgainError(f"expected {key!r} to hold still, other programs wrote it {_TRIES} times in a row")


def _remove_all(store: ObjectStore, key: str) -> int:
    versions = [version for version in list(store.list_versions(key)) if version.key == key]
    for version in versions:
        store.delete(key, version.version_id)
    return len(versions)


def _texts(key: str, data: bytes) -> Iterable[str]:
    text = data.decode(errors="replace")
    if not key.endswith(".eml"):
        return [text, html.unescape(text)]
    message = email.message_from_bytes(data, policy=email.policy.default)
    parts = [part.get_payload(decode=True) for part in message.walk() if part.get_content_maintype() == "text"]
    bodies = [body.decode(errors="replace") for body in parts if isinstance(body, bytes)]
    return [text, *(str(value) for value in message.values()), *bodies, *map(html.unescape, bodies)]
