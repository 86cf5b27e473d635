"""Parts on local disk: downloaded once, least recently used go, files in use stay, several processes."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from nightjar.errors import TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from nightjar.stores.part_cache import PartCache, PartChangedError

Opened = Callable[[MemoryStore], PartCache]


class Counting(MemoryStore):
    """A store that counts downloads; on a disk that is `full`."""

    downloads, full = 0, False

    def download(self, key: str, path: Path, version_id: str | None = None) -> ObjectInfo:
        self.downloads += 1
        if self.full:
            raise OSError(28, "No space left on device")
        return super().download(key, path, version_id)


def fine(paths: Sequence[Path]) -> dict[Path, str]:
    del paths
    return {}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens the folder, for at most 100 bytes of parts, as a process does."""
    caches: list[PartCache] = []

    def opening(store: MemoryStore) -> PartCache:
        caches.append(PartCache(store, tmp_path, 100))
        return caches[-1]

    yield opening
    for cache in caches:
        cache.close()


def linked(
    cache: PartCache, *infos: ObjectInfo, check: Callable[[Sequence[Path]], Mapping[Path, str]] = fine
) -> list[str]:
    """The contents of the parts, or why one is none."""
    paths = {cache.own / uuid.uuid4().hex: info for info in infos}
    problems = cache.link(paths, check)
    return [problems[path] if path in problems else path.read_text() for path in paths]


def kept(folder: Path) -> int:
    return len(list((folder / "parts").iterdir()))


def test_a_part_is_downloaded_once_by_key_and_etag(opened: Opened) -> None:
    store = Counting()
    one, two = store.put("a", b"1"), store.put("b", b"1")
    first, second = opened(store), opened(store)  # as in two processes
    assert [linked(first, one, two), linked(second, one, two), linked(first, one)] == [["1", "1"], ["1", "1"], ["1"]]
    assert store.downloads == 2
    assert linked(second, store.put("a", b"2")) == ["2"]
    assert store.downloads == 3


def test_the_least_recently_used_go_and_files_in_use_stay(tmp_path: Path, opened: Opened) -> None:
    store = Counting()
    infos = [store.put(name, name.encode() * 40) for name in "abc"]
    cache = opened(store)
    in_use = cache.own / "in-use"
    cache.link({in_use: infos[0]}, fine)
    os.utime(in_use, (1, 1))
    linked(cache, infos[1])
    linked(cache, infos[2])
    assert (kept(tmp_path), in_use.read_text()) == (2, "a" * 40)
    linked(cache, infos[1])
    linked(cache, infos[2])
    assert store.downloads == 3
    linked(cache, infos[0])
    assert store.downloads == 4


def test_more_parts_than_the_bound_are_all_there_for_who_asked(tmp_path: Path, opened: Opened) -> None:
    store = Counting()
    infos = [store.put(name, name.encode() * 40) for name in "abcdef"]
    assert linked(opened(store), *infos) == [name * 40 for name in "abcdef"]
    assert kept(tmp_path) == 2


def test_a_problem_is_kept_like_a_part_and_a_part_can_be_condemned(opened: Opened) -> None:
    store = Counting()
    bad, good = store.put("bad", b"1"), store.put("good", b"2")
    cache = opened(store)

    def check(paths: Sequence[Path]) -> dict[Path, str]:
        return {path: "no part" for path in paths if path.read_text() == "1"}

    assert linked(cache, bad, good, check=check) == ["no part", "2"]
    assert linked(cache, bad, good) == ["no part", "2"]
    assert store.downloads == 2
    cache.condemn(good, "damaged")
    assert linked(cache, good) == ["damaged"]


def test_a_part_that_changed_or_went_is_told(opened: Opened) -> None:
    store = Counting()
    cache = opened(store)
    listed = store.put("a", b"1")
    store.put("a", b"2")
    with pytest.raises(PartChangedError, match="it has"):
        linked(cache, listed)
    store.delete("a")
    with pytest.raises(PartChangedError, match="it is gone"):
        linked(cache, listed)


def test_a_full_disk_is_told(opened: Opened) -> None:
    store = Counting()
    store.full = True
    with pytest.raises(TryAgainError, match=r"cannot be kept on local disk: .*No space left"):
        linked(opened(store), store.put("a", b"1"))


def test_a_disk_that_links_no_files_is_told(opened: Opened) -> None:
    store = Counting()
    info = store.put("a", b"1")
    cache = opened(store)
    assert linked(cache, info) == ["1"]
    taken = cache.own / "taken"
    taken.write_text("")
    with pytest.raises(TryAgainError, match="cannot be kept on local disk"):
        cache.link({taken: info}, fine)


def test_a_folder_that_somebody_emptied_is_filled_again(tmp_path: Path, opened: Opened) -> None:
    store = Counting()
    cache, info = opened(store), store.put("a", b"1")
    linked(cache, info)
    shutil.rmtree(tmp_path / "parts")
    assert linked(cache, info) == ["1"]
    assert (store.downloads, kept(tmp_path)) == (2, 1)


def test_a_folder_that_is_none_any_more_is_told(tmp_path: Path, opened: Opened) -> None:
    store = Counting()
    cache, info = opened(store), store.put("a", b"1")
    shutil.rmtree(tmp_path / "parts")
    (tmp_path / "parts").write_text("a file in its place")
    with pytest.raises(TryAgainError, match="cannot be kept on local disk"):
        linked(cache, info)
    with pytest.raises(TryAgainError, match="cannot be kept on local disk"):
        cache.condemn(info, "damaged")


def test_the_next_process_clears_up_after_one_that_ended(tmp_path: Path, opened: Opened) -> None:
    cache, dead = opened(Counting()), opened(Counting())
    dead._alive.close()  # as when it is killed
    third = opened(Counting())
    folders = {path for path in (tmp_path / "processes").iterdir() if path.is_dir()}
    assert folders == {cache.own, third.own}
    third.close()
    cache.close()
    assert list((tmp_path / "processes").iterdir()) == []
