"""The task that made a thing: by the names of files, and by the manifests and the release of its run.

A manifest names the objects that a task wrote, each in its version; so it says which version took part, however often
the object has changed since.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from nightjar.domain.batch import RETRY, BatchLine
from nightjar.domain.detections import DetectorRef
from nightjar.domain.detectors import detector_id
from nightjar.domain.layout import last_segment
from nightjar.domain.lineage.nodes import Maker
from nightjar.domain.manifest import ObjectRef, Refs, TaskRef
from nightjar.domain.names import Camera
from nightjar.errors import InputError
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.subjects import By
from nightjar.runtime.manifests import all_refs
from nightjar.runtime.store import ObjectInfo, ObjectUnreadableError
from nightjar.stores.line_store import WHOLE_DAY
from nightjar.stores.run_index import AIRFLOWS, runs_between
from nightjar.stores.runs import CANDIDATE, HISTORY, LIVE, WATCH, folder_of, run_prefix

_STARTED = re.compile(rf"(?:{RETRY})?([0-9]{{8}}T[0-9]{{6}}Z)-[0-9a-f]{{12}}", re.ASCII)
_MOST_SHARDS = 256  # whose manifests are looked through for the one that has a packed camera
_WATCHED_BACK = timedelta(hours=2)  # a run of the watch waits for footage for an hour at the most
_MOST_WATCHED = 12
_CLOCKS_APART = timedelta(seconds=60)  # of S3 and of a node, at the most


def maker_of(reading: Reading, by: By, detector: DetectorRef | None = None) -> Maker | None:
    """The task that `by` names, with what its run says of it; None where nothing is known of it."""
    if not by.run:
        return _with_detector(Maker(stage=by.stage), detector) if detector or by.stage else None
    released = reading.release(by.run)
    proof = reading.manifest(by.run, by.stage, by.shard or None) if by.stage else None
    stage = released[0].stages.get(by.stage) if released else None
    made = Maker(
        stage=by.stage,
        run=folder_of(by.run),
        shard=by.shard,
        image=proof[0].image if proof else stage.image if stage else "",
        digest=(proof[0].image_digest if proof else None) or (stage.digest if stage else None) or "",
        rules_sha256=released[0].rules.sha256 if released else "",
        release=released[1].sha256 if released else "",
        settings=stage.settings if stage else {},
        task=_task(proof[0].task) if proof and proof[0].task else {},
    )
    return _with_detector(made, detector)


def _task(task: TaskRef) -> dict[str, str]:
    """The try in Airflow, by which its log is found."""
    index = {"map index": str(task.map_index)} if task.map_index >= 0 else {}
    pod = {"pod": task.pod} if task.pod else {}
    return {"task": task.task_id, "run in Airflow": task.run_id, **index, "try": str(task.try_number), **pod}


def _with_detector(maker: Maker, detector: DetectorRef | None) -> Maker:
    if detector is None:
        return maker
    return replace(
        maker,
        image=maker.image or detector.tag,
        model=detector.model,
        model_sha256=detector.sha256,
        detector=detector_id(detector.sha256, detector.settings),
    )


def written(reading: Reading, by: By, key: str) -> ObjectRef | None:
    """The object at `key` as the task wrote it; None where its manifest does not name it."""
    if not (by.run and by.stage):
        return None
    return _refs(reading, by)[1].get(key)


def read(reading: Reading, by: By, key: str) -> ObjectRef | None:
    """The object at `key` as the task read it last; None where its manifest does not name it."""
    return _refs(reading, by)[0].get(key) if by.run and by.stage else None


def all_read(reading: Reading, by: By) -> list[ObjectRef]:
    """The objects that the task read, each as it read it last; none where that was not recorded."""
    proof = reading.manifest(by.run, by.stage, by.shard or None) if by.run and by.stage else None
    return list(_refs(reading, by)[0].values()) if proof and proof[0].names_all else []


def _refs(reading: Reading, by: By) -> tuple[dict[str, ObjectRef], dict[str, ObjectRef]]:
    """The versions that a task read and wrote, by key: of several versions the last one."""

    def refs() -> tuple[dict[str, ObjectRef], dict[str, ObjectRef]]:
        proof = reading.manifest(by.run, by.stage, by.shard or None)
        if proof is None:
            return {}, {}
        try:
            named = all_refs(reading.store, proof[0])
        except InputError:  # its longer list is gone: what the manifest itself names is enough for most
            named = Refs(inputs=proof[0].inputs, objects=proof[0].objects)
        return {ref.key: ref for ref in named.inputs}, {ref.key: ref for ref in named.objects}

    return reading.once(("refs", by), refs)


def made_by(reading: Reading, by: By, ref: ObjectRef) -> bool:
    """Whether the task made the version, and did not find it there: it is not older than the task's work."""
    proof = reading.manifest(by.run, by.stage, by.shard or None)
    try:
        now = reading.head(ref.key)
        info = now if now and now.version_id == ref.version_id else reading.head(ref.key, ref.version_id)
    except ObjectUnreadableError:
        info = None
    return proof is None or info is None or info.modified_at >= proof[0].started_at - _CLOCKS_APART


