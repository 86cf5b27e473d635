"""Parts of the warehouse on local disk: each downloaded once, by its key and etag, in a folder of bounded size.

    <folder>/parts/<hash>.parquet       a part; the time of the file says when it was used last
    <folder>/parts/<hash>.problem       why a part cannot be used, in a sentence
    <folder>/processes/<uuid>/          of one process: its downloads, and hard links to the parts in use
    <folder>/processes/<uuid>.lock      locked while that process lives; the next one that starts clears up

Several processes share the folder. A query links the parts that it reads into the folder of its process, so another may
drop a part from `parts/` at any time: its data stays until the query is done.
"""

import fcntl
import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from nightjar.errors import NightjarError, TryAgainError, UsageError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectStore, ObjectUnreadableError

_DOWNLOADS = 8  # at once
_TOGETHER = 64  # parts that are downloaded and then checked in one go
_LOCKS = 64


class PartChangedError(NightjarError):
    """A part is not there any more as it was listed: it went into `day.parquet`, or was written anew."""


class PartCache:
    """The parts in `folder`, at most `most_bytes` of them but for those in use. Safe to use from threads.

    `own` is a folder of this process on the same disk. Raises UsageError when `folder` cannot be written.
    """

    def __init__(self, store: ObjectStore, folder: Path, most_bytes: int) -> None:
        self._store, self._most_bytes = store, most_bytes
        self._parts = folder / "parts"
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
            self.own, self._alive = _own_folder(folder)
        except OSError as error:
            raise UsageError(f"expected a folder for the parts of the warehouse that can be written: {error}") from None
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._trimming = threading.Lock()

    def link(
        self, wanted: Mapping[Path, ObjectInfo], check: Callable[[Sequence[Path]], Mapping[Path, str]]
    ) -> dict[Path, str]:
        """Make each path of `wanted`, below `own`, that part's file; returns the problem of each part that is none.

        `check` says which of the files that were downloaded are no parts, and why. Raises PartChangedError when a part
        is not as it was listed, TryAgainError when the disk is full, and as the store does.
        """
        with _on_disk():
            return self._link(wanted, check)

    def _link(
        self, wanted: Mapping[Path, ObjectInfo], check: Callable[[Sequence[Path]], Mapping[Path, str]]
    ) -> dict[Path, str]:
        missing = [path for path, info in wanted.items() if not self.link_known(info, path)]
        problems: dict[Path, str] = {}
        for start in range(0, len(missing), _TOGETHER):
            some = {path: wanted[path] for path in missing[start : start + _TOGETHER]}
            with self._locks[hash(wanted[missing[start]].key) % _LOCKS]:  # who wants the same waits for it
                problems |= self._fetched(some, check)
        if missing:
            self._trim()
        return problems

    def link_known(self, info: ObjectInfo, path: Path) -> bool:
        """Make `path` the part's file if it is on local disk; whether it is.

        Raises TryAgainError where files cannot be linked, such as on a file system without hard links.
        """
        with _on_disk():
            try:
                os.link(self._path(info), path)
            except FileNotFoundError:
                return False
            os.utime(path)
            return True

    def keep(self, info: ObjectInfo, path: Path) -> None:
        """Keep the file at `path`, below `own`, as that of a part. Raises TryAgainError."""
        kept = self.own / uuid.uuid4().hex
        with _on_disk():
            os.link(path, kept)
            self._parts.mkdir(parents=True, exist_ok=True)  # somebody may have emptied the folder
            kept.replace(self._path(info))

    def condemn(self, info: ObjectInfo, problem: str) -> None:
        """Note that a part cannot be used, after it was found out in use. Raises TryAgainError."""
        with _on_disk():
            self._write_problem(info, problem)
            self._path(info).unlink(missing_ok=True)

    def _path(self, info: ObjectInfo, ending: str = "parquet") -> Path:
        return self._parts / f"{hashlib.sha256(f'{info.key} {info.etag}'.encode()).hexdigest()}.{ending}"

    def _fetched(
        self, wanted: Mapping[Path, ObjectInfo], check: Callable[[Sequence[Path]], Mapping[Path, str]]
    ) -> dict[Path, str]:
        missing = {path: info for path, info in wanted.items() if not self.link_known(info, path)}
        problems = {path: known for path, info in missing.items() if (known := self._known_problem(info))}
        new = {path: info for path, info in missing.items() if path not in problems}
        unreadable = list(in_parallel(lambda each: self._download(*each), new.items(), _DOWNLOADS))
        problems |= {path: why for path, why in zip(new, unreadable, strict=True) if why}
        there = [path for path in new if path not in problems]
        bad = check(there)
        for path in there:
            if path in bad:
                self.condemn(new[path], bad[path])
                path.unlink()
            else:
                self.keep(new[path], path)
        return {**problems, **bad}

    def _known_problem(self, info: ObjectInfo) -> str | None:
        try:
            return self._path(info, "problem").read_text()
        except FileNotFoundError:
            return None

    def _download(self, path: Path, info: ObjectInfo) -> str | None:
        """Why S3 does not give the part; this is not kept, since it may be restored."""
        try:
            came = self._store.download(info.key, path)
        except ObjectMissingError:
            raise PartChangedError(f"expected {info.key!r} as it was listed, it is gone") from None
        except ObjectUnreadableError as error:
            return str(error)
        if came.etag != info.etag:
            raise PartChangedError(f"expected {info.key!r} with etag {info.etag}, it has {came.etag}")
        return None

    def _write_problem(self, info: ObjectInfo, problem: str) -> None:
        written = self.own / uuid.uuid4().hex
        written.write_text(problem)
        self._parts.mkdir(parents=True, exist_ok=True)
        written.replace(self._path(info, "problem"))

    def _trim(self) -> None:
        """Drop what was used least recently, until the folder is within its bound; one thread at a time."""
        with self._trimming:
            files = sorted(_files(self._parts), key=lambda each: each[0])
            excess = sum(size for _, size, _ in files) - self._most_bytes
            for _, size, path in files:
                if excess <= 0:
                    break
                path.unlink(missing_ok=True)
                excess -= size

    def close(self) -> None:
        """Remove the folder of this process; the parts stay for the next one."""
        shutil.rmtree(self.own, ignore_errors=True)
        self.own.with_suffix(".lock").unlink(missing_ok=True)
        self._alive.close()


@contextmanager
def _on_disk() -> Iterator[None]:
    """Turns what the disk refuses, being full or read-only, into a TryAgainError."""
    try:
        yield
    except OSError as error:
        raise TryAgainError(f"parts of the warehouse cannot be kept on local disk: {error}") from None


def _files(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Time of last use in nanoseconds, size and path of each file; another process may remove some meanwhile."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                stat = entry.stat()
            except FileNotFoundError:
                continue
            yield stat.st_mtime_ns, stat.st_size, Path(entry.path)


def _own_folder(folder: Path) -> tuple[Path, IO[bytes]]:
    """A new folder for this process and its lock, after clearing up after processes that ended."""
    work = folder / "processes"
    work.mkdir(exist_ok=True)
    with _locked(folder / "lock"):
        _clear(work)
        name = uuid.uuid4().hex
        alive = (work / f"{name}.lock").open("wb")
        fcntl.flock(alive, fcntl.LOCK_EX)
        own = work / name
        own.mkdir()
        return own, alive


def _clear(work: Path) -> None:
    for lock in work.glob("*.lock"):
        with suppress(FileNotFoundError), lock.open("rb") as file:  # a process that ends removes its own
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its process lives
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
