"""The cameras that are in trouble, for `nightjar status`: a request for each open trouble, up to a bound."""

from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.severity import Severity
from nightjar.runtime.store import ObjectStore
from nightjar.stores.troubles import Troubles

_COUNTED = 500  # troubles that are looked at
_SHOWN = 20


@dataclass(frozen=True)
class CameraTrouble:
    """A trouble of a camera that is open. `told` is when its user was told; None: not yet."""

    camera: str
    kind: str
    severity: str
    since: datetime
    told: datetime | None


@dataclass(frozen=True)
class Troubled:
    """How many troubles of cameras are open (500 are counted at the most); those `shown` are the worst and oldest."""

    number: int
    shown: tuple[CameraTrouble, ...]


def troubled_cameras(store: ObjectStore) -> Troubled:
    """The open troubles of cameras."""
    found = [trouble for trouble in Troubles(store).all_open(_COUNTED) if trouble.camera]
    found.sort(key=lambda each: (each.severity != Severity.CRITICAL, each.since, each.about, each.kind))
    return Troubled(
        len(found),
        tuple(CameraTrouble(each.about, each.kind, each.severity, each.since, each.told_at) for each in found[:_SHOWN]),
    )
