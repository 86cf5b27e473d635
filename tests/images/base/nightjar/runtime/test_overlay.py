"""The overlay: a bucket of given versions to whoever works on it, and one that is only read to everybody else."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.overlay import GIVEN, OverlayStore, given_lines, open_overlay
from nightjar.runtime.store import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectStore,
)

PLACE = "again/1/"
ABSENT = "0123456789abcdef0123456789abcdef"


@pytest.fixture(params=["memory", "s3"])
def base(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    yield MemoryStore() if request.param == "memory" else request.getfixturevalue("s3_store")


class World:
    """A bucket with two versions of `a/one`, of which the first is given, and with `a/other`, which is not."""

    def __init__(self, base: ObjectStore) -> None:
        self.base = base
        self.first = base.put("a/one", b"first", metadata={"sha256": "1"})
        self.second = base.put("a/one", b"second")
        base.put("a/other", b"other")
        base.put(f"{PLACE}{GIVEN}", given_lines([("a/one", self.first.version_id)]))
        self.before = self.outside()
        self.store = open_overlay(base, PLACE)

    def outside(self) -> dict[tuple[str, str], bool]:
        """Every version outside of the overlay's place, and whether it is the current one."""
        return {
            (version.key, version.version_id): version.is_latest
            for version in self.base.list_versions("")
            if not version.key.startswith(PLACE)
        }


@pytest.fixture
def world(base: ObjectStore) -> Iterator[World]:
    world = World(base)
    yield world
    assert world.outside() == world.before


def test_the_given_version_is_read_as_it_was(world: World, tmp_path: Path) -> None:
    for version in (None, world.first.version_id):
        data, info = world.store.get("a/one", version)
        assert (data, info.key, info.version_id, info.etag) == (
            b"first",
            "a/one",
            world.first.version_id,
            world.first.etag,
        )
        assert world.store.head("a/one", version) == info
        assert info.modified_at == world.first.modified_at.replace(microsecond=info.modified_at.microsecond)
        assert world.store.get_range("a/one", 1, 2, version) == b"ir"
        assert world.store.download("a/one", tmp_path / "one", version).size == 5


@pytest.mark.parametrize("key", ["a/other", "a/none", "a/on", "a/one/"])
def test_nothing_else_can_be_seen(world: World, key: str) -> None:
    assert world.store.head(key) is None
    with pytest.raises(ObjectMissingError):
        world.store.get(key)


def test_another_version_of_a_given_object_cannot_be_seen(world: World) -> None:
    assert world.store.head("a/one", world.second.version_id) is None
    with pytest.raises(ObjectMissingError):
        world.store.get("a/one", world.second.version_id)


def test_a_write_is_seen_from_then_on_and_the_given_version_stays_readable(world: World) -> None:
    written = world.store.put("a/one", b"mine", metadata={"sha256": "2"})
    assert (written.key, world.store.get("a/one")[0]) == ("a/one", b"mine")
    assert world.store.get("a/one", world.first.version_id)[0] == b"first"
    assert world.store.get("a/one", written.version_id)[0] == b"mine"
    assert [info.key for info in world.store.list_objects("a/")] == ["a/one"]
    assert world.base.get(f"{PLACE}store/a/one")[0] == b"mine"
    assert open_overlay(world.base, PLACE).get("a/one")[0] == b"mine"  # another program sees it too


def of_given(world: World) -> ObjectInfo:
    return world.store.put("a/one", b"new", if_match=world.first.etag)


def of_written(world: World) -> ObjectInfo:
    return world.store.put("a/one", b"new", if_match=world.store.put("a/one", b"mine").etag)


def of_removed(world: World) -> ObjectInfo:
    world.store.delete("a/one")
    return world.store.put("a/one", b"new", if_absent=True)


def of_new(world: World) -> ObjectInfo:
    return world.store.put("a/new", b"new", if_absent=True)


def of_hidden(world: World) -> ObjectInfo:
    return world.store.put("a/other", b"new", if_absent=True)


@pytest.mark.parametrize("write", [of_given, of_written, of_removed, of_new, of_hidden])
def test_a_write_whose_condition_holds(world: World, write: Callable[[World], ObjectInfo]) -> None:
    info = write(world)
    assert world.store.get(info.key)[0] == b"new"


