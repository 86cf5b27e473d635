"""An object store that stops a program at one of its writes, as a kill does."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo

T = TypeVar("T")


class Stopping(MemoryStore):
    """A store that stops whoever makes the write number `stops_at`, before or after it was made."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self._counting = threading.Lock()
        self.stops_at: int | None = None
        self.after = False

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        return self._write(lambda: super(Stopping, self).put(key, data, **options))

    def delete(self, key: str, version_id: str | None = None) -> None:
        self._write(lambda: super(Stopping, self).delete(key, version_id))

    def _write(self, write: Callable[[], T]) -> T:
        with self._counting:
            number, self.writes = self.writes, self.writes + 1
        if number == self.stops_at and not self.after:
            raise Cut
        done = write()
        if number == self.stops_at:
            raise Cut
        return done


class Cut(Exception):  # noqa: N818 - it is no error
    """The program was killed."""
