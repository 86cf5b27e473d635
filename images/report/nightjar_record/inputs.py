"""Reads what a run left: its batch, and the outputs of the shards that its reconcile vouches for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import TypeVar

from nightjar.domain.alerts import DigestLine
from nightjar.domain.batch import BatchLine, Footage, Outcome
from nightjar.domain.detections import FailedPicture
from nightjar.domain.events import Event, Suppressed, Threat
from nightjar.domain.layout import DIGEST, FAILURES, MANIFEST, last_segment
from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.release import Release
from nightjar.domain.rules import Rules, Safe
from nightjar.domain.validations import FailedFootage
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines, read_manifest, read_record
from nightjar.runtime.noting import Notes
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.records import Provenance
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import Run
from nightjar.stores.tables import Unalerted
from nightjar.stores.validations import Validations
from nightjar_record.outcomes import NotAlerted
from nightjar_record.pictures import FootageId, ShardOutputs

READERS = 16
# Shards held in memory at the same time: a shard may have thousands of pictures.
_SHARDS_AT_ONCE = 4
_EVENTS, _THREATS, _SUPPRESSED = "events.jsonl", "threats.jsonl", "suppressed.jsonl"

L = TypeVar("L", bound=Stored)


@dataclass(frozen=True)
class ShardProofs:
    """A shard and the manifests of its stages, by the stage's name: those that reconcile vouches for."""

    run: Run
    name: str
    manifests: Mapping[str, Manifest]

    def objects(self, stage: str) -> Sequence[ObjectRef]:
        """The objects that a stage wrote; none where it left no proof."""
        return self.manifests[stage].objects if stage in self.manifests else ()

    def output(self, stage: str, name: str) -> list[ObjectRef]:
        """The file called `name` that a stage wrote; none where it wrote none, or left no proof."""
        key = f"{self.run.stage_prefix(stage, self.name)}{name}"
        return [ref for ref in self.objects(stage) if ref.key == key]


@dataclass(frozen=True)
class RunOutputs:
    """A run: its name, its release, the batch that it worked on, and its shards as far as they are proven."""

    name: str  # a folder below runs/
    release: Release
    rules: Rules
    batch: Sequence[BatchLine]
    reconciled: Manifest
    shards: Sequence[ShardProofs]
    inputs: tuple[ObjectRef, ...]
    notes: Notes = field(default_factory=Notes)  # of what the stage has read

    def version_of(self, key: str) -> str | None:
        """The version of the object at `key` that the stage has read; None where that was not noted."""
        ref = self.notes.last(key)
        return ref.version_id if ref else None

    def timezone(self, user: str) -> str:
        """The IANA zone of `user` by the run's rules; UTC for a user they do not know."""
        known = self.rules.users.get(user)
        return known.timezone if known else "UTC"

    @property
    def provenance(self) -> Provenance:
        """By what its rows are made."""
        images = {name: stage.image for name, stage in self.release.stages.items()}
        rules = self.release.rules
        return Provenance(
            run=self.name, images=images, rules=rules.sha256, problem=rules.problem, problems=rules.problems
        )


def read_run(context: StageContext) -> RunOutputs:
    """The run that the stage works for; raises InputError when its reconcile left no manifest."""
    store, run = context.store, Run(context.store, context.run_prefix)
    release, release_ref = context.release()
    batch, batch_ref = run.batch()
    # The events of the run are those of its batch's cameras.
    cameras = {line.source.named.camera for line in batch if line.source.named}
    rules, rules_ref = RulesStore(store).load(release.rules, cameras)
    reconciled, reconciled_ref = read_manifest(store, context.input_prefix)
    proofs = [ref for ref in reconciled.inputs if ref.key.endswith(f"/{MANIFEST}")]
    manifests = in_parallel(partial(_manifest, store), proofs, READERS)
    by_shard: dict[str, dict[str, Manifest]] = defaultdict(dict)
    for ref, manifest in zip(proofs, manifests, strict=True):
        by_shard[last_segment(ref.key.removesuffix(MANIFEST))][manifest.stage] = manifest
    return RunOutputs(
        name="/".join(run.prefix.rstrip("/").split("/")[-2:]),
        release=release,
        rules=rules,
        batch=batch,
        reconciled=reconciled,
        shards=[ShardProofs(run, name, by_shard[name]) for name in sorted(by_shard)],
        inputs=(release_ref, rules_ref, batch_ref, reconciled_ref, *proofs),
        notes=context.notes,
    )