def removed(world: World) -> ObjectInfo:
    world.store.delete("a/one")
    return world.store.put("a/one", b"new", if_match=world.first.etag)


def twice(world: World) -> ObjectInfo:
    of_given(world)
    return of_given(world)


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda world: world.store.put("a/one", b"x", if_absent=True), ObjectExistsError),
        (lambda world: world.store.put("a/one", b"x", if_match=world.second.etag), ObjectChangedError),
        (lambda world: world.store.put("a/other", b"x", if_match=world.second.etag), ObjectChangedError),
        (removed, ObjectChangedError),
        (twice, ObjectChangedError),
    ],
)
def test_a_write_whose_condition_does_not_hold(
    world: World, write: Callable[[World], ObjectInfo], error: type[Exception]
) -> None:
    with pytest.raises(error):
        write(world)


@pytest.mark.parametrize("by_version", [False, True])
def test_a_removed_object_is_gone_for_whoever_works_there_only(world: World, by_version: bool) -> None:
    world.store.delete("a/one", world.first.version_id if by_version else None)
    assert world.store.head("a/one") is None
    assert list(world.store.list_objects("")) == []
    assert world.store.list_folders("") == []
    with pytest.raises(ObjectMissingError):
        world.store.get("a/one")


def test_removing_other_versions_and_other_objects_touches_nothing_outside(world: World) -> None:
    world.store.delete("a/one", world.second.version_id)
    world.store.delete("a/other")
    new = world.store.put("a/new", b"x")
    world.store.delete("a/new", new.version_id)
    assert world.store.head("a/new") is None
    assert world.store.get("a/one")[0] == b"first"


def test_copies_go_below_the_place(world: World) -> None:
    copied = world.store.copy("a/one", world.first.version_id, "b/copy", {"from": "one"})
    assert world.store.get("b/copy", copied.version_id)[0] == b"first"
    again = world.store.copy("b/copy", copied.version_id, "b/again")
    assert (again.key, dict(again.metadata)) == ("b/again", {"from": "one"})
    with pytest.raises(ObjectMissingError):
        world.store.copy("a/other", ABSENT, "b/other")


def test_listings_hold_what_is_given_and_what_is_written(world: World) -> None:
    world.store.put("a/b/two", b"")  # empty, and no removal
    world.store.put("c", b"three")
    assert sorted((info.key, info.size) for info in world.store.list_objects("")) == [
        ("a/b/two", 0),
        ("a/one", 5),
        ("c", 5),
    ]
    assert world.store.list_folders("") == ["a/"]
    assert world.store.list_folders("a/") == ["a/b/"]
    versions = {(version.key, version.is_latest) for version in world.store.list_versions("a/")}
    assert versions == {("a/b/two", True), ("a/one", True)}
    world.store.put("a/one", b"mine")
    mine = [version for version in world.store.list_versions("a/one") if version.is_latest]
    assert [version.size for version in mine] == [4]
    assert world.store.is_versioned() == world.base.is_versioned()


def test_the_last_of_several_versions_counts_and_one_that_was_erased_is_missing(base: ObjectStore) -> None:
    versions = [base.put("k", body).version_id for body in (b"1", b"22", b"333")]
    store = OverlayStore(base, "p/", {"k": (versions[2], versions[0])})
    assert store.get("k")[0] == b"1"
    assert store.get("k", versions[2])[0] == b"333"
    base.delete("k", versions[0])
    assert store.head("k") is None
    assert list(store.list_objects("k")) == []
    assert store.put("k", b"new", if_absent=True).size == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"{}\n", "line 1"),
        (b'{"as_of": "soon"}\n', "line 1"),
        (b"[]\n", "line 1"),
        (b'{"key": "a", "version_id": "v"}\nnonsense', "line 2"),
    ],
)
def test_a_list_of_given_versions_that_is_none(text: bytes, expected: str) -> None:
    store = MemoryStore()
    with pytest.raises(InputError, match="found none"):
        open_overlay(store, PLACE)
    store.put(f"{PLACE}{GIVEN}", text)
    with pytest.raises(InputError, match=expected):
        open_overlay(store, PLACE)
