"""A manifest proves a stage's work only if it is there, fresh, of this stage, image, run and release, and adds up."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nightjar.domain.manifest import Counts, Manifest
from nightjar.runtime.manifests import write_manifest
from nightjar.runtime.memory import MemoryStore
from operators.failures import StageFailedError
from operators.proof import check_manifest, manifest_version

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
PREFIX = "runs/nightjar_live/b/detect/alice-porch/"
RELEASE = "7" * 64
IMAGE = "registry.example.com/nightjar/detect:2"


def manifest(**changes: Any) -> Manifest:
    whole = Manifest(
        stage="detect",
        image=IMAGE,
        run="b",
        release=RELEASE,
        counts=Counts(received=2, outcomes={"detected": 2}),
        started_at=NOW,
        finished_at=NOW,
    )
    return whole.model_copy(update=changes)


def check(store: MemoryStore, stale: str | None = None) -> Manifest:
    return check_manifest(store, PREFIX, stage="detect", image=IMAGE, run="b", release=RELEASE, stale_version=stale)


def test_good() -> None:
    store = MemoryStore()
    assert manifest_version(store, PREFIX) is None
    write_manifest(store, PREFIX, manifest())
    assert check(store) == manifest()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"stage": "validate"}, "expected a manifest of .*'detect'.* found one of .*'validate'"),
        ({"image": IMAGE.replace(":2", ":1")}, "detect:1"),
        ({"run": "another"}, "'another'"),
        ({"release": "5" * 64}, "'55555"),
        ({"release": ""}, "'release': ''"),
        ({"counts": Counts(received=3, outcomes={"detected": 2})}, "does not add up: expected outcomes for 3"),
        ({"counts": Counts(received=0, outcomes={"detected": 1, "failed": -1})}, "at least 0"),
    ],
)
def test_wrong(changes: dict[str, Any], complaint: str) -> None:
    store = MemoryStore()
    write_manifest(store, PREFIX, manifest(**changes))
    with pytest.raises(StageFailedError, match=complaint):
        check(store)


def test_missing() -> None:
    with pytest.raises(StageFailedError, match="left no proof of its work: expected an object at"):
        check(MemoryStore())


def test_not_json() -> None:
    store = MemoryStore()
    store.put(f"{PREFIX}_manifest.json", b"{")
    with pytest.raises(StageFailedError, match="left no proof of its work: expected a Manifest"):
        check(store)


def test_stale_is_no_proof_and_a_new_one_with_the_same_result_is() -> None:
    store = MemoryStore()
    write_manifest(store, PREFIX, manifest())
    stale = manifest_version(store, PREFIX)
    with pytest.raises(StageFailedError, match="is of an earlier attempt"):
        check(store, stale)
    later = manifest(finished_at=NOW.replace(minute=6))
    write_manifest(store, PREFIX, later)
    assert check(store, stale) == later
