"""What the report reads of its run: the batch, and what every stage before it made of it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from nightjar.domain.alerts import Alert
from nightjar.domain.batch import BatchLine, Footage, Outcome
from nightjar.domain.detections import Detection, FailedPicture
from nightjar.domain.events import Event, Suppressed
from nightjar.domain.layout import (
    BATCH,
    FAILURES,
    MANIFEST,
    alert_key,
    event_key,
    last_segment,
    stage_prefix,
)
from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.release import Release, image_tag
from nightjar.domain.rules import Rules, Safe
from nightjar.domain.validations import Validation
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines, read_manifest, read_record
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar.stores.rules import RulesStore
from nightjar_report.pictures import Findings, FootageId

READERS = 16

L = TypeVar("L", bound=Stored)
T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """A run as far as the report needs it: who it was, what it worked on, what was decided."""

    name: str  # a folder below runs/
    release: Release
    rules: Rules
    batch: list[BatchLine]
    reconciled: Manifest
    inputs: tuple[ObjectRef, ...]

    @property
    def folder(self) -> str:
        """The prefix of the run."""
        return f"runs/{self.name}/"

    @property
    def part(self) -> str:
        """The name of its part of a partition."""
        return f"{last_segment(self.name)}.parquet"

    @property
    def validator(self) -> str:
        """The tag of the run's validate image."""
        return image_tag(self.release.images["validate"])

    @property
    def detector(self) -> str:
        """The tag of the run's detect image."""
        return image_tag(self.release.images["detect"])

    @property
    def filed_lines(self) -> list[BatchLine]:
        """What was worked on."""
        return [line for line in self.batch if line.outcome is Outcome.FILED]

    def timezone(self, user: str) -> str:
        """The IANA zone of `user` by the run's rules; UTC for a user they do not know."""
        known = self.rules.users.get(user)
        return known.timezone if known else "UTC"

    @property
    def provenance(self) -> dict[str, object]:
        """By what these records were made: run, image of every stage, rules."""
        rules = self.release.rules
        return {"run": self.name, "images": self.release.images, "rules": rules.sha256, "problem": rules.problem}


def read_run(context: StageContext) -> Run:
    """The run that the stage works for; raises InputError when a stage before it left no manifest."""
    store, prefix = context.store, context.run_prefix
    release, release_ref = context.release()
    rules, rules_ref = RulesStore(store).load(release.rules)
    batch, batch_ref = read_lines(store, f"{prefix}{BATCH}", BatchLine)
    reconciled, reconciled_ref = read_manifest(store, stage_prefix(prefix, "reconcile"))
    _, assessed_ref = read_manifest(store, stage_prefix(prefix, "assess"))
    _, notified_ref = read_manifest(store, context.input_prefix)
    return Run(
        name=prefix.removeprefix("runs/").rstrip("/"),
        release=release,
        rules=rules,
        batch=batch,
        reconciled=reconciled,
        inputs=(release_ref, rules_ref, batch_ref, reconciled_ref, assessed_ref, notified_ref),
    )


def batch_findings(
    store: ObjectStore, run: Run, events: Iterable[Event], held_back: Mapping[str, Sequence[str]]
) -> Iterator[Findings]:
    """What is stored about the batch: first what was not filed, then camera by camera, so that memory is bounded.

    Only what reconcile vouches for counts, in exactly these versions. `held_back` says, by standard key, why rules did.
    """
    yield Findings(run.name, run.validator, [line for line in run.batch if line.outcome is not Outcome.FILED])
    lines = by_camera(run.filed_lines, lambda line: line.footage.camera.name)
    event_of = by_camera(events, lambda event: event.camera.name)
    validated = by_camera(_validation_refs(store, run), _camera_folder)
    detected = by_camera(_detection_refs(run), _camera_folder)
    failed = failures(store, run)

    def read(camera: str) -> Findings:
        validations = _read_lines(store, validated[camera], Validation)
        return Findings(
            run=run.name,
            validator=run.validator,
            batch=lines[camera],
            validations=by_footage((line.footage for line in lines[camera]), validations),
            detections=_read_lines(store, detected[camera], Detection),
            events=event_of[camera],
            suppressed=held_back,
            failures=failed,
        )

    yield from few_at_a_time(read, sorted(lines))


