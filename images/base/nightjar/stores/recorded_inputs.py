"""The versions that the stages of a shard worked from, so that they can do it again.

A manifest names all objects that its stage read or asked about. One of a release before 0.3 names only those that other
stages go by: what else the stage read is worked out from the time at which it began, which may err by other runs that
worked on the same camera in that moment.

What the stages of the shard wrote themselves is left out, so that it is made again: each other's output, and the lines
that this run has in the stores. What they took over from earlier runs, which only history does, is given as it was.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from nightjar.domain.batch import Footage
from nightjar.domain.layout import last_segment
from nightjar.domain.manifest import Manifest, ObjectRef, Refs
from nightjar.domain.names import Camera
from nightjar.domain.release import Release
from nightjar.domain.reproduction.request import REPRODUCED, RecordedShard, RecordedStage
from nightjar.errors import InputError
from nightjar.runtime.manifests import all_refs, read_lines, read_manifest, read_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectStore, VersionInfo
from nightjar.stores.detections import DETECTIONS
from nightjar.stores.detectors import is_of_detectors
from nightjar.stores.event_keys import EVENTS, hour_prefix, journal_key
from nightjar.stores.false_boxes import false_boxes_key
from nightjar.stores.quarantine import QUARANTINE
from nightjar.stores.runs import Run, stage_prefix
from nightjar.stores.standard import STANDARD
from nightjar.stores.validations import VALIDATIONS

_AT_ONCE = 16
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_BEFORE, _AFTER = 2 * _DAY, _DAY  # around the pictures, in which stored events may matter
_LINES = (VALIDATIONS, DETECTIONS)
_INEXACT = (
    "the run's manifests do not name all that its stages read (they are of a release before 0.3): the camera's earlier "
    "events are given as they were when assess began, by the times of their versions"
)


@dataclass(frozen=True)
class RecordedInputs:
    """The inputs of a shard: `given` are keys and versions, in the order in which they were read."""

    shard: RecordedShard
    given: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Stage:
    manifest: Manifest
    ref: ObjectRef
    refs: Refs

    @property
    def began(self) -> datetime:
        return self.manifest.started_at


def pinned_version(store: ObjectStore, run: Run, sha256: str) -> tuple[Release, ObjectRef]:
    """The release with this SHA-256 that the run was pinned to, which may not be the newest version of its object.

    Raises InputError when no version of it is kept.
    """
    release, ref = run.release()
    if ref.sha256 == sha256:
        return release, ref
    for version in store.list_versions(run.release_key):
        if version.key == run.release_key and not version.is_delete_marker:
            release, ref = read_record(store, run.release_key, Release, version.version_id)
            if ref.sha256 == sha256:
                return release, ref
    raise InputError(f"expected a version of {run.release_key!r} with SHA-256 {sha256}, found none")


def recorded_inputs(store: ObjectStore, run: Run, name: str, release: ObjectRef, *, anew: bool) -> RecordedInputs:
    """The inputs of the shard called `name` of `run`.

    With `anew`, lines that the run took over from earlier runs are left out. A shard that cannot be done again has a
    `problem` in place of that. Versions that are gone are named.
    """
    try:
        return _recorded(store, run, name, release, anew=anew)
    except InputError as error:
        return RecordedInputs(RecordedShard(name=name, problem=str(error)))


def _recorded(store: ObjectStore, run: Run, name: str, release: ObjectRef, *, anew: bool) -> RecordedInputs:
    stages = dict(_stages(store, run, name))
    if not stages:
        raise InputError("expected a manifest of validate for the shard, found none: it was not worked on")
    for stage, each in stages.items():
        if each.manifest.release != release.sha256:
            by = each.manifest.release or "none, as runs of release 0.1 were"
            raise InputError(f"expected {stage} to have worked by release {release.sha256}, its manifest says {by}")
    footage, shard_ref = _footage(store, run, name, stages["validate"].manifest)
    inexact = not all(each.manifest.names_all for each in stages.values())
    wanted = [release, shard_ref, *(_of_footage(each) for each in footage)]
    for stage, each in stages.items():
        own = {ref.identity for ref in each.refs.objects}
        read = [*each.refs.asked, *each.refs.inputs]  # of a key in several versions, the one read last counts
        if not each.manifest.names_all:
            read += _worked_out(store, run, stage, each, footage)
        wanted += [ref for ref in read if _is_input(ref, run, own, anew=anew)]
    found, gone = _found(store, wanted)
    found += _there_before(store, stages["validate"])
    recorded = RecordedShard(
        name=name,
        stages=tuple(
            RecordedStage(stage=stage, manifest=each.ref, as_of=each.began.date()) for stage, each in stages.items()
        ),
        given=len(found),
        gone=tuple(gone),
        problem=_told(gone) if gone else None,
        inexact=_INEXACT if inexact else None,
    )
    return RecordedInputs(recorded, tuple(ref.identity for ref in found))


def _stages(store: ObjectStore, run: Run, name: str) -> Iterator[tuple[str, _Stage]]:
    """The stages that came to their end, up to the first that did not."""
    for stage in REPRODUCED:
        if not run.has_manifest(stage, name):
            return
        manifest, ref = read_manifest(store, stage_prefix(run.prefix, stage, name))
        yield stage, _Stage(manifest, ref, all_refs(store, manifest))


def _footage(store: ObjectStore, run: Run, name: str, validate: Manifest) -> tuple[list[Footage], ObjectRef]:
    """The footage of the shard, in the version of its list that validate read."""
    key = run.shard_key(name)
    versions = [ref.version_id for ref in validate.inputs if ref.key == key]
    return read_lines(store, key, Footage, versions[-1] if versions else None)


def _of_footage(footage: Footage) -> ObjectRef:
    return ObjectRef(key=footage.key, version_id=footage.version_id, sha256=footage.sha256, size=footage.size)


def _is_input(ref: ObjectRef, run: Run, own: set[tuple[str, str]], *, anew: bool) -> bool:
    """Whether a stage is given again what it read."""
    if ref.identity in own or ref.key.startswith(run.prefix) or is_of_detectors(ref.key):
        return False  # detect says anew which detector its image is
    if not ref.key.startswith(_LINES):
        return True
    is_own = last_segment(ref.key).startswith(f"{run.name}.")
    return not run.is_live and not is_own and not anew


def _found(store: ObjectStore, wanted: Iterable[ObjectRef]) -> tuple[list[ObjectRef], list[ObjectRef]]:
    """Those of `wanted` that are there in their version, and those that are not, each once, in order."""
    last: dict[tuple[str, str], ObjectRef] = {}
    for ref in wanted:
        last.pop(ref.identity, None)
        last[ref.identity] = ref
    infos = in_parallel(lambda ref: store.head(ref.key, ref.version_id), last.values(), _AT_ONCE)
    found, gone = list[ObjectRef](), list[ObjectRef]()
    for ref, info in zip(last.values(), infos, strict=True):
        (found if info else gone).append(ref)
    return found, gone


def _there_before(store: ObjectStore, validate: _Stage) -> list[ObjectRef]:
    """The pictures and refusals of the shard that an earlier run, or an earlier try, had left before validate began.

    validate makes them again, compares, and leaves them as they are where they are the same.
    """
    refs = [ref for ref in validate.refs.objects if ref.key.startswith((STANDARD, QUARANTINE))]
    infos: Iterator[ObjectInfo | None] = in_parallel(lambda ref: store.head(ref.key, ref.version_id), refs, _AT_ONCE)
    began = validate.began.replace(microsecond=0)  # S3 tells whole seconds
    return [ref for ref, info in zip(refs, infos, strict=True) if info and info.modified_at < began]


def _told(gone: list[ObjectRef]) -> str:
    first = ", ".join(f"{ref.key} in version {ref.version_id}" for ref in gone[:3])
    more = f" and {len(gone) - 3:,} more" if len(gone) > 3 else ""
    return f"expected all versions that it was worked from, these are erased: {first}{more}"


def _worked_out(store: ObjectStore, run: Run, stage: str, done: _Stage, footage: list[Footage]) -> Iterator[ObjectRef]:
    """Objects that `stage` read besides, by the time at which it began, for a manifest that does not name it."""
    cameras = sorted({each.camera for each in footage})
    times = [each.name.taken_at for each in footage]
    yield from _parts_of_rules(store, done.manifest)
    if not times:
        return
    if stage == "validate":
        outcomes = done.manifest.counts.outcomes
        if any(outcome == "duplicate" or outcome.startswith("quarantined:identity") for outcome in outcomes):
            yield from _pictures_of_others(store, done, footage)
    if stage == "assess":
        keys = [key for camera in cameras for key in (journal_key(camera), false_boxes_key(camera))]
        folders = [folder for camera in cameras for folder in _folders(camera, min(times), max(times))]
        yield from _before(store, [*keys, *folders], done.began, done.refs.objects)
    elif not run.is_live:
        top = _LINES[stage == "detect"]
        maker = done.manifest.result.get("detector" if stage == "detect" else "validator")
        days = sorted({(each.camera, each.name.taken_at.date()) for each in footage})
        folders = [f"{top}{maker}/{day:%Y/%m/%d}/{camera.name}/" for camera, day in days]
        yield from _before(store, folders, done.began, done.refs.objects)


def _parts_of_rules(store: ObjectStore, manifest: Manifest) -> Iterator[ObjectRef]:
    """The parts of rules that are read by user, which lie beside the object that names them."""
    for ref in manifest.inputs:
        folder, _, name = ref.key.rpartition("/")
        if name == "parts.json":
            for info in store.list_objects(f"{folder}/users/"):
                if there := store.head(info.key):
                    yield ObjectRef(key=there.key, version_id=there.version_id, sha256="", size=there.size)


def _pictures_of_others(store: ObjectStore, done: _Stage, footage: list[Footage]) -> Iterator[ObjectRef]:
    """The pictures that other footage had left by the end of validate, where the shard made duplicates of them."""
    own = {ref.key for ref in done.refs.objects}
    hours = {(each.camera, each.name.taken_at + later) for each in footage for later in (timedelta(), _HOUR)}
    folders = sorted({f"{STANDARD}{hour:%Y/%m/%d/%H}/{camera.name}/" for camera, hour in hours})
    return (ref for ref in _before(store, folders, done.manifest.finished_at, ()) if ref.key not in own)


def _folders(camera: Camera, first: datetime, last: datetime) -> Iterator[str]:
    """Where the events and threats of a camera are around these times."""
    hour, end = (first - _BEFORE).replace(minute=0, second=0, microsecond=0), last + _AFTER
    days = dict[str, None]()
    while hour <= end:
        yield hour_prefix(camera, hour)
        days[f"{EVENTS}{hour:%Y/%m/%d}/{camera.name}/"] = None
        hour += _HOUR
    yield from days


def _before(
    store: ObjectStore, prefixes: Iterable[str], moment: datetime, own: Iterable[ObjectRef]
) -> Iterator[ObjectRef]:
    """The objects below `prefixes` as they were at `moment`, without the versions in `own`."""
    mine = {ref.identity for ref in own}
    for listed in in_parallel(partial(_versions, store), prefixes, _AT_ONCE):
        newest: dict[str, VersionInfo] = {}
        for version in listed:
            if version.modified_at > moment or (version.key, version.version_id) in mine:
                continue
            other = newest.get(version.key)
            if other is None or (version.modified_at, version.is_latest) >= (other.modified_at, other.is_latest):
                newest[version.key] = version
        for version in newest.values():
            if not version.is_delete_marker:
                yield ObjectRef(key=version.key, version_id=version.version_id, sha256="", size=version.size)


def _versions(store: ObjectStore, prefix: str) -> list[VersionInfo]:
    return list(store.list_versions(prefix))
