"""Which tasks worked on an alert, an event, a picture, a camera or a run: from what their manifests say of them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.manifest import TaskRef
from nightjar.domain.names import Camera, NameRefused
from nightjar.domain.release import Started
from nightjar.domain.stages import SHARD_STAGES, STAGES
from nightjar.errors import InputError
from nightjar.queries.asked_about import Asked, asked_about
from nightjar.runtime.current import read_current
from nightjar.runtime.store import ObjectStore
from nightjar.stores.run_index import newest_runs
from nightjar.stores.runs import HISTORY, LIVE, PATROL, REPORT, WATCH, Run, Runs, folder_of, run_prefix

DAGS = (LIVE, HISTORY, WATCH, REPORT, PATROL)
_RUNS_BACK = 200  # live runs that are looked through for a camera


@dataclass(frozen=True)
class StageTask:
    """The task of a stage, of a shard or of the whole run. `is_recorded`: by its manifest, or that of another stage of
    the shard; otherwise the map index is not known, and -1."""

    stage: str
    shard: str | None
    task: TaskRef
    is_recorded: bool


@dataclass(frozen=True)
class RunTasks:
    """The tasks of a run that are asked about, in the order of the chain."""

    run: str  # <dag>/<run>
    tasks: tuple[StageTask, ...]


def tasks_of(store: ObjectStore, name: str, stage: str | None, now: datetime, most: int) -> list[RunTasks]:
    """The tasks that worked on what is called `name`, of at most `most` runs, the newest first.

    Raises InputError when there is no such thing, or no run of it is kept.
    """
    found = _runs_of(store, name, now)
    chosen = []
    for run, shards in found:
        if tasks := tuple(_tasks(store, run, shards, stage)):
            chosen.append(RunTasks(folder_of(run.prefix), tasks))
        if len(chosen) == most:
            break
    if not chosen:
        which = f"a task of {stage}" if stage else "a run"
        raise InputError(f"expected {which} that worked on {name!r:.200}, found none whose folder is kept")
    return chosen


def _runs_of(store: ObjectStore, name: str, now: datetime) -> Iterator[tuple[Run, Sequence[str] | None]]:
    """The runs, and the shards of each that count; None for all, and for what is no shard's."""
    if (run := _run_named(store, name)) is not None:
        yield run, None
        return
    is_camera = False
    with suppress(NameRefused):
        camera = Camera.parse(name)
        for state in newest_runs(store, LIVE, now, _RUNS_BACK):
            run = Runs(store).at(run_prefix(LIVE, state.name))
            if shards := _shards_with(run, camera):
                is_camera = True
                yield run, shards
    if not is_camera:  # ids of messages may look like the name of a camera
        yield from _runs_that_made(store, asked_about(store, name))


def _run_named(store: ObjectStore, name: str) -> Run | None:
    dag, _, rest = folder_of(name.strip("/")).partition("/")
    places = [(dag, rest.partition("/")[0])] if rest else [(each, dag) for each in DAGS]
    for dag, run_name in places:
        if dag in DAGS and run_name and (run := Runs(store).at(run_prefix(dag, run_name))).has_begun():
            return run
    return None


def _runs_that_made(store: ObjectStore, asked: Asked) -> Iterator[tuple[Run, Sequence[str] | None]]:
    """The run that told, if anybody was told; then those that looked at the picture."""
    from nightjar.queries.runs_of import runs_that_saw
    from nightjar.stores.ledger import Ledger

    seen = set[str]()
    lines = [asked.line] if asked.line else [line for event in asked.events if (line := Ledger(store).find(event))]
    for line in lines:
        parts = line.alert.holder.strip("/").split("/")
        if len(parts) >= 4 and parts[0] == "runs" and parts[1] in DAGS:
            run = Runs(store).at(run_prefix(parts[1], parts[2]))
            shards = [parts[4]] if len(parts) > 4 else None
            if run.prefix not in seen and run.has_begun():
                seen.add(run.prefix)
                yield run, shards
    if asked.camera is None or asked.moment is None:
        return
    from nightjar.stores.detections import Detections

    for detector in Detections(store).makers():
        for name in runs_that_saw(store, detector, asked.camera, asked.moment):
            for dag in (LIVE, HISTORY):
                run = Runs(store).at(run_prefix(dag, name))
                if run.prefix not in seen and run.has_begun():
                    seen.add(run.prefix)
                    yield run, _shards_with(run, asked.camera)


def _shards_with(run: Run, camera: Camera) -> list[str]:
    """The shards of a run that have footage of the camera: by their names or, of several cameras, by their lines."""
    shards = run.shards()
    own = [shard for shard in shards if shard.partition(".")[0] == camera.name]
    if own:
        return own
    packs = [shard for shard in shards if "-" not in shard or shard.startswith("pack-")]
    return [shard for shard in packs if _holds(run, shard, camera)]


def _holds(run: Run, shard: str, camera: Camera) -> bool:
    try:
        return any(footage.camera == camera for footage in run.shard(shard)[0])
    except InputError:
        return False


def _tasks(store: ObjectStore, run: Run, shards: Sequence[str] | None, stage: str | None) -> Iterator[StageTask]:
    dag = folder_of(run.prefix).partition("/")[0]
    current = read_current(store, run.started_key, Started)
    run_id = current[0].dag_run if current else run.name
    for shard in run.shards() if shards is None else shards:
        recorded = {each: _recorded(run, each, shard) for each in SHARD_STAGES}
        known = next((task for task in recorded.values() if task), None)
        for each in SHARD_STAGES:
            if stage in (None, each):
                guess = TaskRef(dag_id=dag, run_id=known.run_id if known else run_id, task_id=f"shard.{each}")
                beside = guess.model_copy(update={"map_index": known.map_index, "try_number": 0}) if known else guess
                yield StageTask(each, shard, recorded[each] or beside, known is not None)
    for each in () if shards is not None else [name for name in STAGES if name not in SHARD_STAGES]:
        # A stage that left no manifest has logged why, if somebody asks for it.
        if stage == each or (stage is None and run.has_manifest(each)):
            guess = TaskRef(dag_id=dag, run_id=run_id, task_id=each, try_number=0)
            yield StageTask(each, None, _recorded(run, each, None) or guess, True)


def _recorded(run: Run, stage: str, shard: str | None) -> TaskRef | None:
    """The try whose manifest is there; None without a manifest, and for that of an older release."""
    try:
        return run.manifest(stage, shard)[0].task
    except InputError:
        return None
