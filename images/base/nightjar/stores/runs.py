"""The runs: a folder for each, and everything below it that holds a run together.

runs/<dag>/<run>/started.json               Started: who works on the folder
runs/<dag>/<run>/release.json               Release: what the run is pinned to
runs/<dag>/<run>/batch.jsonl                BatchLine
runs/<dag>/<run>/shards/<shard>/shard.jsonl Footage
runs/<dag>/<run>/<stage>/[<shard>/]         where a stage writes; its manifest is proof that it came to its end
runs/<dag>/<run>/reconcile/account.json     Account
runs/<dag>/<run>/gather/gathered.json       Gathered: what a run of nightjar_candidate is about
runs/<dag>/<run>/ended.json                 Ended: how it ended
config/deployed.json                        Deployed: the newest release
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar

from nightjar.domain.accounts import Account
from nightjar.domain.batch import BatchLine, Footage
from nightjar.domain.candidates import Gathered
from nightjar.domain.detections import ListedPicture
from nightjar.domain.layout import MANIFEST, PICTURES, digest, last_segment
from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.release import Deployed, Ended, Release, Started
from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.runtime.current import read_current, replace_current
from nightjar.runtime.manifests import (
    read_lines,
    read_manifest,
    read_record,
    write_lines,
    write_manifest,
    write_record,
)
from nightjar.runtime.store import ObjectStore

log = logging.getLogger(__name__)

LIVE, HISTORY, WATCH, REPORT = "nightjar_live", "nightjar_history", "nightjar_watch", "nightjar_report"
PATROL, CANDIDATE = "nightjar_patrol", "nightjar_candidate"
REPRODUCE = "nightjar_reproduce"  # has no run folders: see stores.reproductions
RELEASE, STARTED, BATCH, SHARD = "release.json", "started.json", "batch.jsonl", "shard.jsonl"
ENDED = "ended.json"
RECONCILE = "reconcile"  # writes like a stage, but is a task of the DAG
GATHER, _GATHERED = "gather", "gathered.json"  # the same, in runs of candidates

_RUNS = "runs/"
_DEPLOYED = "config/deployed.json"
_TRIES = 5

D = TypeVar("D", bound=Stored)


def run_prefix(dag_id: str, run: str) -> str:
    """`runs/<dag>/<run>/`, where `run` is a batch id (live), a day (history), a run id otherwise, or a template."""
    return f"{_RUNS}{dag_id}/{run}/"


def run_name(run_id: str) -> str:
    """A run id as one safe key segment: as it is when it already is one, else cleaned and told apart by a hash."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", run_id)[:100]
    safe = clean == run_id and clean.strip(".") != ""
    return clean if safe else f"{clean.strip('.')}-{digest(run_id, 8)}"


def folder_of(prefix: str) -> str:
    """The run in whose folder `prefix` is, as people find it: `<dag>/<run>`."""
    return "/".join(prefix.removeprefix(_RUNS).split("/")[:2])


def stage_prefix(run: str, stage: str, shard: str | None = None) -> str:
    """Where `stage` writes its output in the run with prefix `run`: `<run>/<stage>/` or `<run>/<stage>/<shard>/`."""
    return f"{run}{stage}/{shard}/" if shard else f"{run}{stage}/"


def shard_prefix(run: str, shard: str) -> str:
    """Where the shard called `shard` of the run with prefix `run` is."""
    return f"{run}shards/{shard}/"


def release_key(run: str) -> str:
    """Where the release of the run with prefix `run` is."""
    return f"{run}{RELEASE}"


def started_key(run: str) -> str:
    """Where it says who works on the folder of the run with prefix `run`."""
    return f"{run}{STARTED}"


