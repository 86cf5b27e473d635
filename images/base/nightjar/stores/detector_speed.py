"""The speed and the memory of a detector, from the manifests that its detect stages left: a bounded number of them."""

from collections.abc import Iterator
from datetime import date, timedelta

from nightjar.domain.comparison.documents import Speed
from nightjar.domain.layout import last_segment
from nightjar.domain.manifest import Manifest
from nightjar.errors import InputError
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import CANDIDATE, HISTORY, LIVE, Run, Runs, run_prefix

DETECT = "detect"
LOOK_SECONDS = "look_seconds"  # in detect's result: the time of its looks, without reading and writing
_LOOKED_AT = "looked_at"  # in the details of detect's counts
_MOST_MANIFESTS = 40  # of one detector
_MOST_RUNS = 60  # looked into, of each DAG
_DAY = timedelta(days=1)


def speed_of(store: ObjectStore, detector: str, first: date, last: date) -> Speed:
    """Looks and seconds of `detector` in runs of the days from `first` to `last`, and in any of candidates.

    Of at most 40 shards, the newest runs first; nothing where none of them looked at anything.
    """
    shards, looks, seconds, peak = 0, 0, 0.0, 0
    for manifest in _manifests(store, detector, first, last):
        looked = manifest.counts.details.get(_LOOKED_AT, 0)
        measured = manifest.result.get(LOOK_SECONDS)
        if looked and isinstance(measured, int | float):
            shards, looks, seconds = shards + 1, looks + looked, seconds + measured
            peak = max(peak, manifest.peak_memory_bytes or 0)
        if shards == _MOST_MANIFESTS:
            break
    return Speed.of(shards, looks, seconds, peak or None)


def _manifests(store: ObjectStore, detector: str, first: date, last: date) -> Iterator[Manifest]:
    for run in _runs(store, first, last):
        for shard in run.shards_of(DETECT):
            try:
                manifest, _ = run.manifest(DETECT, shard)
            except InputError:
                continue
            if manifest.result.get("detector") == detector:
                yield manifest


def _runs(store: ObjectStore, first: date, last: date) -> Iterator[Run]:
    """Runs of candidates, of days and of batches, the newest first; of each DAG a bounded number."""
    runs = Runs(store)
    yield from map(runs.at, sorted(store.list_folders(run_prefix(CANDIDATE, "")[:-1]), reverse=True)[:_MOST_RUNS])
    for dag, form in ((HISTORY, "%Y-%m-%d"), (LIVE, "%Y%m%dT")):
        found = 0
        day = last
        while day >= first and found < _MOST_RUNS:
            folders = store.list_folders(run_prefix(dag, f"{day:{form}}")[:-1])
            for folder in sorted(folders, key=last_segment, reverse=True)[: _MOST_RUNS - found]:
                found += 1
                yield runs.at(folder)
            day -= _DAY
