"""Claims: which received versions a run took on, written before anything is touched.

A claim is created once and never changed. It stays until its batch's live run has begun; so, whatever dies in between,
the next collect finds it and does the same batch again instead of listing anew.
"""

import logging
from dataclasses import dataclass

from nightjar.domain.batch import ReceivedVersion, batch_id
from nightjar.domain.layout import CLAIMS, LIVE, RELEASE, STARTED, run_prefix
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.model import Stored
from nightjar.runtime.manifests import read_record, write_record
from nightjar.runtime.store import ObjectExistsError, ObjectStore

log = logging.getLogger(__name__)


class Claim(Stored):
    """`claims/<run name>.json`: the versions, sorted, and the id of their batch."""

    batch_id: str
    versions: tuple[ReceivedVersion, ...]

    @classmethod
    def of(cls, versions: list[ReceivedVersion]) -> "Claim":
        """The claim on `versions`, at least one."""
        ordered = tuple(sorted(versions, key=lambda v: (v.key, v.version_id)))
        return cls(batch_id=batch_id(ordered), versions=ordered)


@dataclass(frozen=True)
class Held:
    """A claim as it is in the bucket; `run` is the watch run that made it."""

    run: str
    claim: Claim
    ref: ObjectRef


def claim_key(run: str) -> str:
    """Where the claim of the watch run called `run` is."""
    return f"{CLAIMS}{run}.json"


def write_claim(store: ObjectStore, run: str, claim: Claim) -> Held:
    """Claim for `run`; when it has claimed already (the answer to an earlier try was lost), that claim holds."""
    try:
        return Held(run, claim, write_record(store, claim_key(run), claim, if_absent=True))
    except ObjectExistsError:
        held, ref = read_record(store, claim_key(run), Claim)
        return Held(run, held, ref)


def drop_claim(store: ObjectStore, held: Held) -> None:
    """Remove the claim for good."""
    store.delete(held.ref.key, held.ref.version_id)


def open_claim(store: ObjectStore, run: str) -> Held | None:
    """The claim to go on with: that of `run`, else the oldest; only one whose live run has not begun.

    Those whose run has are removed on the way, also that of `run`: a watch run that is cleared later is not to give out
    a finished batch again.
    """
    own = claim_key(run)
    for info in sorted(store.list_objects(CLAIMS), key=lambda i: (i.key != own, i.modified_at, i.key)):
        claim, ref = read_record(store, info.key, Claim)
        held = Held(info.key.removeprefix(CLAIMS).removesuffix(".json"), claim, ref)
        if not handed_over(store, claim.batch_id):
            return held
        log.info("claim of %s was handed over", held.run, extra={"batch_id": claim.batch_id})
        drop_claim(store, held)
    return None


def handed_over(store: ObjectStore, batch: str) -> bool:
    """Whether the live run of this batch has begun."""
    prefix = run_prefix(LIVE, batch)
    return any(store.head(f"{prefix}{name}") for name in (STARTED, RELEASE))
