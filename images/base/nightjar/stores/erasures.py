"""Requests to erase rows of the warehouse: `records/erasures/<hash>.json`, until the next report has done it.

Whoever forgets a user reads no Parquet; the report does, and makes the pages of the days anew.
"""

from nightjar.domain.layout import digest
from nightjar.domain.model import Stored
from nightjar.runtime.manifests import read_record, write_record
from nightjar.runtime.store import ObjectStore
from nightjar.stores.record_keys import RECORDS

ERASURES = f"{RECORDS}erasures/"


class Erasure(Stored):
    """The rows of this user, or of one camera, are to be erased in every version, with the pages made of them."""

    user: str
    device: str | None = None


class Erasures:
    """The requests that wait."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def ask(self, erasure: Erasure) -> bool:
        """Ask for an erasure; whether that is new."""
        if self._store.head(_key(erasure)) is not None:
            return False
        write_record(self._store, _key(erasure), erasure)
        return True

    def waits(self, erasure: Erasure) -> bool:
        """Whether the erasure was asked for, and is not done yet."""
        return self._store.head(_key(erasure)) is not None

    def waiting(self) -> list[Erasure]:
        """All that wait; raises InputError for an object that is no request."""
        keys = sorted(info.key for info in self._store.list_objects(ERASURES))
        return [read_record(self._store, key, Erasure)[0] for key in keys]

    def done(self, erasure: Erasure) -> None:
        """Remove the request for good: it names whom nobody is to know of any more."""
        key = _key(erasure)
        for version in [each for each in list(self._store.list_versions(key)) if each.key == key]:
            self._store.delete(key, version.version_id)


def _key(erasure: Erasure) -> str:
    name = erasure.user if erasure.device is None else f"{erasure.user}-{erasure.device}"
    return f"{ERASURES}{digest(name)}.json"
