"""The proof that a stage did its work: its manifest, read back and checked. A task's or pod's state proves nothing.

(A pod that was killed can be reported as success: apache/airflow issues 73006 and 71202.)
"""

from nightjar.domain.layout import MANIFEST
from nightjar.domain.manifest import Manifest
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.store import ObjectStore
from operators.failures import StageFailedError


def manifest_version(store: ObjectStore, prefix: str) -> str | None:
    """The version of the manifest that is below `prefix` now: one an earlier attempt left, or None."""
    info = store.head(f"{prefix}{MANIFEST}")
    return info.version_id if info else None


def check_manifest(
    store: ObjectStore, prefix: str, *, stage: str, image: str, run: str, release: str, stale_version: str | None
) -> Manifest:
    """The manifest below `prefix`, if it proves that this attempt of `stage` came to its end.

    `release` is the SHA-256 of the release.json that it has to have worked by, empty for a stage outside of a release;
    `stale_version` is the manifest before the attempt. Raises StageFailedError that says what is wrong.
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
    return manifest
