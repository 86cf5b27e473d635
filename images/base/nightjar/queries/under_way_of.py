"""Work under way that would write about a user again while the user is being forgotten."""

from collections import defaultdict
from datetime import datetime, timedelta

from nightjar.domain.forgetting import Subject
from nightjar.domain.names import Camera
from nightjar.errors import InputError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.claims import Claims
from nightjar.stores.run_erasure import RUNS
from nightjar.stores.run_index import newest_runs
from nightjar.stores.runs import PATROL, Run, folder_of

# A run whose folder nobody has written to for so long was stopped, and does not go on by itself.
LONGEST = timedelta(hours=24)
_AT_ONCE = 16
_PATROLS = 6  # one begins every five minutes


def under_way_of(store: ObjectStore, subject: Subject, now: datetime) -> list[str]:
    """Work under way, each piece in a sentence: footage that is collected and not handed over, and runs that go on.

    A run counts until its end is written, unless nothing was written there for `LONGEST`.
    """
    claimed = [
        f"claim {held.run}: {number:,} objects of {subject.name} are collected and their live run has not begun"
        for held in Claims(store).waiting()
        if (number := sum(_is_of(subject, v.key, v.name.camera if v.name else None) for v in held.claim.versions))
    ]
    folders = defaultdict[str, dict[str, ObjectInfo]](dict)
    for info in store.list_objects(RUNS):
        run = "/".join(info.key.split("/")[:3])
        folders[f"{run}/"][info.key] = info
    going_on = [prefix for prefix, there in folders.items() if _goes_on(Run(store, prefix), there, now)]
    works = in_parallel(lambda prefix: _works_on(Run(store, prefix), folders[prefix], subject), going_on, _AT_ONCE)
    runs = [prefix for prefix, is_it in zip(going_on, works, strict=True) if is_it]
    return [*claimed, *(f"run {folder_of(prefix)} works on footage of {subject.name}" for prefix in runs)]


def _is_of(subject: Subject, key: str, camera: Camera | None) -> bool:
    return subject.covers(camera) or subject.in_key(key)


def _goes_on(run: Run, there: dict[str, ObjectInfo], now: datetime) -> bool:
    started, ended = there.get(run.started_key), there.get(run.ended_key)
    if started is None or (ended and ended.modified_at >= started.modified_at):
        return False
    return now - max(info.modified_at for info in there.values()) < LONGEST


def _works_on(run: Run, there: dict[str, ObjectInfo], subject: Subject) -> bool:
    if any(map(subject.in_key, there)):
        return True
    if run.batch_key not in there:
        return False
    try:
        sources = [line.source for line in run.batch()[0]]
    except InputError:  # nobody knows: better to wait
        return True
    return any(_is_of(subject, each.key, each.name.camera if each.name else None) for each in sources)


def patrols_since_before(store: ObjectStore, began: datetime, now: datetime) -> list[str]:
    """Runs of the patrol that are under way and began before `began`: they go by the rules as they were then."""
    newest = newest_runs(store, PATROL, now, _PATROLS)
    return [each.name for each in newest if each.state == "under way" and each.began and each.began < began]
