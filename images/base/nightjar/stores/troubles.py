"""Troubles of cameras and of the deployment, and which of them are open or have to be told.

    troubles/<user>-<device>/<kind>.json   Trouble of a camera
    troubles/operator/<kind>.json          Trouble of the deployment
    troubles/open/<about>.<kind>           no content: this trouble is open
    troubles/news/<about>.<kind>           no content: this trouble may have a notice to send

The empty objects are written after the trouble that they point at, so they may lack for a moment or be left over, and
doing the same again puts that right. With them, finding what is open or new costs as much as is open or new.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from nightjar.domain.layout import last_segment
from nightjar.domain.names import Camera, NameRefused
from nightjar.domain.troubles import OPERATOR, Notice, Trouble, ended, opened, told
from nightjar.errors import TryAgainError
from nightjar.runtime.current import read_current, replace_current
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore, VersionInfo
from nightjar.stores.erasure import erase_versions, is_of

TROUBLES = "troubles/"
_OPEN, _NEWS = f"{TROUBLES}open/", f"{TROUBLES}news/"
_TRIES = 10
_READERS = 16


@dataclass(frozen=True)
class StoredTrouble:
    """A trouble as it was read. `etag` is that of its object."""

    trouble: Trouble
    etag: str


@dataclass(frozen=True)
class News:
    """A trouble that may have a notice to send, found by the versions `markers` of an empty object."""

    stored: StoredTrouble
    markers: tuple[VersionInfo, ...]


class Troubles:
    """Opens and ends troubles, and finds them. Safe to use from threads and from several programs."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def open(self, trouble: Trouble) -> bool:
        """Note that `trouble` holds; whether that is new. Doing it again changes nothing."""
        changed = self._change(trouble.about, trouble.kind, lambda before: opened(before, trouble))
        if changed or self._is_untold(trouble.about, trouble.kind):
            self._mark(trouble.about, trouble.kind, is_open=True)
        return changed

    def end(self, about: str, kind: str, now: datetime) -> bool:
        """Note that the trouble is over; whether it was open. Doing it again changes nothing."""
        changed = self._change(about, kind, lambda before: ended(before, now))
        if changed or self._is_untold(about, kind):
            self._mark(about, kind, is_open=False)
        return changed

    def key(self, about: str, kind: str) -> str:
        """Where a trouble of a camera, or of the deployment, is."""
        return _key(about, kind)

    def find(self, about: str, kind: str) -> StoredTrouble | None:
        """The trouble as it is stored; None when it never came up."""
        current = read_current(self._store, _key(about, kind), Trouble)
        return StoredTrouble(*current) if current else None

    def of(self, about: str) -> list[Trouble]:
        """All troubles that a camera, or the deployment, has or had, by kind."""
        kinds = sorted(_kind_in(info.key) for info in self._store.list_objects(f"{TROUBLES}{about}/"))
        stored = in_parallel(lambda kind: self.find(about, kind), kinds, _READERS)
        return [each.trouble for each in stored if each]

    def all_open(self, most: int) -> list[Trouble]:
        """At most `most` troubles that are open, by whom they are about and kind."""
        return self._open_below(_OPEN, most)

    def open_of(self, about: str, most: int, kind: str = "") -> list[Trouble]:
        """At most `most` open troubles of a camera, or of the deployment, whose kind begins with `kind`, by kind."""
        return self._open_below(f"{_OPEN}{about}.{kind}", most)

    def open_kinds(self, most: int) -> dict[str, list[str]]:
        """The kinds of at most `most` open troubles, by whom they are about: a listing, without reading any of them."""
        kinds = defaultdict[str, list[str]](list)
        for key in sorted(info.key for info in islice(self._store.list_objects(_OPEN), most)):
            about, _, kind = last_segment(key).partition(".")
            kinds[about].append(kind)
        return dict(kinds)

    def _open_below(self, prefix: str, most: int) -> list[Trouble]:
        keys = sorted(info.key for info in islice(self._store.list_objects(prefix), most))
        stored = in_parallel(self._behind, keys, _READERS)
        return [each.trouble for each in stored if each and each.trouble.is_open]

    def news(self, most: int) -> Iterator[News]:
        """At most `most` troubles that may have a notice to send, those that were marked first first."""
        markers: dict[str, list[VersionInfo]] = defaultdict(list)
        for version in self._store.list_versions(_NEWS):
            markers[version.key].append(version)
        oldest = sorted(markers, key=lambda key: (min(v.modified_at for v in markers[key]), key))[:most]
        for key, stored in zip(oldest, in_parallel(self._behind, oldest, _READERS), strict=True):
            if stored:
                yield News(stored, tuple(markers[key]))

    def record(self, stored: StoredTrouble, trouble: Trouble) -> StoredTrouble | None:
        """Write `trouble` in place of `stored`; None when another program changed it meanwhile."""
        key = _key(trouble.about, trouble.kind)
        if not replace_current(self._store, key, trouble, stored.etag):
            return None
        return self.find(trouble.about, trouble.kind)

    def settle(self, news: News, notice: Notice, now: datetime) -> None:
        """Note that `notice` was dealt with, and that there is no news any more, unless there is by now."""
        trouble = news.stored.trouble
        number = trouble.number
        self._change(
            trouble.about,
            trouble.kind,
            lambda before: told(before, notice, now) if before and before.number == number else None,
        )
        self.drop(news)

    def drop(self, news: News) -> None:
        """Take news that nothing is to be told of out of the list; not those that came after."""
        now = self.find(news.stored.trouble.about, news.stored.trouble.kind)
        if now is None or now.trouble.due is None:
            for marker in news.markers:
                self._store.delete(marker.key, marker.version_id)

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of the troubles of a user (or of one camera); how many versions those were."""
        return erase_versions(self._store, TROUBLES, lambda key: is_of(_camera(key), user, device))

    def _change(self, about: str, kind: str, change: Callable[[Trouble | None], Trouble | None]) -> bool:
        key = _key(about, kind)
        for _ in range(_TRIES):
            current = read_current(self._store, key, Trouble)
            before, etag = current if current else (None, None)
            after = change(before)
            if after is None or after == before:
                return False
            if replace_current(self._store, key, after, etag):
                return True
        raise TryAgainError(f"expected {key!r} to hold still, other programs wrote it {_TRIES} times in a row")

    def _is_untold(self, about: str, kind: str) -> bool:
        stored = self.find(about, kind)
        return stored is not None and stored.trouble.due is not None

    def _mark(self, about: str, kind: str, *, is_open: bool) -> None:
        name = f"{about}.{kind}"
        if is_open:
            self._put(f"{_OPEN}{name}")
        self._put(f"{_NEWS}{name}")
        if not is_open:
            self._remove(f"{_OPEN}{name}")

    def _put(self, key: str) -> None:
        self._store.put(key, b"")

    def _remove(self, key: str) -> None:
        """For good: delete markers would only make listings longer."""
        for version in list(self._store.list_versions(key)):
            if version.key == key:
                self._store.delete(key, version.version_id)

    def _behind(self, key: str) -> StoredTrouble | None:
        """The trouble that the empty object at `key` points at; None for one that points at none."""
        about, _, kind = last_segment(key).partition(".")
        return self.find(about, kind)


def _key(about: str, kind: str) -> str:
    return f"{TROUBLES}{about}/{kind}.json"


def _kind_in(key: str) -> str:
    return last_segment(key).removesuffix(".json")


def _camera(key: str) -> Camera | None:
    """Whose trouble is at `key`, or is pointed at by it; None for one of the deployment."""
    folder, _, name = key.removeprefix(TROUBLES).partition("/")
    about = name.partition(".")[0] if f"{TROUBLES}{folder}/" in (_OPEN, _NEWS) else folder
    try:
        return None if about == OPERATOR else Camera.parse(about)
    except NameRefused:
        return None
