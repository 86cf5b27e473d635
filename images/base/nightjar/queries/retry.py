"""A retry of refused footage: the claims that put it through again, under the rules and limits of now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nightjar.domain.batch import Claim, Kept, ReceivedVersion
from nightjar.queries.refused import Refused
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore, ObjectUnreadableError
from nightjar.stores.claims import Claims
from nightjar.stores.footage import FootageStore
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.runs import Runs

_MOST = 2000  # objects of a run
_READERS = 16
_GONE, _UNREADABLE = "gone", "unreadable"


@dataclass(frozen=True)
class Retry:
    """A retry: the claims to write, and how many objects are left out because nothing can be done about them now."""

    claims: Sequence[Claim]
    objects: int
    under_way: int
    gone: int
    unreadable: int = 0


class RetryState(StrEnum):
    """How far a retry has come."""

    WAITING = "waiting"  # its claim is there, for nightjar_watch to take up
    STARTING = "starting"  # its claim is gone, and its run has not begun: nothing was left to do, or it is about to
    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"


def state_of(store: ObjectStore, batch_id: str) -> RetryState:
    """How far the retry whose batch is `batch_id` has come, by what is in the bucket."""
    run = Runs(store).live(batch_id)
    if ended := run.ended():
        return RetryState.ENDED if ended.state == "success" else RetryState.FAILED
    if run.has_begun():
        return RetryState.RUNNING
    return RetryState.WAITING if Claims(store).find(batch_id) else RetryState.STARTING


def plan(store: ObjectStore, refused: Iterable[Refused], now: datetime) -> Retry:
    """The claims on the objects that were `refused`, each once, but those that wait in an open claim already."""
    by_source = {(each.entry.source_key, each.entry.source_version): each for each in refused}
    waiting = {
        (version.key, version.version_id)
        for held in Claims(store).waiting()
        if not Runs(store).live(held.claim.batch_id).has_begun()
        for version in held.claim.versions
    }
    open_ones = [each for source, each in by_source.items() if source not in waiting]
    looked_up = list(in_parallel(lambda each: _version(store, each), open_ones, _READERS))
    versions = [version for version in looked_up if isinstance(version, ReceivedVersion)]
    parts = (versions[start : start + _MOST] for start in range(0, len(versions), _MOST))
    return Retry(
        claims=[Claim.retry(part, now) for part in parts],
        objects=len(versions),
        under_way=len(by_source) - len(open_ones),
        gone=looked_up.count(_GONE),
        unreadable=looked_up.count(_UNREADABLE),
    )


def _version(store: ObjectStore, refused: Refused) -> ReceivedVersion | str:
    """The version to claim; _GONE when its content is, or the whole came of what was a part; or _UNREADABLE."""
    try:
        return _kept_version(store, refused) or _GONE
    except ObjectUnreadableError:
        return _UNREADABLE


def _kept_version(store: ObjectStore, refused: Refused) -> ReceivedVersion | None:
    entry = refused.entry
    kept, size, received_at = None, entry.size, entry.received_at
    if FootageStore.holds(entry.source_key):
        current = store.head(entry.source_key)
        if refused.named is None or current is None or current.version_id != entry.source_version:
            return None
        size, received_at = current.size, current.modified_at
    elif held := Quarantine(store).object_of(refused.folder):
        kept = Kept(key=held.key, version_id=held.version_id)
    elif _is_there(store, entry.source_key, entry.source_version):  # S3 did not give it: it stayed where it landed
        kept = Kept(key=entry.source_key, version_id=entry.source_version)
    else:
        return None
    fields = {"key": entry.source_key, "version_id": entry.source_version, "size": size, "received_at": received_at}
    return ReceivedVersion.model_validate(fields | ({"kept": kept} if kept else {}))


def _is_there(store: ObjectStore, key: str, version_id: str) -> bool:
    """Whether there is that version; one that S3 did not give may be readable by now, or may not."""
    try:
        return store.head(key, version_id) is not None
    except ObjectUnreadableError:
        return True