def few_at_a_time(read: Callable[[str], Findings], cameras: Sequence[str]) -> Iterator[Findings]:
    """`read` of each camera, some at once but never all: what it gives may be large."""
    for first in range(0, len(cameras), READERS):
        yield from in_parallel(read, cameras[first : first + READERS], READERS)


def by_camera(things: Iterable[T], camera: Callable[[T], str]) -> defaultdict[str, list[T]]:
    """`things` by the name of their camera."""
    found: defaultdict[str, list[T]] = defaultdict(list)
    for thing in things:
        found[camera(thing)].append(thing)
    return found


def _detection_refs(run: Run) -> list[ObjectRef]:
    return [r for r in run.reconciled.objects if r.key.startswith("detections/") and r.key.endswith(".jsonl")]


def _validation_refs(store: ObjectStore, run: Run) -> Iterable[ObjectRef]:
    """From the manifests of the shards that reconcile has proof of."""
    proven = [r for r in run.reconciled.inputs if "/validate/" in r.key and r.key.endswith(MANIFEST)]
    manifests = in_parallel(lambda r: read_record(store, r.key, Manifest, r.version_id)[0], proven, READERS)
    return {r.key: r for m in manifests for r in m.objects if r.key.startswith("validations/")}.values()


def _camera_folder(ref: ObjectRef) -> str:
    """`alice-porch` of `…/alice-porch/<run>.jsonl`."""
    return last_segment(ref.key.rpartition("/")[0])


def batch_events(store: ObjectStore, run: Run) -> list[Event]:
    """The events that pictures of the batch belonged to when the run judged them."""
    return read_lines(store, f"{run.folder}assess/events.jsonl", Event)[0]


def as_stored(store: ObjectStore, events: Iterable[Event]) -> list[Event]:
    """`events` as they are by now: other runs may have extended them; without those that are no longer there."""
    keys = [event_key(event.started_at, event.camera, event.id) for event in events]
    return [event for event in in_parallel(partial(read_if_there, store, Event), keys, READERS) if event]


def suppressed(store: ObjectStore, run: Run) -> dict[str, list[str]]:
    """Why rules that name what was seen held back, by standard key, the nearest miss first."""
    lines, _ = read_lines(store, f"{run.folder}assess/suppressed.jsonl", Suppressed)
    return {line.standard_key: reasons for line in lines if (reasons := _misses(line))}


def failures(store: ObjectStore, run: Run) -> dict[str, str]:
    """Why detect could not look at a picture, by standard key; reconcile names the files, where there are any."""
    refs = [r for r in run.reconciled.objects if r.key.endswith(f"/{FAILURES}")]
    return {line.standard_key: line.reason for line in _read_lines(store, refs, FailedPicture)}


def _misses(line: Suppressed) -> list[str]:
    found = {one.reason for one in line.objects if one.reason is not Safe.NOT_UNSAFE}
    return [reason.value for reason in Safe if reason in found]


def alerts_about(store: ObjectStore, events: Iterable[Event]) -> list[tuple[str, Alert]]:
    """The ledger's lines about `events`, each with its key; none about an event that nobody was told about."""
    return [found for found in in_parallel(partial(_alert_about, store), events, READERS) if found]


def _alert_about(store: ObjectStore, event: Event) -> tuple[str, Alert] | None:
    """The line stays where it was written first, by the start that the event had then."""
    days = (event.ended_at.date() - event.started_at.date()).days
    moments = [event.started_at, *(event.started_at + timedelta(days=n) for n in (-1, *range(1, days + 1)))]
    for key in (alert_key(moment, event.id) for moment in moments):
        if alert := read_if_there(store, Alert, key):
            return key, alert
    return None


def read_if_there(store: ObjectStore, kind: type[L], key: str) -> L | None:
    """The JSON document at `key`; None when there is none, raises InputError when it is not a `kind`."""
    try:
        return read_record(store, key, kind)[0]
    except InputError:
        if store.head(key) is None:
            return None
        raise


def by_footage(footage: Iterable[Footage], validations: Iterable[Validation]) -> dict[FootageId, Validation]:
    """The validations of `footage`; where there are several of one object the last counts."""
    wanted = {(f.key, f.version_id) for f in footage}
    found = {(v.footage_key, v.footage_version): v for v in validations}
    return {key: found[key] for key in found if key in wanted}


def _read_lines(store: ObjectStore, references: Iterable[ObjectRef], kind: type[L]) -> list[L]:
    return [line for ref in references for line in read_lines(store, ref.key, kind, ref.version_id)[0]]