def of_prefix(prefix: str) -> By:
    """The task that writes below `prefix`, `runs/<dag>/<run>/<stage>/[<shard>/]`; By() for any other text."""
    match prefix.rstrip("/").split("/"):
        case [_, dag, run, stage, *shard] if len(shard) <= 1:
            return By(run_prefix(dag, run), stage, shard[0] if shard else "")
    return By()


def of_file(reading: Reading, key: str, camera: Camera, stage: str) -> By:
    """The task that wrote a file of lines about `camera`: `…/<run>[.<n>].jsonl`; without a run for `day.jsonl`."""
    name = last_segment(key)
    if name == WHOLE_DAY:
        return By(stage=stage)
    run, _, part = name.removesuffix(".jsonl").rpartition(".")
    if not (run and part.isdecimal()):
        run, part = name.removesuffix(".jsonl"), ""
    prefix = prefix_of_run(run)
    return By(prefix, stage, shard_of(reading, prefix, camera, stage, key, part))


def prefix_of_run(name: str) -> str:
    """The folder of a run that writes lines or rows.

    A history run is called by its day, one of a candidate as Airflow calls runs, a live one by its batch.
    """
    with suppress(ValueError):
        date.fromisoformat(name)
        return run_prefix(HISTORY, name)
    return run_prefix(CANDIDATE if name.startswith(AIRFLOWS) else LIVE, name)


def shard_of(reading: Reading, prefix: str, camera: Camera, stage: str, key: str, part: str = "") -> str:
    """The shard of a run that has `camera`, or its `part`; empty where it cannot be told.

    Where cameras are packed, it is the one whose manifest of `stage` names `key`.
    """
    names = reading.shards(prefix)
    name = f"{camera.name}.{part}" if part else camera.name
    if name in names:
        return name
    candidates = [each for each in names if each.startswith(("pack-", f"{camera.name}."))]
    for each in candidates[:_MOST_SHARDS]:
        if written(reading, By(prefix, stage, each), key):
            return each
    return ""


def began(name: str) -> datetime | None:
    """When the first footage of a live run's batch landed, by the run's name; None for other names."""
    match = _STARTED.fullmatch(name)
    try:
        return datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def batch_line(reading: Reading, prefix: str, footage_key: str, footage_version: str) -> BatchLine | None:
    """The line of a run's batch about that version of an original."""

    def read() -> dict[tuple[str | None, str | None], BatchLine]:
        lines: Sequence[BatchLine] = reading.lines(reading.run(prefix).batch_key, BatchLine)
        return {(line.footage_key, line.footage_version): line for line in reversed(lines)}

    return reading.once(("batch", prefix), read).get((footage_key, footage_version))


def collected_by(reading: Reading, prefix: str) -> By:
    """The run of the watch whose collect filed the batch of the live run with the folder `prefix`."""
    return reading.once(("collected", prefix), lambda: _collected_by(reading, prefix))


def _collected_by(reading: Reading, prefix: str) -> By:
    run = reading.run(prefix)
    try:
        batch = reading.head(run.batch_key)
    except ObjectUnreadableError:
        batch = None
    if not run.is_live or batch is None:
        return By(stage="collect")
    return filed_by(reading, run.batch_key, batch)


def filed_by(reading: Reading, key: str, info: ObjectInfo | None) -> By:
    """The run of the watch whose collect wrote the object at `key`, an original or a batch, as `info` has it."""
    if info is None:
        return By(stage="collect")
    at = info.modified_at
    names = reading.once(("watch", at), lambda: runs_between(reading.store, WATCH, at - _WATCHED_BACK, at))
    for name in names[:_MOST_WATCHED]:
        by = By(run_prefix(WATCH, name), "collect")
        ref = written(reading, by, key)
        if ref and ref.version_id == info.version_id:
            return by
    return By(stage="collect")
