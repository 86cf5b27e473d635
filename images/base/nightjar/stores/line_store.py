"""The base of the stores of JSON lines, validations and detections.

    <store>/<maker>/YYYY/MM/DD/<user>-<device>/<run>.jsonl      written by one run
                                              /<run>.<n>.jsonl  where the camera spans several shards of the run
                                              /day.jsonl        made by history of all files of the day

`<maker>` is the id of what decides the lines: of a detector or a validator. A folder is read whole whether it is
compacted or not: if several files have a line about the same thing, the line in the newest file wins.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Generic, TypeVar

from nightjar.domain.layout import day_path, last_segment
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.names import Camera, NameRefused
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.manifests import jsonl, read_lines, write_bytes
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.erasure import camera_folder, erase_versions, is_of
from nightjar.stores.runs import HISTORY

log = logging.getLogger(__name__)

WHOLE_DAY = "day.jsonl"
_TRIES = 5
_READERS = 8
# A live run reads a compacted day only up to this size: what it costs must not grow with the day.
_LARGEST_KNOWN_DAY = 8 << 20

L = TypeVar("L", bound=Stored)


@dataclass(frozen=True, order=True)
class Place:
    """A folder of a line store: that of one maker, camera and UTC day."""

    maker: str
    camera: Camera
    day: date


@dataclass(frozen=True)
class RunShard:
    """Who writes: a shard of a run. Only a history run looks at everything that is known."""

    run: str
    shard: str
    is_history: bool

    @classmethod
    def of(cls, run_prefix: str, shard_prefix: str) -> "RunShard":
        """From the prefixes `runs/<dag>/<run>/` and `…/<shard>/`."""
        *_, dag, run = run_prefix.rstrip("/").split("/")
        return cls(run, last_segment(shard_prefix), dag == HISTORY)

    def file(self, camera: Camera) -> str:
        """The name of its file about `camera`. Only where a camera spans several shards are these told apart."""
        part = self.shard.removeprefix(camera.name) if self.shard.startswith(f"{camera.name}.") else ""
        return f"{self.run}{part}.jsonl"


class LineStore(ABC, Generic[L]):
    """JSON lines of one kind, by maker, camera and day. Safe to use from threads.

    `TOP` is the folder of the store, `KIND` the kind of its lines; lines about the same thing share an `identity`.
    """

    TOP: ClassVar[str]
    KIND: type[L]

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @staticmethod
    @abstractmethod
    def identity(line: L) -> tuple[str, ...]:
        """Equal for lines about the same thing, of which the newest counts; lines are sorted by it."""

    @classmethod
    def prevails(cls, newer: L, older: L) -> bool:
        """Whether `newer` counts, of two lines about the same thing from two files."""
        return True

    def write(self, place: Place, writer: RunShard, lines: Iterable[L]) -> ObjectRef:
        """Write the file of `writer` at `place`, as a whole; the same lines a second time make no new version."""
        return self._write(f"{self._folder(place)}{writer.file(place.camera)}", lines)

    def add(self, place: Place, writer: RunShard, lines: Iterable[L]) -> ObjectRef:
        """Write `lines` beside those that the file of `writer` already has, in place of those about the same thing."""
        key = f"{self._folder(place)}{writer.file(place.camera)}"
        before = read_lines(self._store, key, self.KIND)[0] if self._store.head(key) else []
        return self._write(key, self._newest([before, lines]))

    def read(self, place: Place) -> list[L]:
        """All lines at `place`, in a stable order. Raises InputError for a line that is not of this store."""
        return self._snapshot(place)[1]

    def files(self, place: Place) -> list[ObjectInfo]:
        """The files at `place`, oldest first: of lines about the same thing, that of the last one counts."""
        return self._files(self._folder(place))

    def lines_of(self, info: ObjectInfo) -> list[L]:
        """The lines of one of `files`; raises InputError for a line that is not of this store."""
        return read_lines(self._store, info.key, self.KIND)[0]

    def read_object(self, ref: ObjectRef) -> list[L]:
        """The lines of one file, in the version that a manifest names; raises InputError when it is not there."""
        return read_lines(self._store, ref.key, self.KIND, ref.version_id)[0]

    def known(self, place: Place, reader: RunShard) -> list[L]:
        """The lines at `place` that `reader` may use again, those of older files first; unreadable ones are left out.

        History looks at everything. Footage is in one batch only, so a live run looks at its own file, or else at the
        compacted day, if that is not too large: its cost is not to grow with the files of the day's other runs.
        """
        folder = self._folder(place)
        if reader.is_history:
            files = self._files(folder)
        elif own := self._store.head(f"{folder}{reader.file(place.camera)}"):
            files = [own]
        else:
            day = self._store.head(f"{folder}{WHOLE_DAY}")
            files = [day] if day and day.size <= _LARGEST_KNOWN_DAY else []
        return [line for lines in in_parallel(self._readable, files, _READERS) for line in lines]

    def holds(self, key: str) -> bool:
        """Whether `key` is that of a file of lines in this store."""
        return key.startswith(self.TOP) and key.endswith(".jsonl")

    def place(self, key: str) -> Place:
        """The place of a file of this store; raises InputError for a key that is not that of one."""
        parts = key.removeprefix(self.TOP).split("/")
        try:
            maker, year, month, day, camera, _ = parts
            return Place(maker, Camera.parse(camera), date(int(year), int(month), int(day)))
        except ValueError:
            raise InputError(f"expected {self.TOP}<maker>/YYYY/MM/DD/<user>-<device>/<file>, got {key!r}") from None

    def objects_among(self, refs: Iterable[ObjectRef]) -> list[ObjectRef]:
        """Those of `refs`, the objects of a manifest, that are files of this store, by key."""
        return sorted((ref for ref in refs if self.holds(ref.key)), key=lambda ref: ref.key)

    def makers(self) -> list[str]:
        """The ids of all makers that have lines here; those of release 0.1 are image tags."""
        return [last_segment(folder) for folder in self._store.list_folders(self.TOP)]

    def places(self, maker: str, first: date, last: date, cameras: Collection[Camera] | None = None) -> Iterator[Place]:
        """Where `maker` has lines from `first` to `last` (both included), by day and camera; of `cameras` or of all."""
        for day in self._days(maker, first, last):
            for folder in self._store.list_folders(f"{self.TOP}{maker}/{day_path(day)}/"):
                try:
                    camera = Camera.parse(last_segment(folder))
                except NameRefused as error:
                    raise InputError(f"expected a folder of a camera at {folder!r}: {error}") from None
                if cameras is None or camera in cameras:
                    yield Place(maker, camera, day)

    def days(self, maker: str, first: date, last: date) -> Iterator[date]:
        """The days from `first` to `last` (both included) of which `maker` has lines, in order."""
        return self._days(maker, first, last)

    def compact(self, place: Place) -> ObjectRef | None:
        """Make one file, `day.jsonl`, of all files at `place`; that file, or None when there is nothing.

        Nothing is lost whenever this is stopped, and a live run may add a file meanwhile: what is removed was read
        before, stands in `day.jsonl` by then, and has not changed since. Removal puts delete markers, so that every
        version can still be read. Raises TryAgainError when another compaction got in between.
        """
        files, lines = self._snapshot(place)
        if not files:
            return None
        target = f"{self._folder(place)}{WHOLE_DAY}"
        before = next((info for info in files if info.key == target), None)
        now = self._store.head(target)
        if (now.etag if now else None) != (before.etag if before else None):
            raise TryAgainError(f"expected {target!r} as it was read, another compaction rewrote it")
        written = self._write(target, lines)
        for info in files:
            if info.key != target:
                self._remove(info)
        return written

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of every file about a user (or about one camera); their number."""
        return erase_versions(
            self._store, self.TOP, lambda key: self.holds(key) and is_of(camera_folder(key), user, device)
        )

    def _folder(self, place: Place) -> str:
        return f"{self.TOP}{place.maker}/{day_path(place.day)}/{place.camera.name}/"

    def _write(self, key: str, lines: Iterable[L]) -> ObjectRef:
        return write_bytes(self._store, key, b"".join(jsonl(lines)), content_type="application/x-ndjson")

    def _files(self, folder: str) -> list[ObjectInfo]:
        """The files in `folder`, oldest first; `day.jsonl` before those of the same second, which it cannot hold."""
        files = (info for info in self._store.list_objects(folder) if info.key.endswith(".jsonl"))
        return sorted(files, key=lambda info: (info.modified_at, not info.key.endswith(f"/{WHOLE_DAY}"), info.key))

    def _newest(self, files: Iterable[Iterable[L]]) -> list[L]:
        """The lines of `files`, given oldest first; of lines about the same thing the newest, if it prevails."""
        newest: dict[tuple[str, ...], L] = {}
        for line in (line for lines in files for line in lines):
            older = newest.setdefault(self.identity(line), line)
            if older is not line and self.prevails(line, older):
                newest[self.identity(line)] = line
        return [newest[identity] for identity in sorted(newest)]

    def _snapshot(self, place: Place) -> tuple[Sequence[ObjectInfo], list[L]]:
        folder = self._folder(place)
        for _ in range(_TRIES):
            files = self._files(folder)
            try:
                contents = in_parallel(lambda i: read_lines(self._store, i.key, self.KIND)[0], files, _READERS)
                return files, self._newest(contents)
            except InputError:
                if all(self._store.head(info.key) for info in files):
                    raise
        raise TryAgainError(f"expected the files below {folder!r} to stay, some vanished while they were read")

    def _readable(self, info: ObjectInfo) -> list[L]:
        """The lines of a file; none when they cannot be read, or history compacted them since they were listed."""
        try:
            return read_lines(self._store, info.key, self.KIND)[0]
        except InputError as error:
            log.warning("these lines are computed again: %s", error)
            return []

    def _remove(self, info: ObjectInfo) -> None:
        now = self._store.head(info.key)
        if now is None:
            return
        if now.etag != info.etag:
            log.warning("kept, since it changed while it was compacted: %s", info.key)
            return
        self._store.delete(info.key)

    def _days(self, maker: str, first: date, last: date) -> Iterator[date]:
        """The days with a folder, without descending into years and months outside of the bounds."""
        stack: list[tuple[str, tuple[int, ...]]] = [(f"{self.TOP}{maker}/", ())]
        while stack:
            prefix, parts = stack.pop()
            if len(parts) == 3:
                try:
                    yield date(*parts)
                except ValueError:
                    raise InputError(f"expected a folder of a day, got {prefix!r}") from None
                continue
            for folder in reversed(self._store.list_folders(prefix)):
                name = last_segment(folder)
                if not (name.isascii() and name.isdigit()):
                    raise InputError(f"expected a folder of a year, month or day, got {folder!r}")
                deeper = (*parts, int(name))
                size = len(deeper)
                if first.timetuple()[:size] <= deeper <= last.timetuple()[:size]:
                    stack.append((folder, deeper))
