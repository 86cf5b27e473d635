"""Refusals that hold no longer leave quarantine's listing: the footage was looked at again, and passes."""

import logging
from collections.abc import Iterable
from datetime import date

from nightjar.runtime.store import ObjectStore
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.runs import HISTORY
from nightjar.stores.tables import PICTURES, PictureOutcome
from nightjar_record.inputs import RunOutputs
from nightjar_record.partitions import Partitions

log = logging.getLogger(__name__)

_COLUMNS = ("outcome", "source_key", "source_version", "footage_key", "footage_version", "quarantine_key")


def lift_healed(store: ObjectStore, run: RunOutputs, rows: Partitions, days: Iterable[date]) -> None:
    """Lift the refusals of `days` that `rows`, all about the footage of the run, do not have any more.

    A refused version that was filed since, other reasons under other rules or limits, and refused parts of an object of
    which the run has the whole. What failed to be looked at keeps its refusals.
    """
    if not (run.name.startswith(f"{HISTORY}/") or any(line.is_again for line in run.batch)):
        return
    looked_at: set[tuple[str, str]] = set()
    refused: set[str] = set()
    for day in rows.days:
        content = rows.content(PICTURES, day)
        for values in zip(*(content.values(column) for column in _COLUMNS), strict=True):
            outcome, source_key, source_version, footage_key, footage_version, folder = values
            if outcome == PictureOutcome.FAILED:
                continue
            looked_at.add((source_key, source_version) if source_key else (footage_key, footage_version))
            refused |= {folder} if folder else set()
    current = dict(looked_at)
    quarantine = Quarantine(store)
    for day in days:
        for folder, entry in list(quarantine.of_day(day)):
            source = entry.source_key, entry.source_version
            is_part = entry.stage == "validate" and current.get(entry.source_key, entry.source_version) != source[1]
            if folder not in refused and (source in looked_at or is_part):
                log.info("refused no longer: %s", folder, extra={"reason": str(entry.reason)})
                quarantine.lift(folder)