class Run:
    """One run's folder. `prefix` is `runs/<dag>/<run>/`, `name` its last part."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self.prefix = prefix
        self.name = last_segment(prefix)

    @property
    def is_live(self) -> bool:
        """Whether it is a run of nightjar_live."""
        return self.prefix.startswith(run_prefix(LIVE, "").rstrip("/") + "/")

    @property
    def release_key(self) -> str:
        """Where the release is."""
        return release_key(self.prefix)

    @property
    def started_key(self) -> str:
        """Where it says who works on the folder."""
        return started_key(self.prefix)

    @property
    def batch_key(self) -> str:
        """Where the batch is."""
        return f"{self.prefix}{BATCH}"

    @property
    def ended_key(self) -> str:
        """Where it says how the run ended."""
        return f"{self.prefix}{ENDED}"

    def stage_prefix(self, stage: str, shard: str | None = None) -> str:
        """Where `stage` writes; for a sharded stage, what `shard` is made into."""
        return stage_prefix(self.prefix, stage, shard)

    def has_begun(self) -> bool:
        """Whether a DAG run has taken up the folder."""
        return self._store.head(self.started_key) is not None or self._store.head(self.release_key) is not None

    def begin(self, started: Started, is_under_way: Callable[[str], bool]) -> None:
        """Note who works on the folder from now on; a retry of the same start changes nothing.

        Raises UsageError while another DAG run is under way there (queued or running): both would write to the same
        places, each by its own release.
        """
        for _ in range(_TRIES):
            current = self._read(self.started_key, Started)
            before, etag = current if current else (None, None)
            if before is not None:
                if before.identity == started.identity:
                    return
                if before.dag_run != started.dag_run and is_under_way(before.dag_run):
                    raise UsageError(
                        f"run {before.dag_run} is working on {self.name}: wait for its end, then clear this run if "
                        f"there is something left to do"
                    )
            if self._replace(self.started_key, started, etag):
                return
        raise TryAgainError(f"expected {self.started_key!r} to hold still, other runs wrote it {_TRIES} times in a row")

    def pin(self, started: Started, make: Callable[[], Release]) -> tuple[Release, ObjectRef]:
        """The release of this start of the run: the one that is there, or the one that `make` returns, written.

        That of an earlier start is replaced. Raises TryAgainError when others keep writing it.
        """
        made: Release | None = None
        for _ in range(_TRIES):
            current = self._read(self.release_key, Release)
            if current and current[0].start == started.identity:
                return self.release()
            made = made or make()
            self._replace(self.release_key, made, current[1] if current else None)
        raise TryAgainError(f"expected {self.release_key!r} to hold still, other runs wrote it {_TRIES} times in a row")

    def release(self) -> tuple[Release, ObjectRef]:
        """The release that the run is pinned to; raises InputError when it is not."""
        return read_record(self._store, self.release_key, Release)

    def end(self, ended: Ended) -> None:
        """Note how the run ended; what is there of an earlier end is replaced."""
        write_record(self._store, self.ended_key, ended)

    def ended(self) -> Ended | None:
        """How the run ended the last time; None when it has not, or when that cannot be read."""
        try:
            current = self._read(self.ended_key, Ended)
        except InputError:
            return None
        return current[0] if current else None

    def write_batch(self, lines: Iterable[BatchLine]) -> ObjectRef:
        """Write the batch."""
        return write_lines(self._store, self.batch_key, lines)

    def batch(self) -> tuple[list[BatchLine], ObjectRef]:
        """The batch; raises InputError when there is none."""
        return read_lines(self._store, self.batch_key, BatchLine)

    def shard_prefix(self, shard: str) -> str:
        """Where the shard called `shard` is."""
        return shard_prefix(self.prefix, shard)

    def write_shard(self, shard: str, footage: Sequence[Footage]) -> str:
        """Write a shard; returns its prefix, the input of its first stage."""
        write_lines(self._store, self.shard_key(shard), footage)
        return self.shard_prefix(shard)

    def shard(self, shard: str) -> tuple[list[Footage], ObjectRef]:
        """The footage of a shard; raises InputError when there is no such shard."""
        return read_lines(self._store, self.shard_key(shard), Footage)

    def shards(self) -> list[str]:
        """The shards into which the batch was cut, by name."""
        return [last_segment(folder) for folder in self._store.list_folders(f"{self.prefix}shards/")]

    def shards_of(self, stage: str) -> list[str]:
        """The shards for which `stage` has written something."""
        return [last_segment(folder) for folder in self._store.list_folders(self.stage_prefix(stage))]

    def manifest(self, stage: str, shard: str | None = None) -> tuple[Manifest, ObjectRef]:
        """The manifest that a stage left; raises InputError when it left none."""
        return read_manifest(self._store, self.stage_prefix(stage, shard))

    def has_manifest(self, stage: str, shard: str | None = None) -> bool:
        """Whether a stage has come to its end."""
        return self._store.head(f"{self.stage_prefix(stage, shard)}{MANIFEST}") is not None

    def write_account(self, account: Account) -> ObjectRef:
        """Write the account of the run."""
        return write_record(self._store, f"{self.stage_prefix(RECONCILE)}account.json", account)

    def has_account(self) -> bool:
        """Whether the run was settled."""
        return self._store.head(f"{self.stage_prefix(RECONCILE)}account.json") is not None

    def account(self) -> Account:
        """The account of the run; raises InputError when it was not settled."""
        return read_record(self._store, f"{self.stage_prefix(RECONCILE)}account.json", Account)[0]

    def write_gathered(self, gathered: Gathered) -> ObjectRef:
        """Write what a candidate's run is about."""
        return write_record(self._store, f"{self.stage_prefix(GATHER)}{_GATHERED}", gathered)

    def gathered(self) -> tuple[Gathered, ObjectRef]:
        """The subject of a candidate's run; raises InputError where that was not written."""
        return read_record(self._store, f"{self.stage_prefix(GATHER)}{_GATHERED}", Gathered)

    def write_pictures(self, stage: str, shard: str, pictures: Iterable[ListedPicture]) -> ObjectRef:
        """Write the pictures of a shard that detect is to look at, as validate does."""
        return write_lines(self._store, f"{self.stage_prefix(stage, shard)}{PICTURES}", pictures)

    def pictures(self, stage: str, shard: str) -> tuple[list[ListedPicture], ObjectRef]:
        """The pictures of a shard that validate passed on; raises InputError where there is no such list."""
        return read_lines(self._store, f"{self.stage_prefix(stage, shard)}{PICTURES}", ListedPicture)

    def account_version(self) -> tuple[str, datetime] | None:
        """The version of the account's manifest and when it was written; None before the run was settled."""
        info = self._store.head(f"{self.stage_prefix(RECONCILE)}{MANIFEST}")
        return (info.version_id, info.modified_at) if info else None

    def write_manifest(self, manifest: Manifest, shard: str | None = None) -> ObjectRef:
        """Write the manifest of `manifest.stage`: its last act."""
        return write_manifest(self._store, self.stage_prefix(manifest.stage, shard), manifest)

    def shard_key(self, shard: str) -> str:
        """Where the footage of the shard called `shard` is listed."""
        return f"{self.shard_prefix(shard)}{SHARD}"

    def _read(self, key: str, kind: type[D]) -> tuple[D, str] | None:
        return read_current(self._store, key, kind)

    def _replace(self, key: str, document: Stored, etag: str | None) -> bool:
        return replace_current(self._store, key, document, etag)


