"""Footage: one content for a moment, found by moment and by day."""

from datetime import date

import pytest

from nightjar.domain.names import FootageName, parse_footage_name
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectExistsError, ObjectStore
from nightjar.stores.footage import FootageStore, footage_key
from nightjar.stores.provenance import is_copy_of

NOON = 1_795_176_000  # 2026-11-20T12:00:00Z
SHA256 = "0" * 64


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else request.getfixturevalue("s3_store")


def name(text: str) -> FootageName:
    return parse_footage_name(text)


@pytest.mark.parametrize(
    ("received", "key"),
    [
        (f"alice-porch-{NOON}.JPEG", f"footage/2026/11/20/12/alice-porch-{NOON}.jpg"),
        (f"alice-porch-{NOON}000.mp4", f"footage/2026/11/20/12/alice-porch-{NOON}.mp4"),
        (f"a-b-{NOON - 1}250.png", f"footage/2026/11/20/11/a-b-{NOON - 1}250.png"),
    ],
)
def test_where_footage_is(received: str, key: str) -> None:
    assert footage_key(name(received)) == key


def test_the_first_content_keeps_the_key(store: ObjectStore) -> None:
    footage = FootageStore(store)
    source = store.put("incoming/a", b"first")
    info = footage.put(name(f"alice-porch-{NOON}.jpg"), b"first", "incoming/a", source.version_id, SHA256)
    with pytest.raises(ObjectExistsError):
        footage.put(name(f"alice-porch-{NOON}.jpeg"), b"other", "incoming/b", "v", SHA256)
    [stored] = footage.of_moment(name(f"alice-porch-{NOON}.png"))
    assert (stored.key, stored.version_id, stored.metadata["sha256"]) == (info.key, info.version_id, SHA256)
    assert is_copy_of(stored, "incoming/a", source.version_id)
    assert not is_copy_of(stored, "incoming/a", "another")
    copied = footage.copy(name(f"alice-porch-{NOON}.mp4"), "incoming/a", source.version_id, SHA256)
    assert is_copy_of(copied, "incoming/a", source.version_id)


def test_stills_and_videos_of_a_moment_are_apart(store: ObjectStore) -> None:
    for each in ("jpg", "webp", "mkv"):
        store.put(f"footage/2026/11/20/12/alice-porch-{NOON}.{each}", b"1")
    store.put(f"footage/2026/11/20/12/alice-porch-{NOON}250.jpg", b"1")
    found = {
        extension: [
            i.key.rpartition(".")[2] for i in FootageStore(store).of_moment(name(f"alice-porch-{NOON}.{extension}"))
        ]
        for extension in ("png", "avi")
    }
    assert found == {"png": ["jpg", "webp"], "avi": ["mkv"]}
    assert FootageStore(store).of_moment(name(f"bob-porch-{NOON}.jpg")) == []


def test_a_day(store: ObjectStore, caplog: pytest.LogCaptureFixture) -> None:
    filed = [f"11/alice-porch-{NOON - 1}.jpg", f"12/alice-porch-{NOON}.mp4", f"13/bob-yard-{NOON}.JPG"]
    for each in [*filed, "12/readme.txt"]:
        store.put(f"footage/2026/11/20/{each}", each.encode(), metadata={"sha256": SHA256})
    store.put(f"footage/2026/11/21/00/alice-porch-{NOON + 43_200}.jpg", b"the next day")
    day = list(FootageStore(store).of_day(date(2026, 11, 20)))
    assert [info.key.removeprefix("footage/2026/11/20/") for _, info in day] == filed
    assert [parsed.canonical for parsed, _ in day] == [
        f"alice-porch-{NOON - 1}.jpg",
        f"alice-porch-{NOON}.mp4",
        f"bob-yard-{NOON}.jpg",
    ]
    assert {info.metadata["sha256"] for _, info in day} == {SHA256}
    assert "readme.txt" in caplog.text
    assert list(FootageStore(store).of_day(date(2026, 11, 19))) == []


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [("alice", None, {"bob-yard"}), ("alice", "porch", {"alice-yard", "bob-yard"}), ("al", None, None)],
)
def test_erasure(store: ObjectStore, user: str, device: str | None, left: set[str] | None) -> None:
    cameras = {"alice-porch", "alice-yard", "bob-yard"}
    for camera in cameras:
        for content in (b"1", b"2"):
            store.put(f"footage/2026/11/20/12/{camera}-{NOON}.jpg", content)
    store.put("footage/readme.txt", b"")
    kept = cameras if left is None else left
    assert FootageStore(store).erase(user, device) == 2 * len(cameras - kept)
    keys = {version.key.rpartition("/")[2] for version in store.list_versions("footage/")}
    assert keys == {"readme.txt", *(f"{camera}-{NOON}.jpg" for camera in kept)}
