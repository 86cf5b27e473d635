"""Requests to erase rows of the warehouse: `records/erasures/<id>.json`, until the next report has done it.

The id is made by chance: it stays in the manifest of the report, which is to tell of nobody. Whoever forgets a user
reads no Parquet; the report does, and makes the pages of the days anew.
"""

import uuid

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
        if self.waits(erasure):
            return False
        write_record(self._store, f"{ERASURES}{uuid.uuid4().hex}.json", erasure)
        return True

    def waits(self, erasure: Erasure) -> bool:
        """Whether the erasure was asked for, and is not done yet."""
        return erasure in self._stored().values()

    def waiting(self) -> list[Erasure]:
        """All that wait; raises InputError for an object that is no request."""
        return list(self._stored().values())

    def done(self, erasure: Erasure) -> None:
        """Remove the request for good: it names whom nobody is to know of any more."""
        keys = {key for key, stored in self._stored().items() if stored == erasure}
        for version in [each for each in list(self._store.list_versions(ERASURES)) if each.key in keys]:
            self._store.delete(version.key, version.version_id)

    def _stored(self) -> dict[str, Erasure]:
        keys = sorted(info.key for info in self._store.list_objects(ERASURES))
        return {key: read_record(self._store, key, Erasure)[0] for key in keys}