class Runs:
    """All runs, and the newest release of any."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def at(self, prefix: str) -> Run:
        """The run with this prefix."""
        return Run(self._store, prefix)

    def live(self, batch_id: str) -> Run:
        """The live run of a batch."""
        return self.at(run_prefix(LIVE, run_name(batch_id)))

    def history(self, day: date) -> Run:
        """The history run of a UTC day."""
        return self.at(run_prefix(HISTORY, day.isoformat()))

    def watch(self, run_id: str) -> Run:
        """A run of the watch."""
        return self.at(run_prefix(WATCH, run_name(run_id)))

    def deployed(self) -> Deployed | None:
        """The stages as the newest release has them; None before the first run."""
        current = read_current(self._store, _DEPLOYED, Deployed)
        return current[0] if current else None

    def deploy(self, run: str, release: Release, now: datetime) -> None:
        """Remember `release`, made at `now` for the run with prefix `run`, as the newest one.

        No run depends on it, so one that cannot be read stops none: it is written anew.
        """
        try:
            current = read_current(self._store, _DEPLOYED, Deployed)
        except InputError as error:
            log.warning("%s; it is written anew", error)
            current = None
        if current and (current[0].stages == release.stages or current[0].since > now):
            return
        document = Deployed(run=run, since=now, stages=release.stages)
        there = self._store.head(_DEPLOYED)
        etag = current[1] if current else there.etag if there else None
        if not replace_current(self._store, _DEPLOYED, document, etag):
            log.info("another run has written its release meanwhile: it is as new as this one")
