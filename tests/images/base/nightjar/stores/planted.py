"""A bucket in which users are planted everywhere, and a search for them in every version of every object.

The search knows nothing of how forgetting works: it opens whatever is packed (gzip, Parquet, messages, JSON escapes)
and looks for names as plain text.
"""

import base64
import email
import email.policy
import gzip
import hashlib
import html
import io
import json
import quopri
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectMissingError, ObjectStore

GOLDEN = Path(__file__).parents[4] / "golden"


def planted(store: ObjectStore, release: str = "0.2.0") -> ObjectStore:
    """One object of every kind that the release stored, of alice and carol, in two versions each."""
    for file in sorted((GOLDEN / release).rglob("*")):
        if file.is_file():
            key = file.relative_to(GOLDEN / release).as_posix()
            for _ in range(2):
                store.put(key, file.read_bytes(), metadata={"sha256": hashlib.sha256(file.read_bytes()).hexdigest()})
    return store


def texts_of(key: str, data: bytes) -> Iterator[str]:
    """All that an object says, as text."""
    yield data.decode(errors="replace")
    if data[:2] == b"\x1f\x8b":
        yield from texts_of(key.removesuffix(".gz"), gzip.decompress(data))
    elif data[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(data))
        yield json.dumps(table.to_pylist(), default=str)
        yield repr(table.schema.metadata)
    elif key.endswith(".eml"):
        message = email.message_from_bytes(data, policy=email.policy.default)
        for part in message.walk():
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield html.unescape(payload.decode(errors="replace"))
        yield quopri.decodestring(data).decode(errors="replace")
    elif key.endswith((".json", ".jsonl")):
        for line in [data] if key.endswith(".json") else data.splitlines():
            yield json.dumps(json.loads(line), ensure_ascii=False)
    else:
        yield html.unescape(data.decode(errors="replace"))


def mentions(store: ObjectStore, *names: str) -> list[str]:
    """Where any of `names` stands: keys, metadata and contents of all versions, also as digests and in base64."""
    forms = {form for name in names for form in forms_of(name)}
    found = []
    for version in list(store.list_versions("")):
        texts = [version.key]
        if not version.is_delete_marker:
            with suppress(ObjectMissingError):  # of a bucket that is in use: signs are replaced all the time
                data, info = store.get(version.key, version.version_id)
                texts += [json.dumps(dict(info.metadata)), *texts_of(version.key, data)]
        found += [f"{version.key} ({form})" for form in sorted(forms) if any(form in text for text in texts)]
    return sorted(set(found))


def forms_of(name: str) -> list[str]:
    """A name as it may be written: as it is, its digests in hexadecimal, in base64, in escapes."""
    data = name.encode()
    digests = [hashlib.new(kind, data, usedforsecurity=False).hexdigest()[:16] for kind in ("md5", "sha1", "sha256")]
    return [name, *digests, base64.b64encode(data).decode().rstrip("="), "".join(f"\\u{ord(c):04x}" for c in name)]


def everything(store: ObjectStore) -> dict[tuple[str, str], bytes]:
    """Every version of every object."""
    return {
        (version.key, version.version_id): b""
        if version.is_delete_marker
        else store.get(version.key, version.version_id)[0]
        for version in list(store.list_versions(""))
    }


class Clock:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def memory_store() -> MemoryStore:
    """An empty bucket whose objects are each a second younger than the one before."""
    return MemoryStore(Clock())
