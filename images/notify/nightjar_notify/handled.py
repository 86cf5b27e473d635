"""How the stage handled an event."""

from dataclasses import dataclass

from nightjar.domain.alerts import DigestLine
from nightjar.domain.manifest import ObjectRef


@dataclass(frozen=True)
class Handled:
    """How a line of `events.jsonl` was handled: it has an `outcome`, or `later` or `refused` says why it has none.

    `later`: the alert has to be tried again. `refused`: a channel takes no alert until a person changes its key or its
    sender. `is_traced`: it was delivered, or was tried to be, and the log has its line.
    """

    outcome: str = ""
    later: str = ""
    refused: str = ""
    objects: tuple[ObjectRef, ...] = ()
    digest: DigestLine | None = None
    warnings: tuple[str, ...] = ()
    repeated: bool = False
    is_traced: bool = False
