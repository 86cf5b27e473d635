"""Users of a large rules file, who are read one by one when they are asked for."""

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

from nightjar.domain.names import Camera
from nightjar.domain.rules.people import User


@runtime_checkable
class ManyUsers(Protocol):
    """A `Mapping[str, User]` that does not hold its users as objects: a million of them would take gigabytes."""

    def cameras(self) -> Iterator[Camera]:
        """Every camera, in the order of the file, without reading the users."""

    def is_same(self, other: Mapping[str, User], name: str) -> bool:
        """Whether the user called `name` is surely the same as in `other`; False when it takes a closer look."""
