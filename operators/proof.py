"""The proof that a stage did its work: its manifest, read back and checked. A task's or pod's state proves nothing.

A manifest may lie: by a bug, by hand, or since its objects were removed after it. Some of the objects that it says were
written are asked for, in exactly these versions; all of them would cost a shard of thousands of pictures as many
requests. Whoever reads an object checks its SHA-256 all the same.

(A pod that was killed can be reported as success: apache/airflow issues 73006 and 71202.)
"""

import random
from collections.abc import Sequence

from nightjar.domain.layout import MANIFEST
from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.stages import REMOVED_FOR_GOOD
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from operators.failures import StageFailedError

SAMPLED = 3  # objects of a manifest that are asked for: a lie about half of them is seen 7 times in 8


def manifest_version(store: ObjectStore, prefix: str) -> str | None:
    """The version of the manifest that is below `prefix` now: one an earlier attempt left, or None."""
    info = store.head(f"{prefix}{MANIFEST}")
    return info.version_id if info else None


def check_manifest(
    store: ObjectStore, prefix: str, *, stage: str, image: str, run: str, release: str, stale_version: str | None
) -> Manifest:
    """The manifest below `prefix`, if it proves that this attempt of `stage` came to its end.

    `release` is the SHA-256 of the release.json that it has to have worked by, empty for a stage outside of a release;
    `stale_version` is the manifest before the attempt. Raises StageFailedError that says what is wrong, also where an
    object is not there in the version, size or content that the manifest names.
    """
    try:
        manifest, reference = read_manifest(store, prefix)
    except InputError as error:
        raise StageFailedError(f"stage {stage} left no proof of its work: {error}") from None
    if reference.version_id == stale_version:
        raise StageFailedError(
            f"stage {stage} left no proof of its work: the manifest below {prefix} is of an earlier attempt"
        )
    expected = {"stage": stage, "image": image, "run": run, "release": release}
    found = {name: getattr(manifest, name) for name in expected}
    if found != expected:
        raise StageFailedError(f"expected a manifest of {expected} below {prefix}, found one of {found}")
    if problem := manifest.counts.problem():
        raise StageFailedError(f"the manifest of stage {stage} below {prefix} does not add up: {problem}")
    for lie in in_parallel(lambda ref: _lie(store, ref), _sample(manifest, reference), SAMPLED):
        if lie:
            raise StageFailedError(f"the manifest of stage {stage} below {prefix} is not true: {lie}")
    return manifest


def _sample(manifest: Manifest, reference: ObjectRef) -> Sequence[ObjectRef]:
    """The objects that are asked for: the file with more of them, and others, the same ones of the same manifest.

    Lists that others may have removed by now prove nothing.
    """
    lasting = [ref for ref in manifest.objects if ref.key.partition("/")[0] not in REMOVED_FOR_GOOD]
    more = [manifest.more] if manifest.more else []
    chance = random.Random(reference.sha256)  # noqa: S311 - no secret: whoever can write manifests can do worse
    return [*more, *chance.sample(lasting, min(SAMPLED - len(more), len(lasting)))]


def _lie(store: ObjectStore, ref: ObjectRef) -> str | None:
    """How the bucket contradicts `ref`, as a sentence; None where it does not."""
    info = store.head(ref.key, ref.version_id)
    if info is None:
        return f"expected version {ref.version_id} of {ref.key!r}, found none"
    if info.size != ref.size:
        return f"expected {ref.size} bytes in version {ref.version_id} of {ref.key!r}, found {info.size}"
    known = info.metadata.get("sha256")
    if known and ref.sha256 and known != ref.sha256:
        return f"expected SHA-256 {ref.sha256} of version {ref.version_id} of {ref.key!r}, found {known}"
    return None
