"""How the world answered an event: who was told, why nobody was, and the words of people about it."""

from dataclasses import dataclass
from datetime import timedelta

from nightjar.domain.events import Event
from nightjar.domain.reactions import Mute, Review
from nightjar.queries.runs_of import reason_held
from nightjar.runtime.store import ObjectStore
from nightjar.stores.digests import Digests
from nightjar.stores.ledger import Ledger, LedgerLine
from nightjar.stores.reactions import Mutes, Reviews


@dataclass(frozen=True)
class ReactionsTo:
    """The alert about an event, the reasons in digests for which it was held back, or else that of its run (`held`),
    the mute of its camera, and the last review of it; None or empty where there is none."""

    line: LedgerLine | None
    in_digests: tuple[str, ...]
    held: str | None
    mute: Mute | None
    review: Review | None


def reactions_to(store: ObjectStore, event: Event) -> ReactionsTo:
    """All reactions to `event`; raises InputError for a stored object that cannot be read."""
    line = Ledger(store).find(event)
    in_digests = _in_digests(store, event)
    held = None if in_digests or line is not None else reason_held(store, event)
    return ReactionsTo(line, in_digests, held, Mutes(store).get(event.camera), Reviews(store).get(event.ref))


def held_back(store: ObjectStore, event: Event) -> tuple[str, ...]:
    """Why nobody was told of `event`: the reasons in digests, each once, or else that of its run. Raises InputError."""
    run = None if (known := _in_digests(store, event)) else reason_held(store, event)
    return tuple(dict.fromkeys(known)) or ((run,) if run else ())


def _in_digests(store: ObjectStore, event: Event) -> tuple[str, ...]:
    days = [event.started_at.date() + timedelta(days=n) for n in range(-1, 4)]
    lines = (each for day in days for each in Digests(store).lines(event.user, day))
    return tuple(str(each.reason) for each in lines if each.event_id == event.id)
