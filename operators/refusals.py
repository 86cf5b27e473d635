"""Tells the operator of a day on which much footage is refused: counted by each live run, once it has its account."""

import logging
from datetime import UTC, datetime

from nightjar.domain.manifest import Counts
from nightjar.domain.operator_troubles import OperatorKind, are_many, many_refusals
from nightjar.domain.troubles import OPERATOR
from nightjar.runtime.store import ObjectStore
from nightjar.stores.operator_signs import OperatorSigns
from nightjar.stores.troubles import Troubles

log = logging.getLogger(__name__)

_REFUSED = "quarantined"


def note_refusals(store: ObjectStore, run: str, counts: Counts, now: datetime, share: float, least: int) -> None:
    """Add what the live run called `run` received and refused to the day, and open or end the trouble that this means.

    The trouble lasts until the day is over. No run fails for it: what goes wrong here is logged.
    """
    try:
        day = now.astimezone(UTC).date()
        signs, troubles = OperatorSigns(store), Troubles(store)
        total = signs.count(day, run, counts.received, counts.by_reason(_REFUSED))
        if are_many(total.refused, total.received, share, least):
            troubles.open(many_refusals(total.day, total.refused, total.received, total.reasons, now))
        else:
            stored = troubles.find(OPERATOR, OperatorKind.MANY_REFUSALS)
            if stored and stored.trouble.is_open and stored.trouble.since.date() < total.day:
                troubles.end(OPERATOR, OperatorKind.MANY_REFUSALS, now)
    except Exception:  # counting refusals is beside the point of the task, which must not fail for it
        log.exception("the refusals of the day could not be counted")
