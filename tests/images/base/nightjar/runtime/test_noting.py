"""A manifest names all that its stage reads, asks about, writes and removes, in exactly these versions."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightjar.domain.manifest import DeletedRef, Manifest, NamedRef, ObjectRef, Refs, TaskRef
from nightjar.domain.release import FrozenRules, Release, StageRelease
from nightjar.errors import InputError
from nightjar.runtime.manifests import all_refs, read_manifest, write_bytes, write_record, write_refs
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.noting import Notes, NotingStore
from nightjar.runtime.peak_memory import peak_memory_bytes
from nightjar.runtime.stage import MOST_INLINE, StageContext, StageResult, Work, run
from nightjar.runtime.store import ObjectInfo, ObjectStore

TASK = TaskRef(dag_id="d", run_id="manual__{{ x }}", task_id="t", map_index=3, try_number=2, pod="p-1")
SHA256_OF_ONE = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


def work_with(store: ObjectStore, work: Work, **more: object) -> Manifest:
    context = StageContext(
        stage="try",
        image="r/try:1",
        run="run-1",
        input_prefix="in/",
        output_prefix="out/",
        store=store,
        clock=lambda: datetime(2026, 11, 20, tzinfo=UTC),
        task=TASK,
    )
    for name, value in more.items():
        object.__setattr__(context, name, value)
    return run(work, context)


def ref(info: ObjectInfo, sha256: str = "") -> ObjectRef:
    return ObjectRef(key=info.key, version_id=info.version_id, sha256=sha256, size=info.size)


def test_all_that_goes_through_the_store_is_named(tmp_path: Path) -> None:
    store = MemoryStore()
    old = store.put("read", b"1")
    new = store.put("read", b"22")
    big = store.put("big", b"333", metadata={"sha256": "5" * 64})
    asked = store.put("asked", b"")
    gone = store.put("gone", b"x")
    written: list[ObjectInfo] = []

    def work(context: StageContext) -> StageResult:
        there = context.store
        there.get("read")
        there.get("read", old.version_id)  # of a key in two versions, the one read last comes last
        there.download("big", tmp_path / "big")
        there.head("asked")
        assert there.head("never") is None
        written.append(there.put("written", b"1"))
        there.get("written")
        there.head("written")
        written.append(there.put("written", b"22", metadata={"sha256": "7" * 64}))
        written.append(there.copy("big", big.version_id, "copy"))
        there.delete("written")
        there.delete("gone", gone.version_id)
        there.delete("gone")
        assert [info.key for info in there.list_objects("b")] == ["big"]
        assert (there.list_folders(""), there.is_versioned()) == ([], True)
        assert len(list(there.list_versions("read"))) == 2
        return StageResult()

    manifest = work_with(store, work)
    assert read_manifest(store, "out/")[0] == manifest
    assert [each.identity for each in manifest.inputs] == [
        ("read", new.version_id),
        ("read", old.version_id),
        ("big", big.version_id),
    ]
    assert [each.sha256[:4] for each in manifest.inputs] == ["785f", "6b86", "5555"]
    assert manifest.asked == (ref(asked),)
    assert manifest.objects == (
        ref(written[0], SHA256_OF_ONE),
        ref(written[1], "7" * 64),
        ref(written[2], "5" * 64),
    )
    marker, removed, second = manifest.deleted
    assert (marker.key, marker.is_marker) == ("written", True)
    assert marker.version_id in {version.version_id for version in store.list_versions("written")}
    assert removed == DeletedRef(key="gone", version_id=gone.version_id, is_marker=False)
    assert second == DeletedRef(key="gone", version_id="", is_marker=True)
    assert (manifest.names_all, manifest.more, manifest.task) == (True, None, TASK)
    assert manifest.peak_memory_bytes and manifest.peak_memory_bytes > 1 << 20


def test_what_the_stage_names_itself_comes_first_and_once() -> None:
    store = MemoryStore()
    first, second = store.put("a", b"1"), store.put("b", b"1")

    def work(context: StageContext) -> StageResult:
        context.store.get("b")
        context.store.get("a")
        kept = write_bytes(context.store, "c", b"1", content_type="text/plain")
        again = write_bytes(context.store, "c", b"1", content_type="text/plain")  # left as it is
        return StageResult(inputs=[ref(first, SHA256_OF_ONE)], objects=[kept, again][:1])

    manifest = work_with(store, work)
    assert [each.key for each in manifest.inputs] == ["a", "b"]
    assert manifest.inputs[1].version_id == second.version_id
    assert [each.key for each in manifest.objects] == ["c"]
    assert manifest.asked == ()


@pytest.mark.parametrize(("number", "is_beside"), [(0, False), (MOST_INLINE, False), (MOST_INLINE + 1, True)])
def test_many_are_named_in_a_file_beside_the_manifest_with_one_put_more(number: int, is_beside: bool) -> None:
    store = MemoryStore()

    def work(context: StageContext) -> StageResult:
        for n in range(number):
            context.store.put(f"many/{n}", b"1")
        return StageResult(objects=[ObjectRef(key="named", version_id="v", sha256="", size=0)])

    before = len(list(store.list_versions("")))
    manifest = work_with(store, work)
    assert len(list(store.list_versions(""))) == before + number + (2 if is_beside else 1)
    assert (manifest.more is not None) is is_beside
    assert manifest.objects[0].key == "named"
    assert len(manifest.objects) == (1 if is_beside else number + 1)
    assert [each.key for each in all_refs(store, manifest).objects] == ["named", *(f"many/{n}" for n in range(number))]


def test_a_file_of_refs_that_is_another_is_refused() -> None:
    store = MemoryStore()
    refs = Refs(
        inputs=[ObjectRef(key="i", version_id="1", sha256="a", size=1)],
        asked=[ObjectRef(key="a", version_id="2", sha256="", size=2)],
        objects=[ObjectRef(key="o", version_id="3", sha256="b", size=3)],
        deleted=[DeletedRef(key="d", version_id="4", is_marker=True)],
    )
    more = write_refs(store, "out/", refs)
    manifest = work_with(store, lambda _: StageResult())
    assert all_refs(store, manifest.model_copy(update={"more": more})) == Refs(
        tuple(refs.inputs), tuple(refs.asked), tuple(refs.objects), tuple(refs.deleted)
    )
    lying = manifest.model_copy(update={"more": more.model_copy(update={"sha256": "0" * 64})})
    with pytest.raises(InputError, match="with SHA-256 0000"):
        all_refs(store, lying)
    store.delete(more.key, more.version_id)
    with pytest.raises(InputError, match="found none"):
        all_refs(store, manifest.model_copy(update={"more": more}))


def test_a_role_of_a_later_release_is_passed_over() -> None:
    lines = [NamedRef(role="later", key="k", version_id="v"), NamedRef(role="input", key="i", version_id="v")]
    assert [each.key for each in Refs.of_lines(lines).inputs] == ["i"]


@pytest.mark.parametrize(
    ("stages", "digest"), [({"try": "sha256:1"}, "sha256:1"), ({"try": None}, None), ({"other": "sha256:1"}, None)]
)
def test_the_manifest_has_the_digest_of_the_release(stages: dict[str, str | None], digest: str | None) -> None:
    store = MemoryStore()
    source = ObjectRef(key="config/rules.yaml", version_id="v", sha256="x", size=1)
    release = Release(
        run="r",
        stages={name: StageRelease(image=f"r/{name}:1", digest=each) for name, each in stages.items()},
        rules=FrozenRules(key="rules/x.yaml", sha256="x", source=source),
    )
    written = write_record(store, "run/release.json", release)
    manifest = work_with(store, lambda _: StageResult(), release_key="run/release.json")
    assert (manifest.image_digest, manifest.release) == (digest, written.sha256)
    assert manifest.inputs == (written,)


def test_a_part_is_noted_with_the_version_that_was_asked_for() -> None:
    store, notes = MemoryStore(), Notes()
    info = store.put("k", b"abc")
    noting = NotingStore(store, notes)
    assert noting.get_range("k", 1, 1) == b"b"
    assert len(notes.besides([], [])) == 0
    assert noting.get_range("k", 1, 1, info.version_id) == b"b"
    assert [each.identity for each in notes.besides([], []).inputs] == [("k", info.version_id)]


@pytest.mark.parametrize(("text", "told"), [("VmHWM:\t    1964 kB\n", 1964 * 1024), ("Name: x\n", None), (None, None)])
def test_peak_memory_is_what_the_kernel_says(text: str | None, told: int | None, tmp_path: Path) -> None:
    status = tmp_path / "status"
    if text is not None:
        status.write_text(text)
    assert peak_memory_bytes(status) == told
