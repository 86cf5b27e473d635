"""One table of behaviour over both object stores: SeaweedFS through S3Store, and the fake."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime import s3
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.store import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectStore,
    ObjectUnreadableError,
)
from nightjar_local.chaos.s3_proxy import S3Proxy


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    yield MemoryStore() if request.param == "memory" else request.getfixturevalue("s3_store")


def test_what_is_put_can_be_read_back_at_every_version(store: ObjectStore, tmp_path: Path) -> None:
    first = store.put("a/b.txt", b"one", metadata={"sha256": "1"})
    second = store.put("a/b.txt", b"two")
    assert store.get("a/b.txt")[0] == b"two"
    assert store.get("a/b.txt", first.version_id)[0] == b"one"
    found = store.head("a/b.txt", first.version_id)
    assert found and found.metadata == {"sha256": "1"} and found.size == 3
    assert second.version_id != first.version_id
    assert store.download("a/b.txt", tmp_path / "b", first.version_id).etag == first.etag
    assert (tmp_path / "b").read_bytes() == b"one"


@pytest.mark.parametrize(
    ("first", "length", "part"), [(0, 1, b"a"), (2, 3, b"cde"), (5, 1, b"f"), (4, 100, b"ef"), (0, 6, b"abcdef")]
)
def test_a_part_of_an_object(store: ObjectStore, first: int, length: int, part: bytes) -> None:
    version = store.put("letters", b"abcdef").version_id
    store.put("letters", b"ABCDEF")
    assert store.get_range("letters", first, length) == part.upper()
    assert store.get_range("letters", first, length, version) == part


@pytest.mark.parametrize("version_id", [None, "0123456789abcdef0123456789abcdef"])
def test_what_is_not_there_is_missing(store: ObjectStore, version_id: str | None, tmp_path: Path) -> None:
    assert store.head("none", version_id) is None
    with pytest.raises(ObjectMissingError):
        store.get("none", version_id)
    with pytest.raises(ObjectMissingError):
        store.get_range("none", 0, 1, version_id)
    with pytest.raises(ObjectMissingError):
        store.download("none", tmp_path / "none", version_id)
    store.delete("none")


def test_a_create_only_write_has_one_winner(store: ObjectStore) -> None:
    store.put("claim", b"mine", if_absent=True)
    with pytest.raises(ObjectExistsError):
        store.put("claim", b"theirs", if_absent=True)
    assert store.get("claim")[0] == b"mine"
    store.delete("claim")
    store.put("claim", b"again", if_absent=True)


def test_a_conditional_write_needs_the_state_it_was_made_for(store: ObjectStore) -> None:
    first = store.put("state", b"1")
    store.put("state", b"2", if_match=first.etag)
    for key in ("state", "never"):
        with pytest.raises(ObjectChangedError):
            store.put(key, b"3", if_match=first.etag)
    assert store.get("state")[0] == b"2"


def test_a_copy_is_of_one_version_and_may_have_other_metadata(store: ObjectStore) -> None:
    old = store.put("from", b"old", metadata={"a": "1"})
    store.put("from", b"new")
    assert store.copy("from", old.version_id, "kept").metadata == {"a": "1"}
    info = store.copy("from", old.version_id, "to", {"b": "2"})
    assert store.get("to", info.version_id)[0] == b"old"
    assert info.metadata == {"b": "2"}
    with pytest.raises(ObjectMissingError):
        store.copy("none", old.version_id, "to")


def test_listing_shows_current_objects_and_folders(store: ObjectStore) -> None:
    for key in ("p/a/1", "p/a/2", "p/b/1", "p/c", "q/x"):
        store.put(key, b"x")
    store.delete("p/a/2")
    assert sorted(info.key for info in store.list_objects("p/")) == ["p/a/1", "p/b/1", "p/c"]
    assert store.list_folders("p/") == ["p/a/", "p/b/"]
    assert list(store.list_objects("none/")) == []
    assert store.list_folders("none/") == []


def test_versions_are_listed_until_they_are_removed_for_good(store: ObjectStore) -> None:
    first, second = store.put("v/k", b"1"), store.put("v/k", b"22")
    store.delete("v/k")
    listed = list(store.list_versions("v/"))
    assert {v.version_id: v.size for v in listed if not v.is_delete_marker} == {
        first.version_id: 1,
        second.version_id: 2,
    }
    assert [v.is_latest for v in listed if v.is_delete_marker] == [True]
    assert store.head("v/k") is None
    for version in listed:
        store.delete("v/k", version.version_id)
        store.delete("v/k", version.version_id)
    assert list(store.list_versions("v/")) == []


@pytest.fixture(params=["memory", "s3"])
def spoilable(request: pytest.FixtureRequest) -> Iterator[tuple[ObjectStore, Callable[[str, str, int], None]]]:
    """A store, and how to make its server refuse to give an object."""
    if request.param == "memory":
        memory = MemoryStore()
        yield memory, lambda key, code, _: memory.make_unreadable(key, code)
        return
    settings: StoreSettings = request.getfixturevalue("s3_settings")
    with S3Proxy(int(str(settings.s3_endpoint).rsplit(":", 1)[1])) as proxy:
        yield S3Store(settings.model_copy(update={"s3_endpoint": proxy.url})), proxy.make_unreadable


@pytest.mark.parametrize(
    ("code", "status", "has_head", "others"),
    [
        pytest.param("InvalidObjectState", 403, True, True, id="archived"),
        pytest.param("InvalidObjectState", 403, True, False, id="archived, and alone"),
        pytest.param("AccessDenied", 403, False, True, id="denied, or its key is"),
        pytest.param("AccessDenied", 403, False, False, id="denied, and alone"),
        pytest.param("KMS.DisabledException", 400, False, True, id="its key is disabled"),
        pytest.param("InvalidRequest", 400, False, True, id="encrypted with a key of the uploader"),
        pytest.param("InternalError", 500, False, True, id="lost by the server", marks=pytest.mark.slow),
        pytest.param("IncompleteBody", 200, True, True, id="shorter than it says, each time", marks=pytest.mark.slow),
    ],
)
def test_an_object_that_alone_cannot_be_read_is_told_by_the_api_code(
    spoilable: tuple[ObjectStore, Callable[[str, str, int], None]],
    code: str,
    status: int,
    has_head: bool,
    others: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3, "_PAUSES", (0.01,))
    store, spoil = spoilable
    info = store.put("one/a", b"whole content")
    if others:
        store.put("one/b", b"readable")
    spoil("one/a", code, status)
    for read in (
        lambda: store.get("one/a"),
        lambda: store.get("one/a", info.version_id),
        lambda: store.download("one/a", tmp_path / "a"),
        lambda: store.copy("one/a", info.version_id, "two/a"),
    ):
        with pytest.raises(ObjectUnreadableError, match="'one/a'") as raised:
            read()
        assert raised.value.code == code
    if has_head:
        head = store.head("one/a")
        assert head is not None
        assert (
            replace(head, modified_at=info.modified_at) == info
        )  # a server's clock may have turned a second meanwhile
    else:
        with pytest.raises(ObjectUnreadableError) as raised:
            store.head("one/a")
        assert raised.value.code == code
    if others:
        assert store.get("one/b")[0] == b"readable"
    assert [each.key for each in store.list_objects("two/")] == []


def test_a_delete_marker_by_its_version_is_nothing_to_read(store: ObjectStore) -> None:
    store.put("gone", b"x")
    store.delete("gone")
    [marker] = [version for version in store.list_versions("gone") if version.is_delete_marker]
    assert store.head("gone", marker.version_id) is None
    with pytest.raises(ObjectMissingError):
        store.get("gone", marker.version_id)


@pytest.mark.parametrize("key", ["k/with space", "k/ünï", "k/{{ x }}", "k/a'b\"c", "k/+&=?#%41"])
def test_any_key_is_only_a_key(store: ObjectStore, key: str) -> None:
    info = store.put(key, b"x")
    assert [found.key for found in store.list_objects("k/")] == [key]
    assert store.copy(key, info.version_id, "copy").size == 1
    store.delete(key, info.version_id)
    assert store.head(key) is None


def test_the_bucket_is_versioned(store: ObjectStore) -> None:
    assert store.is_versioned()


@pytest.mark.parametrize(
    ("settings", "environment", "expected"),
    [
        ({"bucket": "no-such-bucket"}, {}, UsageError),
        ({}, {"AWS_SECRET_ACCESS_KEY": "wrong"}, UsageError),
        ({"s3_endpoint": "http://127.0.0.1:9"}, {}, TryAgainError),
    ],
)
def test_errors_say_who_has_to_act(
    settings: dict[str, str],
    environment: dict[str, str],
    expected: type[Exception],
    s3_settings: StoreSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    store = S3Store(s3_settings.model_copy(update=settings))
    with pytest.raises(expected):
        list(store.list_objects("x"))
    with pytest.raises(expected):
        store.get("x/y")
