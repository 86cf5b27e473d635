"""Erasing what is older than a day, in every version, by the days that keys name. Of all users.

A document that keys file under no day, such as the rules, mutes, or a camera's health, is of now, and stays. What a
later run wrote about an earlier day goes with that day where its key names it, and with the run where it stands in its
folder.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime

from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import DETECTIONS
from nightjar.stores.digests import DIGESTS
from nightjar.stores.erasure import erase_versions
from nightjar.stores.event_keys import EVENTS, THREATS
from nightjar.stores.footage import FOOTAGE
from nightjar.stores.forgetting import Done
from nightjar.stores.ledger import ALERTS
from nightjar.stores.made_of_others import COMPARISONS, REPRODUCTIONS
from nightjar.stores.outbox import OUTBOX
from nightjar.stores.quarantine import QUARANTINE
from nightjar.stores.reactions import REVIEWS
from nightjar.stores.record_keys import RECORDS
from nightjar.stores.reports import REPORTS
from nightjar.stores.run_erasure import RUNS
from nightjar.stores.shared_documents import Scrubbed
from nightjar.stores.standard import STANDARD
from nightjar.stores.validations import VALIDATIONS

# Folders whose keys name the day: the last one first that others are made of.
BY_DAY = (
    *(REPORTS, RECORDS, RUNS, OUTBOX, DIGESTS, REVIEWS, ALERTS, EVENTS, THREATS),
    *(DETECTIONS, VALIDATIONS, QUARANTINE, STANDARD, FOOTAGE),
)
# Comparisons and reproductions show pictures of days: they go by the age of their objects.
BY_AGE = (COMPARISONS, REPRODUCTIONS)
_DAYS = (
    re.compile(r"/([0-9]{4})/([0-9]{2})/([0-9]{2})/"),
    re.compile(r"/(?:date=)?([0-9]{4})-([0-9]{2})-([0-9]{2})/"),
    # Names of runs: `20261120T…` of a batch, `scheduled__2026-11-20T…`, `2026-11-20` of history.
    re.compile(r"/(?:[a-z]+-)?([0-9]{4})([0-9]{2})([0-9]{2})T[0-9]{6}Z-"),
    re.compile(r"__([0-9]{4})-([0-9]{2})-([0-9]{2})T"),
)


def day_in(key: str) -> date | None:
    """The day that `key` is filed under; None where it names none. The first one that it names counts."""
    found = sorted((match for each in _DAYS if (match := each.search(key))), key=lambda match: match.start())
    for match in found:
        with suppress(ValueError):
            return date(int(match[1]), int(match[2]), int(match[3]))
    return None


def forget_before(store: ObjectStore, before: date, log_prefix: str) -> Iterator[Done]:
    """Remove every version of what is filed under a day before `before`; each folder is told when it is done."""
    for folder in BY_DAY:
        number = erase_versions(store, folder, lambda key: (day := day_in(key)) is not None and day < before)
        yield Done(folder, Scrubbed(removed=number))
    for folder in (*BY_AGE, f"{log_prefix.strip('/')}/"):
        yield Done(folder, Scrubbed(removed=_older(store, folder, before)))


def _older(store: ObjectStore, folder: str, before: date) -> int:
    """Remove versions that were written before that day in UTC; logs are filed under the time of their run."""
    midnight = datetime.combine(before, datetime.min.time(), UTC)
    old = [each for each in store.list_versions(folder) if each.modified_at < midnight]
    for version in old:
        store.delete(version.key, version.version_id)
    return len(old)
