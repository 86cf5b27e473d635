"""Claims: which received versions a watch run took on, written before anything is touched: `claims/<watch run>.json`.

A claim is created once and never changed. It stays until the live run of its batch has begun. If the watch run dies
before that, the next one picks the claim up and does the same batch again instead of listing anew. An operator who
retries refused footage leaves a claim too (`claims/<batch id>.json`), which the next watch run picks up.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from nightjar.domain.batch import Claim
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_record, write_record
from nightjar.runtime.store import ObjectExistsError, ObjectStore

log = logging.getLogger(__name__)

CLAIMS = "claims/"


@dataclass(frozen=True)
class HeldClaim:
    """A claim as it is in the bucket; `run` is the watch run that made it, or the batch id of a retry."""

    run: str
    claim: Claim
    ref: ObjectRef


class Claims:
    """Makes claims and gives them out again."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def write(self, run: str, claim: Claim) -> HeldClaim:
        """Claim for the watch run called `run`.

        If it has claimed already (the answer to an earlier try was lost), the claim of that try holds.
        """
        try:
            return HeldClaim(run, claim, write_record(self._store, _key(run), claim, if_absent=True))
        except ObjectExistsError:
            stored, ref = read_record(self._store, _key(run), Claim)
            return HeldClaim(run, stored, ref)

    def leave(self, claims: Iterable[Claim]) -> None:
        """Write the claims of a retry, each under the id of its batch, for the next watch run to pick up."""
        for claim in claims:
            self.write(claim.batch_id, claim)

    def open(self, run: str, has_begun: Callable[[str], bool]) -> HeldClaim | None:
        """The claim to go on with: that of `run`, else the oldest; None when there is none.

        `has_begun` says of a batch id whether its live run has begun. Claims on such batches are removed on the way,
        also that of `run`: a watch run that is cleared later must not give out a finished batch again.
        """
        own = _key(run)
        for info in sorted(self._store.list_objects(CLAIMS), key=lambda i: (i.key != own, i.modified_at, i.key)):
            held = self._held(info.key)
            if not has_begun(held.claim.batch_id):
                return held
            log.info("the live run for the claim of %s has begun", held.run, extra={"batch_id": held.claim.batch_id})
            self.drop(held)
        return None

    def left(self, has_begun: Callable[[str], bool], most: int) -> Iterator[datetime]:
        """When those claims were made whose live run has not begun, of at most `most` that are read; drops none.

        A claim that cannot be read counts: its footage is not handed over either.
        """
        for info in islice(self._store.list_objects(CLAIMS), most):
            try:
                claim, _ = read_record(self._store, info.key, Claim)
            except InputError:
                yield info.modified_at
            else:
                if not has_begun(claim.batch_id):
                    yield info.modified_at

    def waiting(self) -> Iterator[HeldClaim]:
        """All claims, oldest first, but those that cannot be read."""
        for info in sorted(self._store.list_objects(CLAIMS), key=lambda info: (info.modified_at, info.key)):
            try:
                yield self._held(info.key)
            except InputError as error:
                log.warning("left out: %s", error)

    def find(self, run: str) -> HeldClaim | None:
        """The claim of the watch run, or the retry, called `run`; None when it is gone. Raises InputError."""
        return self._held(_key(run)) if self._store.head(_key(run)) else None

    def close(self, batch_id: str) -> None:
        """Remove the claims on a batch whose live run has begun."""
        for held in self.waiting():
            if held.claim.batch_id == batch_id:
                self.drop(held)

    def drop(self, held: HeldClaim) -> None:
        """Remove a claim for good."""
        self._store.delete(held.ref.key, held.ref.version_id)

    def _held(self, key: str) -> HeldClaim:
        claim, ref = read_record(self._store, key, Claim)
        return HeldClaim(key.removeprefix(CLAIMS).removesuffix(".json"), claim, ref)


def _key(run: str) -> str:
    return f"{CLAIMS}{run}.json"
