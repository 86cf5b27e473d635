"""Refusals that hold no longer leave quarantine's listing: the footage was looked at again, and passes."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore, ObjectUnreadableError
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.runs import HISTORY
from nightjar.stores.tables import PICTURES, PictureOutcome
from nightjar_record.inputs import READERS, RunOutputs
from nightjar_record.partitions import Partitions

log = logging.getLogger(__name__)

_COLUMNS = ("outcome", "source_key", "source_version", "footage_key", "footage_version", "quarantine_key")


def drop_superseded(store: ObjectStore, rows: Partitions) -> None:
    """Drop the rows about refused footage that is only a part of what is filed by now, and lift its refusals.

    The run of the whole, which may have ended before this run of the part, tells about both.
    """
    refused: dict[tuple[str, str], set[str]] = defaultdict(set)
    for day in rows.days:
        content = rows.content(PICTURES, day)
        for values in zip(*(content.values(column) for column in _COLUMNS), strict=True):
            _, source_key, _, footage_key, footage_version, folder = values
            if folder and not source_key:
                refused[footage_key, footage_version].add(folder)
    heads = in_parallel(lambda footage: _current_version(store, footage[0]), refused, READERS)
    superseded = {
        footage: folders
        for (footage, folders), current in zip(refused.items(), heads, strict=True)
        if current not in (None, footage[1])
    }
    for (key, version_id), folders in superseded.items():
        log.info("left to the run of the whole: %s", key)
        rows.drop_footage(key, version_id)
        for folder in folders:
            Quarantine(store).lift(folder)


def _current_version(store: ObjectStore, key: str) -> str | None:
    """None as well when S3 does not tell."""
    try:
        info = store.head(key)
    except ObjectUnreadableError:
        return None
    return info.version_id if info else None


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
