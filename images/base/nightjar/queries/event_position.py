"""Where an event stands in the order in which lists show events. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from nightjar.domain.model import ms_from_utc, utc_from_ms
from nightjar.domain.names import shown
from nightjar.errors import UsageError

_POSITION = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.([0-9]{1,15})\.([A-Za-z0-9_-]{0,64})", re.ASCII)


@dataclass(frozen=True, order=True)
class Position:
    """Where an event stands in the order of the pages: by the day of its key, its beginning and its id."""

    day: date
    started_at: datetime
    id: str

    def __str__(self) -> str:
        """As an address has it."""
        return f"{self.day}.{ms_from_utc(self.started_at)}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The position that `str` wrote; raises UsageError."""
        try:
            parts = _POSITION.fullmatch(text)
            if parts:
                return cls(date.fromisoformat(parts[1]), utc_from_ms(int(parts[2])), parts[3])
        except (ValueError, OverflowError):
            pass
        raise UsageError(f"expected a position like 2026-11-20.1763640000000.0123456789abcdef, got {shown(text)}")

    @classmethod
    def before(cls, day: date) -> Self:
        """Older than everything of `day`, newer than everything of the days before."""
        return cls(day, utc_from_ms(0), "")
