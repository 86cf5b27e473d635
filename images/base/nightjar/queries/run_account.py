"""A run as its folder tells it: the release, the footage, the account, and the proofs of the stages over the whole run.

Its shards are asked for page by page (`run_shards`), so that a run of a thousand shards costs as much as a small one.
Whatever cannot be read is said in `problems`, beside all that can.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from nightjar.domain.accounts import Account
from nightjar.domain.batch import BATCH_ID, BatchLine, Outcome
from nightjar.domain.layout import MANIFEST
from nightjar.domain.manifest import Manifest
from nightjar.domain.operator_troubles import DagRun, OperatorKind
from nightjar.domain.release import Ended, Release, Started
from nightjar.domain.troubles import OPERATOR
from nightjar.errors import InputError
from nightjar.queries.readable import document_at, lines_at, told
from nightjar.runtime.current import read_current
from nightjar.runtime.manifests import read_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import (
    CANDIDATE,
    HISTORY,
    LIVE,
    PATROL,
    RECONCILE,
    REPORT,
    WATCH,
    Run,
    Runs,
    run_name,
    run_prefix,
)
from nightjar.stores.troubles import Troubles

LARGEST_BATCH = 4 << 20  # bytes: a larger batch is not read to count footage by camera; the account has the sums
# The stages over the whole run, by DAG. Release 0.1 had no shards from assess on: live and history look for those, too.
WHOLE_RUN: Mapping[str, tuple[str, ...]] = {
    WATCH: ("collect",),
    LIVE: ("assess", "notify", RECONCILE, "record", "report"),
    HISTORY: ("assess", "notify", RECONCILE, "record", "report"),
    REPORT: ("report",),
    PATROL: ("survey", "tell"),
    CANDIDATE: ("compare",),
}
OF_NIGHTJAR = tuple(WHOLE_RUN)
_READERS = 8


@dataclass(frozen=True)
class Proof:
    """The manifest that a stage left. `is_current` is False for one of another release than the run is pinned to now.

    The run, or the stage, was cleared since and has not come to its end again.
    """

    manifest: Manifest
    is_current: bool = True


@dataclass(frozen=True)
class FootageOf:
    """The footage of one camera in the batch of a run, in triggers; `refused` and `duplicates` are those of collect."""

    camera: str
    stills: int = 0
    videos: int = 0
    duplicates: int = 0
    refused: int = 0

    @property
    def triggers(self) -> int:
        """All of it."""
        return self.stills + self.videos + self.duplicates + self.refused


@dataclass(frozen=True)
class RunAccount:
    """All that a run's folder tells of the run as a whole.

    `started` names the DAG run that works on the folder, `began` is when it took it up; `sha256` is the release's.
    `footage` is None where there is no batch, or a larger one than is read here. `trouble` is the sentence of which the
    operator was told.
    """

    dag: str
    name: str
    began: datetime | None = None
    started: Started | None = None
    ended: Ended | None = None
    release: Release | None = None
    sha256: str = ""
    account: Account | None = None
    footage: tuple[FootageOf, ...] | None = None
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    trouble: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether there is anything of the run in the bucket."""
        return self.began is not None or self.release is not None or self.account is not None or bool(self.proofs)

    def run(self, store: ObjectStore) -> Run:
        """The run's folder."""
        return Runs(store).at(run_prefix(self.dag, self.name))


def folder_name(dag: str, run_id: str, batch_id: str = "", day: date | None = None) -> str | None:
    """The name of the folder of a run of Airflow; None for one that has none.

    `batch_id` is the parameter of a live run, whose run id is the same where the watch triggered it; `day` is the start
    of the data interval of a history run.
    """
    if dag == LIVE:
        return next((each for each in (batch_id, run_id) if re.fullmatch(BATCH_ID, each)), None)
    if dag == HISTORY:
        return day.isoformat() if day else None
    return run_name(run_id) if dag in WHOLE_RUN and run_id else None


