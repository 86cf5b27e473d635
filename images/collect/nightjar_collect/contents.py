"""Reads received objects within bounds: small ones in memory, large ones one at a time on the pod's disk."""

import hashlib
import mmap
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nightjar.runtime.store import ObjectStore
from nightjar_collect.parts import Buffer, Extent

# Up to this size an object is held in memory, once for each transfer at work.
IN_MEMORY = 16 << 20
_one_large_file = threading.Lock()  # on the pod's disk at a time


@dataclass(frozen=True)
class Place:
    """Where a version is, and how large it is."""

    key: str
    version_id: str
    size: int


@dataclass(frozen=True)
class Content:
    """A version that was read. No `data`: it is too large to hold."""

    sha256: str  # empty: not read
    data: bytes | None


class Contents:
    """Reads versions; safe to use from threads. Every method raises ObjectMissingError and ObjectUnreadableError."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self, place: Place) -> Content:
        """The content at `place`."""
        with self._opened(place) as data:
            return Content(hashlib.sha256(data).hexdigest(), data if isinstance(data, bytes) else None)

    def extent(self, place: Place) -> Extent:
        """How far the object at `place` is written."""
        with self._opened(place) as data:
            return Extent.of(data)

    def holds(self, place: Place, part: Extent) -> bool:
        """Whether the object at `place` holds `part`."""
        with self._opened(place) as data:
            return part.is_in(data)

    @contextmanager
    def _opened(self, place: Place) -> Iterator[Buffer]:
        if place.size <= IN_MEMORY:
            yield self._store.get(place.key, place.version_id)[0]
            return
        with _one_large_file, tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "object"
            self._store.download(place.key, path, place.version_id)
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield data
