"""Forgetting in the folders of runs: the shards of the one to be forgotten go, and their lines in what is shared.

What tells that a run took place stays: its release, when it began and ended, its account. Numbers stay too.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from nightjar.domain.forgetting import Subject
from nightjar.domain.manifest import ObjectRef
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectStore, VersionInfo
from nightjar.stores.shared_documents import BEFORE, Scrubbed, rewrite, scrub_versions

RUNS = "runs/"
_AT_ONCE = 8
_ROUNDS = 12  # manifests name each other along the chain of stages


def erase_from_runs(store: ObjectStore, subject: Subject) -> Scrubbed:
    """Take `subject` out of every run, in every version. Every document of every run is read.

    References to documents that were written anew are mended, so that what is left of a run still fits together.
    """
    by_run = defaultdict[str, list[VersionInfo]](list)
    for version in store.list_versions(RUNS):
        by_run["/".join(version.key.split("/")[:3])].append(version)
    done = in_parallel(lambda run: _erase(store, f"{run}/", by_run[run], subject), sorted(by_run), _AT_ONCE)
    return sum(done, Scrubbed())


def _erase(store: ObjectStore, prefix: str, versions: list[VersionInfo], subject: Subject) -> Scrubbed:
    done = scrub_versions(store, versions, subject)
    if done.rewritten:
        _mend(store, prefix)
    return done


def _mend(store: ObjectStore, prefix: str) -> None:
    """Let documents below `prefix` that name a version which was written anew name the one that stands in for it."""
    listed = [info.key for info in store.list_objects(prefix)]
    there = {key: info for key, info in zip(listed, map(store.head, listed), strict=True) if info}
    stands_in: dict[tuple[str, str], ObjectRef] = {}
    new = [info for info in there.values() if info.metadata.get(BEFORE)]
    for _ in range(_ROUNDS):
        for info in new:
            stands_in |= _stand_ins(store, info)
        new = []
        for key, info in there.items():
            if not key.endswith((".json", ".jsonl")):
                continue
            data, read = store.get(key, info.version_id)
            mended = _mended(key, data, stands_in)
            if mended != data:
                new.append(rewrite(store, read, mended))
        if not new:
            return
        there |= {info.key: store.head(info.key) or info for info in new}
        new = [there[info.key] for info in new]


def _stand_ins(store: ObjectStore, info: ObjectInfo) -> dict[tuple[str, str], ObjectRef]:
    data, _ = store.get(info.key, info.version_id)
    sha256 = hashlib.sha256(data).hexdigest()
    ref = ObjectRef(key=info.key, version_id=info.version_id, sha256=sha256, size=len(data))
    return {(info.key, before): ref for before in info.metadata.get(BEFORE, "").split()}


def _mended(key: str, data: bytes, stands_in: Mapping[tuple[str, str], ObjectRef]) -> bytes:
    """The document with its references mended; what needs no mending, and what is no JSON, byte for byte."""
    if key.endswith(".json"):
        return _mended_text(data, stands_in, indent=1)
    lines = data.splitlines(keepends=True)
    return b"".join(_mended_text(line, stands_in, separators=(",", ":")) for line in lines)


def _mended_text(data: bytes, stands_in: Mapping[tuple[str, str], ObjectRef], **form: Any) -> bytes:
    try:
        value = json.loads(data)
    except ValueError:
        return data
    mended = _with_stand_ins(value, stands_in)
    return data if mended == value else json.dumps(mended, ensure_ascii=False, **form).encode() + b"\n"


def _with_stand_ins(value: Any, stands_in: Mapping[tuple[str, str], ObjectRef]) -> Any:
    if isinstance(value, list):
        return [_with_stand_ins(each, stands_in) for each in value]
    if not isinstance(value, dict):
        return value
    ref = stands_in.get((str(value.get("key")), str(value.get("version_id"))))
    inside = {name: _with_stand_ins(each, stands_in) for name, each in value.items()}
    known = ref.model_dump() if ref else {}
    return {name: known.get(name, each) for name, each in inside.items()}
