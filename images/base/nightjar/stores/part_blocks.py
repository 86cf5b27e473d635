"""The many parts of a day in blocks, each of which is put together once and kept on local disk as one file.

Live runs leave some hundred parts a day; opening so many files would take longer than reading them. A block is always
the same parts, by age, so a new part changes none of them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from nightjar.runtime.store import ObjectInfo
from nightjar.stores.columns import Table
from nightjar.stores.record_keys import day_of_part

PARTS_OF_A_BLOCK = 32


@dataclass(frozen=True)
class Part:
    """A part of `table`, which SQL calls `name`; its file is at `path`, named as `nightjar.stores.part_sql` says."""

    name: str
    table: Table[Any]
    info: ObjectInfo
    path: Path

    @property
    def day(self) -> date:
        """The day of its rows."""
        return day_of_part(self.info.key)


def blocks_of(parts: Sequence[Part]) -> list[Sequence[Part]]:
    """`parts`, oldest first in each table and day, in the same order: full blocks, then each other part by itself."""
    blocks: list[Sequence[Part]] = []
    for _, of_day in groupby(parts, key=lambda part: (part.name, part.day)):
        listed = list(of_day)
        full = len(listed) // PARTS_OF_A_BLOCK * PARTS_OF_A_BLOCK
        blocks += [listed[n : n + PARTS_OF_A_BLOCK] for n in range(0, full, PARTS_OF_A_BLOCK)]
        blocks += [[part] for part in listed[full:]]
    return blocks


def as_one(block: Sequence[Part]) -> Part:
    """The part that stands for a block, in the place of its oldest; its etag changes with any of theirs."""
    if len(block) == 1:
        return block[0]
    named = "\n".join(f"{part.info.key} {part.info.etag}" for part in block)
    return replace(block[0], info=replace(block[0].info, etag=hashlib.sha256(named.encode()).hexdigest()))
