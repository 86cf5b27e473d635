"""Lines of the ledger that are to be told, and how it went."""

from dataclasses import dataclass, field

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import Address
from nightjar.domain.events import EventRef
from nightjar.domain.manifest import ObjectRef
from nightjar.stores.ledger import LedgerLine


class TakenError(Exception):
    """Another task was quicker with a line, or what it is about has changed: nothing was sent; look again."""


@dataclass(frozen=True)
class Line:
    """A line of the ledger that is to be told to the addresses in `waiting`.

    `blank` is the alert without its deliveries, for a line that is new; `before` the line as it was found.
    """

    key: str
    ref: EventRef
    blank: Alert
    before: LedgerLine | None
    waiting: tuple[Address, ...]

    @property
    def id(self) -> str:
        """By which other lines know it."""
        return self.ref.id


@dataclass
class Sent:
    """How it went for one line: as it is stored by now, and sentences about what could not be done.

    `is_tried`: it was claimed, and the log has its line. `later`: has to be tried again; `refused`: a channel takes
    nothing until a person changes something. `failed`: why deliveries were refused, or could not be made.
    """

    line: LedgerLine | None
    is_tried: bool = False
    later: str = ""
    refused: str = ""
    failed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    written: list[ObjectRef] = field(default_factory=list)

    @property
    def reached(self) -> bool:
        """Whether anybody was told, by now or before."""
        return self.line is not None and self.line.alert.anybody_told
