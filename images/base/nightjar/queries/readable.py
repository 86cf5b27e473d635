"""Reading for a page: bounded, and an object that cannot be read is a sentence beside all that can."""

from collections.abc import Callable
from typing import TypeVar

from nightjar.domain.model import Stored
from nightjar.errors import InputError
from nightjar.runtime.current import read_current
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.store import ObjectStore

LARGEST_LINES = 8 << 20  # bytes: a larger file of JSON lines is not read for a page

T = TypeVar("T")
D = TypeVar("D", bound=Stored)


def told(problems: list[str], read: Callable[[], T]) -> T | None:
    """The answer of `read`; None, and a sentence more in `problems`, where it raises InputError."""
    try:
        return read()
    except InputError as error:
        problems.append(str(error))
        return None


def document_at(store: ObjectStore, key: str, kind: type[D]) -> D | None:
    """The document at `key`; None when there is none. Raises InputError for one that is not a `kind`."""
    current = read_current(store, key, kind)
    return current[0] if current else None


def lines_at(store: ObjectStore, key: str, kind: type[D], problems: list[str], most: int = LARGEST_LINES) -> list[D]:
    """The JSON lines at `key`; none, and a sentence in `problems`, for a file that is too large or not one of `kind`.

    None without a sentence where there is no such file. `most` is in bytes.
    """
    head = store.head(key)
    if head is None:
        return []
    if head.size > most:
        problems.append(f"{key!r} has {head.size} bytes; a page reads {most} at the most")
        return []
    return told(problems, lambda: read_lines(store, key, kind)[0]) or []