def shard_outputs(store: ObjectStore, run: RunOutputs) -> Iterator[ShardOutputs]:
    """The outputs for the whole batch: first for the lines that were not filed, then shard by shard, then for footage
    without proof that it was validated.

    Only objects that reconcile vouches for count, in exactly these versions. Memory is bounded by a few shards.
    """
    yield ShardOutputs(run.name, [line for line in run.batch if line.outcome is not Outcome.FILED])
    filed = {line.filed: line for line in run.batch if line.outcome is Outcome.FILED}
    validated = [shard for shard in run.shards if "validate" in shard.manifests]
    read = partial(_read_shard, store, run.name, run.release.rules.sha256)
    for footage, outputs in in_parallel(read, validated, _SHARDS_AT_ONCE, ahead=_SHARDS_AT_ONCE):
        lines = [filed.pop(identity) for identity in map(_identity, footage) if identity in filed]
        yield replace(outputs, batch=lines)
    yield ShardOutputs(run.name, list(filed.values()))


def event_lines(store: ObjectStore, run: RunOutputs) -> list[tuple[Event, NotAlerted | None]]:
    """The events that pictures of the batch belonged to when their shards were assessed.

    With each, why the run alerted nobody about it; None where it did, or another run had before.
    """
    return [pair for shard in run.shards for pair in _events_of(store, run, shard)]


def _events_of(store: ObjectStore, run: RunOutputs, shard: ShardProofs) -> list[tuple[Event, NotAlerted | None]]:
    events = _lines(store, shard.output("assess", _EVENTS), Event)
    held = {line.event_id: line for line in _lines(store, shard.output("notify", DIGEST), DigestLine)}

    def why_not(event: Event) -> NotAlerted | None:
        if line := held.get(event.id):
            is_late = line.reason == Unalerted.TOO_LATE
            seconds = (line.handled_at - line.ended_at).total_seconds() if line.handled_at and is_late else None
            return NotAlerted(line.reason, seconds)
        if "notify" not in shard.manifests:
            return NotAlerted(Unalerted.NOT_TRIED)
        camera = run.rules.device(event.camera)
        if camera is None:
            return NotAlerted(Unalerted.UNKNOWN_CAMERA)
        rule = camera.rules.get(event.rule_id)
        return NotAlerted(Unalerted.NO_CHANNEL) if rule and not camera.channels.get(rule.severity) else None

    return [(event, why_not(event)) for event in events]


def written_by_assess(run: RunOutputs) -> list[ObjectRef]:
    """All objects that assess wrote for the shards of the run."""
    return [ref for shard in run.shards for ref in shard.objects("assess")]


def earlier_days(context: StageContext) -> set[date]:
    """The days for which an earlier attempt of this stage wrote parts; empty at the first attempt."""
    try:
        days = read_manifest(context.store, context.output_prefix)[0].result.get("days")
    except InputError:
        return set()
    return {date.fromisoformat(str(day)) for day in days} if isinstance(days, list) else set()


def _read_shard(
    store: ObjectStore, run: str, rules_sha256: str, shard: ShardProofs
) -> tuple[list[Footage], ShardOutputs]:
    """The footage of a shard, and its outputs without their batch lines."""
    footage, _ = shard.run.shard(shard.name)
    validations, detections = Validations(store), Detections(store)
    validated = [
        line for ref in validations.objects_among(shard.objects("validate")) for line in validations.read_object(ref)
    ]
    seen = [line for ref in detections.objects_among(shard.objects("detect")) for line in detections.read_object(ref)]
    failures = _lines(store, shard.output("detect", FAILURES), FailedPicture)
    unvalidated = _lines(store, shard.output("validate", FAILURES), FailedFootage)
    suppressed = _lines(store, shard.output("assess", _SUPPRESSED), Suppressed)
    validate = shard.manifests["validate"]
    outputs = ShardOutputs(
        run=run,
        name=shard.name,
        validate_image=validate.image,
        validate_digest=validate.image_digest,
        rules_sha256=rules_sha256,
        validations={(line.footage_key, line.footage_version): line for line in validated},
        detections=seen,
        threats=_lines(store, shard.output("assess", _THREATS), Threat),
        suppressed={line.standard_key: reasons for line in suppressed if (reasons := _misses(line))},
        failures={line.standard_key: line.reason for line in failures},
        unvalidated={(line.footage_key, line.footage_version): line.reason for line in unvalidated},
        is_assessed="assess" in shard.manifests,
    )
    return footage, outputs


def _manifest(store: ObjectStore, ref: ObjectRef) -> Manifest:
    return read_record(store, ref.key, Manifest, ref.version_id)[0]


def _lines(store: ObjectStore, refs: Iterable[ObjectRef], kind: type[L]) -> list[L]:
    return [line for ref in refs for line in read_lines(store, ref.key, kind, ref.version_id)[0]]


def _identity(footage: Footage) -> FootageId:
    return footage.key, footage.version_id


def _misses(line: Suppressed) -> list[str]:
    """The reasons, the nearest miss first; a reason that only a later release knows comes last."""
    reasons = {str(each.reason) for each in line.objects if each.reason != Safe.NOT_UNSAFE}
    known = [reason.value for reason in Safe]
    return sorted(reasons, key=lambda reason: (known.index(reason) if reason in known else len(known), reason))
