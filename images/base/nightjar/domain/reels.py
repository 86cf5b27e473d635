"""Reels: standard pictures that follow each other, as one object, so that one request reads them all.

A reel repeats what is in `standard/` and lives with the run that made it. It is only ever a shortcut: what does not
come out of it whole is read from `standard/`.
"""

from collections.abc import Iterator
from typing import Self

from pydantic import NonNegativeInt, model_validator

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Part, Stored

# Fewer pictures are as quickly read one by one: a reel is neither made nor read for them.
FEWEST_PICTURES = 8
MOST_PICTURES = 32


class ReelPicture(Part):
    """A picture in a reel. `size` in bytes."""

    standard_key: str
    sha256: str
    size: NonNegativeInt


class Reel(Stored):
    """A line of `reels.jsonl`: the object, motion JPEG, and the JPEGs of which it is the concatenation."""

    object: ObjectRef
    pictures: tuple[ReelPicture, ...]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if (total := sum(picture.size for picture in self.pictures)) != self.object.size:
            raise ValueError(f"expected pictures of {self.object.size} bytes in {self.object.key}, got {total}")
        return self

    def places(self) -> Iterator[tuple[ReelPicture, slice]]:
        """Each picture and where its bytes are in the object."""
        start = 0
        for picture in self.pictures:
            yield picture, slice(start, start + picture.size)
            start += picture.size
