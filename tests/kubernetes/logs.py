"""The log of one container: written by its process, read by any number of clients while it grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta


class ContainerLog:
    """Lines with the time at which they came; `delay` seconds pass before each line is given to a reader."""

    def __init__(self, delay: float = 0.0) -> None:
        self._delay = delay
        self._lines: list[tuple[datetime, bytes]] = []
        self._closed = False
        self._grown = threading.Condition()

    def append(self, line: bytes) -> None:
        """Add a line, without its newline."""
        with self._grown:
            self._lines.append((datetime.now(UTC), line))
            self._grown.notify_all()

    def close(self) -> None:
        """Nothing more will come: readers that follow get to the end."""
        with self._grown:
            self._closed = True
            self._grown.notify_all()

    def tail(self, lines: int, size: int) -> str:
        """The last `lines` lines, cut from the left to `size` bytes."""
        with self._grown:
            last = b"\n".join(line for _, line in self._lines[-lines:])
        return last[-size:].decode(errors="replace")

    def read(
        self,
        *,
        follow: bool = False,
        timestamps: bool = False,
        since_seconds: int | None = None,
        tail_lines: int | None = None,
    ) -> Iterator[bytes]:
        """The lines, each with its newline; with `follow` until the container ends."""
        oldest = datetime.now(UTC) - timedelta(seconds=since_seconds) if since_seconds else None
        position = max(len(self._lines) - tail_lines, 0) if tail_lines is not None else 0
        while True:
            with self._grown:
                while follow and not self._closed and position >= len(self._lines):
                    self._grown.wait()
                fresh = self._lines[position:]
            if not fresh:
                return
            position += len(fresh)
            for at, line in fresh:
                if oldest is None or at >= oldest:
                    time.sleep(self._delay)
                    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode() if timestamps else b""
                    yield stamp + line + b"\n"
