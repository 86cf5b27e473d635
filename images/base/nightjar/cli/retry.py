"""`nightjar retry`: puts refused footage through again, under today's rules and limits, as runs of their own."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nightjar.cli.refused import Refused, add_selection, find, selection, summary, table
from nightjar.errors import InputError, UsageError

if TYPE_CHECKING:
    from nightjar.domain.batch import Claim, ReceivedVersion
    from nightjar.runtime.store import ObjectStore

_MOST = 2000  # objects of a run
_READERS = 16


@dataclass(frozen=True)
class Retry:
    """A retry: the claims to write, and how many objects are left out because nothing can be done about them now."""

    claims: "Sequence[Claim]"
    objects: int
    under_way: int
    gone: int


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `retry` to the command line."""
    retry = commands.add_parser(
        "retry",
        help="put refused footage through again, after its cause was mended",
        description="Put refused footage (see `nightjar refused`) through again: validated, detected, judged and "
        "alerted under the rules and limits of now, in a run of nightjar_live whose id begins with retry-. What is "
        "still wrong is refused again, and nobody is alerted twice.",
    )
    add_selection(retry)
    retry.add_argument("--dry-run", action="store_true", help="only list what would go through")
    retry.set_defaults(run=run_retry)


def run_retry(given: argparse.Namespace) -> int:
    """Leave claims for the watch to take up; returns 0. Raises UsageError unless a reason or a camera is named."""
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    wanted = selection(given)
    if not wanted.reasons and not wanted.cameras:
        raise UsageError("expected --reason or --camera (or both), got neither")
    store = S3Store(load(StoreSettings))
    refused, unreadable = find(store, wanted)
    retry = plan(store, refused, datetime.now(UTC))
    if not given.dry_run:
        write(store, retry)
    sys.stdout.writelines(f"{line}\n" for line in _said(refused, retry, dry_run=given.dry_run))
    if unreadable:
        number = len(unreadable)
        raise InputError(f"{number:,} refusal{' was' if number == 1 else 's were'} left out: {unreadable[0]}")
    return 0


def plan(store: "ObjectStore", refused: Iterable[Refused], now: datetime) -> Retry:
    """The claims on the objects that were `refused`, each once, but those that wait in an open claim already."""
    from nightjar.domain.batch import Claim
    from nightjar.runtime.parallel import in_parallel
    from nightjar.stores.claims import Claims
    from nightjar.stores.runs import Runs

    by_source = {(each.entry.source_key, each.entry.source_version): each for each in refused}
    waiting = {
        (version.key, version.version_id)
        for held in Claims(store).waiting()
        if not Runs(store).live(held.claim.batch_id).has_begun()
        for version in held.claim.versions
    }
    open_ones = [each for source, each in by_source.items() if source not in waiting]
    looked_up = list(in_parallel(lambda each: _version(store, each), open_ones, _READERS))
    versions = [version for version in looked_up if version]
    parts = (versions[start : start + _MOST] for start in range(0, len(versions), _MOST))
    return Retry(
        claims=[Claim.retry(part, now) for part in parts],
        objects=len(versions),
        under_way=len(by_source) - len(open_ones),
        gone=len(looked_up) - len(versions),
    )


def write(store: "ObjectStore", retry: Retry) -> None:
    """Write the claims; each is a run."""
    from nightjar.stores.claims import Claims

    for claim in retry.claims:
        Claims(store).write(claim.batch_id, claim)


def _version(store: "ObjectStore", refused: Refused) -> "ReceivedVersion | None":
    """The version to claim; None when its content is gone, or the whole came of what was a part."""
    from nightjar.domain.batch import Kept, ReceivedVersion
    from nightjar.stores.footage import FootageStore
    from nightjar.stores.quarantine import Quarantine

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


def _is_there(store: "ObjectStore", key: str, version_id: str) -> bool:
    """Whether there is that version; one that S3 did not give may be readable by now, or may not."""
    from nightjar.runtime.store import ObjectUnreadableError

    try:
        return store.head(key, version_id) is not None
    except ObjectUnreadableError:
        return True


def _said(refused: Sequence[Refused], retry: Retry, *, dry_run: bool) -> Iterator[str]:
    if not refused:
        yield "no refusal is of this kind: nothing to do"
        return
    if dry_run:
        yield from table(refused)
    else:
        yield summary(refused)
    if retry.under_way:
        yield f"{_objects(retry.under_way)} left out: an earlier retry is about to put them through"
    if retry.gone:
        yield f"{_objects(retry.gone)} left out: erased, or replaced by the whole object, since the refusal"
    if not retry.claims:
        return
    if dry_run:
        yield f"{_objects(retry.objects)} would go through again (dry run: nothing was done)"
        return
    yield f"{_objects(retry.objects)} will go through again, under the rules and limits of now"
    for claim in retry.claims:
        yield f"  run {claim.batch_id} of nightjar_live, {_objects(len(claim.versions))}"
    yield "nightjar_watch starts it within seconds, once it has no run to wait for; watch it in the Airflow UI, under"
    yield "Dags > nightjar_live > Runs. Afterwards `nightjar refused` lists what is still refused."


def _objects(number: int) -> str:
    return "1 object" if number == 1 else f"{number:,} objects"
