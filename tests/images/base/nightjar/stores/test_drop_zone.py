"""The drop zone: what waits in it, and under which name."""

import pytest

from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectStore
from nightjar.stores.drop_zone import DropZone

GOOD = "alice-porch-1795176000.JPEG"


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else request.getfixturevalue("s3_store")


def waiting(drop_zone: DropZone) -> list[str]:
    return sorted(drop_zone.name(version.key) for version in drop_zone.waiting(drop_zone.survey().withdrawn))


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        (GOOD, "alice-porch-1795176000.jpg"),
        ("alice-porch-1795176000250.mp4", "alice-porch-1795176000250.mp4"),
        (f"sub/{GOOD}", None),
        ("alice porch", None),
    ],
)
def test_names_are_parsed(name: str, canonical: str | None) -> None:
    store = MemoryStore()
    info = store.put(f"incoming/{name}", b"1234")
    [version] = DropZone(store).waiting(frozenset())
    assert (version.name and version.name.canonical) == canonical
    assert (version.version_id, version.size, version.received_at) == (info.version_id, 4, info.modified_at)


def test_what_waits(store: ObjectStore) -> None:
    drop_zone = DropZone(store)
    assert waiting(drop_zone) == []
    store.put("elsewhere/a.jpg", b"1")
    store.put("incoming/", b"")
    store.put("incoming/folder/", b"")
    first = store.put(f"incoming/{GOOD}", b"1")
    store.put(f"incoming/{GOOD}", b"2")
    store.put("incoming/taken back", b"3")
    store.delete("incoming/taken back")
    landed = drop_zone.survey()
    assert landed.withdrawn == {"incoming/taken back"}
    assert [marker.key for marker in landed.folder_markers] == ["incoming/folder/"], "expected the zone itself to stay"
    assert waiting(drop_zone) == [GOOD, GOOD]
    drop_zone.remove(f"incoming/{GOOD}", first.version_id)
    drop_zone.remove(f"incoming/{GOOD}", first.version_id)
    assert waiting(drop_zone) == [GOOD]


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [
        ("alice", None, ["bad name", "bob-porch-1795176000.jpg"]),
        ("alice", "yard", ["alice-porch-1795176000.jpg", "bad name", "bob-porch-1795176000.jpg"]),
        ("carol", None, ["alice-porch-1795176000.jpg", "alice-yard-1.jpg"]),
    ],
)
def test_erasure(store: ObjectStore, user: str, device: str | None, left: list[str]) -> None:
    names = ["alice-porch-1795176000.jpg", "alice-yard-1795176000.jpg", "bob-porch-1795176000.jpg", "bad name"]
    for name in names:
        store.put(f"incoming/{name}", b"1")
        store.put(f"incoming/{name}", b"2")
        store.delete(f"incoming/{name}")
    expected = left if user == "alice" else sorted(names)
    assert DropZone(store).erase(user, device) == 3 * (len(names) - len(expected))
    assert sorted({version.key.removeprefix("incoming/") for version in store.list_versions("incoming/")}) == expected