def run_account(store: ObjectStore, dag: str, name: str) -> RunAccount:
    """The run of `dag` whose folder is called `name`, at the cost of a dozen requests."""
    run, problems = Runs(store).at(run_prefix(dag, name)), list[str]()
    started = told(problems, lambda: document_at(store, run.started_key, Started))
    head = store.head(run.started_key) or store.head(run.release_key)
    began = head.modified_at if head else None
    release, sha256 = told(problems, lambda: _release(store, run)) or (None, "")
    ended = told(problems, lambda: document_at(store, run.ended_key, Ended))
    if ended and began and ended.ended_at < began:
        ended = None  # of an earlier start: the run was cleared since
    trouble = told(problems, lambda: _trouble(store, dag, name, started))
    return RunAccount(
        dag=dag,
        name=name,
        began=began,
        started=started,
        ended=ended,
        release=release,
        sha256=sha256,
        account=told(problems, lambda: run.account() if run.has_account() else None),
        footage=_footage(store, run, problems),
        proofs=proofs_of(store, run, [(stage, None) for stage in WHOLE_RUN[dag]], sha256, problems)[None],
        trouble=trouble or "",
        problems=tuple(problems),
    )


def proofs_of(
    store: ObjectStore, run: Run, places: Iterable[tuple[str, str | None]], sha256: str, problems: list[str]
) -> dict[str | None, dict[str, Proof]]:
    """The manifests at `places` (stage and shard), by shard and stage, as far as there are any."""
    asked = list(places)
    by_shard: dict[str | None, dict[str, Proof]] = {shard: {} for _, shard in asked}

    def read(place: tuple[str, str | None]) -> tuple[Manifest, str] | InputError | None:
        try:
            return read_current(store, f"{run.stage_prefix(*place)}{MANIFEST}", Manifest)
        except InputError as error:
            return error

    for (stage, shard), answer in zip(asked, in_parallel(read, asked, _READERS), strict=True):
        if isinstance(answer, InputError):
            problems.append(str(answer))
        elif answer is not None:
            manifest = answer[0]
            # Release 0.1 did not say by which release a stage worked; collect works outside of one.
            is_current = not (manifest.release and sha256 and manifest.release != sha256)
            by_shard[shard][stage] = Proof(manifest, is_current)
    return by_shard


def footage_by_camera(lines: Iterable[BatchLine]) -> tuple[FootageOf, ...]:
    """The footage of a batch by camera; what has no good name is counted under "" last."""
    counts: dict[str, Counter[str]] = {}
    for line in lines:
        name = line.source.name
        count = counts.setdefault(name.camera.name if name else "", Counter())
        if line.outcome == Outcome.FILED and name:
            count["videos" if name.is_video else "stills"] += 1
        else:
            count["duplicates" if line.outcome == Outcome.DUPLICATE else "refused"] += 1
    return tuple(FootageOf(camera, **counts[camera]) for camera in sorted(counts, key=lambda name: (not name, name)))


def _release(store: ObjectStore, run: Run) -> tuple[Release, str] | None:
    if store.head(run.release_key) is None:
        return None
    release, ref = read_record(store, run.release_key, Release)
    return release, ref.sha256


def _footage(store: ObjectStore, run: Run, problems: list[str]) -> tuple[FootageOf, ...] | None:
    head = store.head(run.batch_key)
    if head is None or head.size > LARGEST_BATCH:
        return None
    return footage_by_camera(lines_at(store, run.batch_key, BatchLine, problems))


def _trouble(store: ObjectStore, dag: str, name: str, started: Started | None) -> str | None:
    """Why the run failed, as the operator was told; of DAGs whose next run makes up for it, only if it is this run."""
    names = [started.dag_run] if started else []
    for run_id in dict.fromkeys([*names, name]):
        stored = Troubles(store).find(OPERATOR, DagRun(dag, run_id).kind(OperatorKind.RUN_FAILED))
        if stored and stored.trouble.is_open and stored.trouble.facts.text.startswith(f"Run {run_id}: "):
            return stored.trouble.facts.text.removeprefix(f"Run {run_id}: ")
    return None
