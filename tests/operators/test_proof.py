"""A manifest proves a stage's work only if it is there, fresh, of this stage, image, run and release, and adds up."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.runtime.manifests import reference, write_manifest
from nightjar.runtime.memory import MemoryStore
from operators.failures import StageFailedError
from operators.proof import SAMPLED, check_manifest, manifest_version

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


def objects(store: MemoryStore, number: int) -> list[ObjectRef]:
    data = b"a line of detections"
    metadata = {"sha256": reference(store.put("other", data), data).sha256}
    return [reference(store.put(f"detections/{n}.jsonl", data, metadata=metadata), data) for n in range(number)]


class Counting(MemoryStore):
    heads = 0

    def head(self, key: str, version_id: str | None = None) -> Any:
        self.heads += 1
        return super().head(key, version_id)


@pytest.mark.parametrize("number", [0, 1, SAMPLED, 500])
def test_objects_that_are_there_are_proof_at_a_bounded_cost(number: int) -> None:
    store = Counting()
    write_manifest(store, PREFIX, manifest(objects=tuple(objects(store, number))))
    store.heads = 0
    check(store)
    assert store.heads == min(number, SAMPLED)


@pytest.mark.parametrize(
    ("lie", "complaint"),
    [
        ({"version_id": "v99999999"}, "expected version v99999999 of 'detections/0.jsonl', found none"),
        ({"key": "detections/other.jsonl"}, "expected version v[0-9]+ of 'detections/other.jsonl', found none"),
        ({"size": 7}, "expected 7 bytes in version v[0-9]+ of 'detections/0.jsonl', found 20"),
        ({"sha256": "0" * 64}, "expected SHA-256 0+ of version v[0-9]+ of 'detections/0.jsonl', found "),
    ],
)
@pytest.mark.parametrize("place", ["objects", "more"])
def test_a_manifest_that_lies_is_refused(lie: dict[str, Any], complaint: str, place: str) -> None:
    store = MemoryStore()
    [true] = objects(store, 1)
    lying = true.model_copy(update=lie)
    write_manifest(store, PREFIX, manifest(**{place: (lying,) if place == "objects" else lying}))
    with pytest.raises(StageFailedError, match=f"stage detect below {PREFIX} is not true: {complaint}"):
        check(store)


def test_the_file_of_more_objects_is_always_asked_for() -> None:
    store = MemoryStore()
    *many, more = objects(store, 50)
    store.delete(more.key, more.version_id)
    write_manifest(store, PREFIX, manifest(objects=tuple(many), more=more))
    with pytest.raises(StageFailedError, match="found none"):
        check(store)


def test_lists_that_others_have_removed_meanwhile_are_no_lie() -> None:
    store = MemoryStore()
    gone = [ObjectRef(key=f"{folder}/x", version_id="v", sha256="", size=1) for folder in ("records", "health")]
    write_manifest(store, PREFIX, manifest(objects=tuple(gone)))
    check(store)


def test_a_lie_about_half_of_the_objects_is_mostly_seen() -> None:
    seen = 0
    for run in range(40):
        store = MemoryStore()
        many = objects(store, 20)
        for ref in many[::2]:
            store.delete(ref.key, ref.version_id)
        write_manifest(store, PREFIX, manifest(objects=tuple(many), warnings=(str(run),)))
        try:
            check(store)
        except StageFailedError:
            seen += 1
    assert seen > 25
