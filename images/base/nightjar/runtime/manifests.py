"""Reading and writing manifests, and the other small documents of a run, in the object store."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from nightjar.domain.layout import MANIFEST, REFS
from nightjar.domain.manifest import Manifest, NamedRef, ObjectRef, Refs
from nightjar.errors import InputError
from nightjar.runtime.garbage import no_garbage_collection
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectStore

M = TypeVar("M", bound=BaseModel)


def reference(info: ObjectInfo, data: bytes) -> ObjectRef:
    """How a manifest names an object that was read or written."""
    return ObjectRef(key=info.key, version_id=info.version_id, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def read_record(store: ObjectStore, key: str, kind: type[M], version_id: str | None = None) -> tuple[M, ObjectRef]:
    """The JSON document at `key` as a `kind`; raises InputError when it is missing or is not one."""
    data, info = _read(store, key, version_id)
    try:
        return kind.model_validate_json(data), reference(info, data)
    except ValidationError as error:
        raise InputError(f"expected a {kind.__name__} at {key!r}: {_first(error)}") from None


def read_lines(store: ObjectStore, key: str, kind: type[M], version_id: str | None = None) -> tuple[list[M], ObjectRef]:
    """The JSON lines at `key`, each as a `kind`; raises InputError that names the line."""
    data, info = _read(store, key, version_id)
    lines: list[M] = []
    with no_garbage_collection():
        for number, line in enumerate(data.splitlines(), 1):
            try:
                lines.append(kind.model_validate_json(line))
            except ValidationError as error:
                raise InputError(f"expected a {kind.__name__} in line {number} of {key!r}: {_first(error)}") from None
    return lines, reference(info, data)


def write_record(
    store: ObjectStore, key: str, record: BaseModel, *, if_absent: bool = False, if_match: str | None = None
) -> ObjectRef:
    """Write `record` as JSON that a person can read; the same record gives the same bytes.

    An object that already has these bytes is left as it is, so that doing a thing twice changes nothing. With
    `if_absent`, raises ObjectExistsError when there is another; with `if_match` (an etag), ObjectChangedError when
    it is no longer that one.
    """
    data = json.dumps(record.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False).encode() + b"\n"
    return write_bytes(store, key, data, content_type="application/json", if_absent=if_absent, if_match=if_match)


def write_lines(store: ObjectStore, key: str, records: Iterable[BaseModel]) -> ObjectRef:
    """Write `records` as JSON lines; the same records give the same bytes and, a second time, no new version."""
    data = b"".join(_line(record) for record in records)
    return write_bytes(store, key, data, content_type="application/x-ndjson")


def write_bytes(
    store: ObjectStore,
    key: str,
    data: bytes,
    *,
    content_type: str,
    if_absent: bool = False,
    if_match: str | None = None,
) -> ObjectRef:
    """Write `data` at `key` unless the same content is there already, by the SHA-256 in its metadata."""
    sha256 = hashlib.sha256(data).hexdigest()
    there = store.head(key)
    if there and there.metadata.get("sha256") == sha256:
        return reference(there, data)
    info = store.put(
        key, data, content_type=content_type, metadata={"sha256": sha256}, if_absent=if_absent, if_match=if_match
    )
    return reference(info, data)


def read_manifest(store: ObjectStore, prefix: str) -> tuple[Manifest, ObjectRef]:
    """The manifest below `prefix`; raises InputError when the stage left none, or one that is not valid."""
    return read_record(store, f"{prefix}{MANIFEST}", Manifest)


def write_manifest(store: ObjectStore, prefix: str, manifest: Manifest) -> ObjectRef:
    """Write the manifest: the last act of a stage."""
    return write_record(store, f"{prefix}{MANIFEST}", manifest)


def write_refs(store: ObjectStore, prefix: str, refs: Refs) -> ObjectRef:
    """Write `_refs.jsonl`, for a manifest below `prefix` that would be too long with all of `refs`."""
    return write_lines(store, f"{prefix}{REFS}", refs.lines())


def all_refs(store: ObjectStore, manifest: Manifest) -> Refs:
    """All objects that `manifest` means; one more is read where it names a `_refs.jsonl`.

    Raises InputError where that file is not there in the version that the manifest names, or is another.
    """
    named = Refs(manifest.inputs, manifest.asked, manifest.objects, manifest.deleted)
    if manifest.more is None:
        return named
    lines, ref = read_lines(store, manifest.more.key, NamedRef, manifest.more.version_id)
    if ref.sha256 != manifest.more.sha256:
        raise InputError(f"expected {ref.key!r} with SHA-256 {manifest.more.sha256}, as its manifest says")
    more = Refs.of_lines(lines)
    return Refs(
        inputs=(*named.inputs, *more.inputs),
        asked=(*named.asked, *more.asked),
        objects=(*named.objects, *more.objects),
        deleted=(*named.deleted, *more.deleted),
    )


def _line(record: BaseModel) -> bytes:
    return record.model_dump_json(by_alias=True).encode() + b"\n"


def _read(store: ObjectStore, key: str, version_id: str | None) -> tuple[bytes, ObjectInfo]:
    try:
        return store.get(key, version_id)
    except ObjectMissingError:
        raise InputError(f"expected an object at {key!r}, found none") from None


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"


def jsonl(records: Iterable[BaseModel]) -> Iterator[bytes]:
    """Each record as one line of JSON in UTF-8, with its line end."""
    return map(_line, records)
