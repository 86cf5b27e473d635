"""Judge a batch by the rules, group its threats into events, and bring the stored events up to date."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nightjar.domain.detections import Detection
from nightjar.domain.events import Event, EventSource, Grouping, Suppressed, group
from nightjar.domain.layout import event_key
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.release import FrozenRules, image_tag
from nightjar.domain.rules import CameraRules, Rules
from nightjar.errors import TryAgainError
from nightjar.runtime.manifests import read_manifest, write_lines, write_record
from nightjar.runtime.model_cards import labels_of
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.rules import load_frozen
from nightjar.runtime.stage import StageContext, StageResult, stop_if_asked
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectStore
from nightjar_assess.judgement import Verdict, judge, reasons
from nightjar_assess.stored import (
    Nearby,
    Seen,
    StoredEvent,
    batch_refs,
    by_camera,
    read_batch,
)

EVENTS = "events.jsonl"
SUPPRESSED = "suppressed.jsonl"

_THREADS = 16  # cameras at a time; each mostly waits for S3
_ATTEMPTS = 30  # at a camera's events, when other runs change them at the same time


@dataclass
class Assessed:
    """What came of one camera."""

    pictures: int
    threats: int
    events: list[tuple[Event, ObjectRef]] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    details: Counter[str] = field(default_factory=Counter)


def assess(context: StageContext) -> StageResult:
    """The stage. The outcome depends on nothing but what is stored."""
    store = context.store
    release, release_ref = context.release()
    rules, rules_ref = load_frozen(store, release)
    reconcile, reconcile_ref = read_manifest(store, context.input_prefix)
    detector = image_tag(release.images["detect"])
    refs = batch_refs(reconcile)
    judged = _Judged(store, rules, release.rules, detector)
    batch = by_camera(read_batch(store, refs, _THREADS), detector)
    progress = Progress("cameras assessed", len(batch))
    assessed = []
    for one in in_parallel(lambda camera: judged.camera(camera, batch[camera]), batch, _THREADS):
        assessed.append(one)
        progress.add()

    events = [pair for one in assessed for pair in one.events]
    counts = _counts(assessed)
    return StageResult(
        counts=counts,
        inputs=(reconcile_ref, release_ref, rules_ref, *refs),
        objects=(
            *(ref for _, ref in events),
            write_lines(store, f"{context.output_prefix}{EVENTS}", (event for event, _ in events)),
            write_lines(store, f"{context.output_prefix}{SUPPRESSED}", (s for one in assessed for s in one.suppressed)),
        ),
        warnings=_warnings(store, rules, release.rules, detector, list(batch)),
    )


def _counts(assessed: Sequence[Assessed]) -> Counts:
    details: Counter[str] = Counter(
        {"events": 0, "events_new": 0, "events_extended": 0, "events_absorbed": 0, "events_withdrawn": 0}
    )
    for one in assessed:
        details.update(one.details)
    received, threats = sum(one.pictures for one in assessed), sum(one.threats for one in assessed)
    return Counts(
        received=received,
        outcomes={"threat": threats, "safe": received - threats},
        details={"threats": threats, "cameras": len(assessed), **details},
    )


def _warnings(
    store: ObjectStore, rules: Rules, frozen: FrozenRules, detector: str, cameras: Sequence[Camera]
) -> list[str]:
    warnings = [frozen.problem] if frozen.problem else []
    if (labels := labels_of(store, detector)) is not None:
        for rule_id, unseen in rules.unseen_labels(labels).items():
            warnings.append(f"rule {rule_id} ({rules.rules[rule_id].name}): detector {detector} cannot see {unseen}")
    unknown = [camera.name for camera in cameras if rules.device(camera) is None]
    if unknown:
        warnings.append(f"detections of cameras that are not in the rules, taken for safe: {', '.join(unknown)}")
    return warnings


@dataclass
class _Changes:
    """What one run has done to the events of one camera so far, by event id."""

    written: dict[str, tuple[Event, ObjectRef]] = field(default_factory=dict)
    created: dict[str, str] = field(default_factory=dict)  # the version that this run left
    extended: set[str] = field(default_factory=set)
    absorbed: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)

    def look(self, stored: Sequence[StoredEvent]) -> set[str]:
        """Forget what is no longer stored; the ids of what this run created and no other run has seen to since."""
        there = {one.event.id: one for one in stored}
        self.written = {identity: pair for identity, pair in self.written.items() if identity in there}
        return {identity for identity, one in there.items() if self.created.get(identity) == one.version_id}

    def add(self, event: Event, ref: ObjectRef, before: StoredEvent | None) -> None:
        """Note that `event`, stored as `before` until now, was written."""
        self.written[event.id] = event, ref
        if before is None or self.created.get(event.id) == before.version_id:
            self.created[event.id] = ref.version_id
        elif event.pictures != before.event.pictures:
            self.extended.add(event.id)

    def details(self) -> dict[str, int]:
        """The counts of the manifest. What came and went within this run is nobody's business."""
        new = self.created.keys()
        return {
            "events": len(self.written),
            "events_new": len(new & self.written.keys()),
            "events_extended": len((self.extended & self.written.keys()) - new),
            "events_absorbed": len(self.absorbed - new),
            "events_withdrawn": len(self.withdrawn - new),
        }


def _assessed(seen: Seen, verdict: Verdict, changes: _Changes) -> Assessed:
    suppressed = [line for line in verdict.suppressed if line.taken_at in seen]
    return Assessed(
        pictures=len(seen),
        threats=len(verdict.threat_times() & seen.keys()),
        events=sorted(changes.written.values(), key=lambda pair: (pair[0].started_at, pair[0].id)),
        suppressed=suppressed,
        details=Counter({f"suppressed_{k}": n for k, n in reasons(suppressed).items()} | changes.details()),
    )


@dataclass(frozen=True)
class _Judged:
    """One run's way to assess a camera."""

    store: ObjectStore
    rules: Rules
    frozen: FrozenRules
    detector: str

    def camera(self, camera: Camera, seen: Seen) -> Assessed:
        """Group and write until there is nothing left to write.

        Conditional writes protect one event, not what lies between events. A run beside may have stored a detection or
        an event since this one looked; whoever writes last sees the other's.
        """
        stop_if_asked()
        settings = self.rules.device(camera)
        nearby = Nearby(self.store, self.detector, camera, self.rules.event_gap)
        changes = _Changes()
        for _ in range(_ATTEMPTS):
            close = nearby.detections(list(seen))
            everything: list[Detection] = [found for _, found in sorted({**close, **seen}.items())]
            moments = [one.picture.taken_at for one in everything]
            verdict = judge(everything, settings)
            try:
                if not self._update_events(camera, settings, verdict, moments, nearby, changes):
                    return _assessed(seen, verdict, changes)
            except (ObjectChangedError, ObjectExistsError):
                continue
        raise TryAgainError(f"the events of {camera.name} were changed by other runs {_ATTEMPTS} times in a row")

    def _update_events(
        self,
        camera: Camera,
        settings: CameraRules | None,
        verdict: Verdict,
        moments: Sequence[datetime],
        nearby: Nearby,
        changes: _Changes,
    ) -> bool:
        """Group anew and write; whether that changed any event."""
        stored, ids = nearby.events(moments)
        tentative = changes.look(stored)
        changed = False
        for rule_id in sorted({*verdict.threats, *(s.event.rule_id for s in stored)}):
            before = [s for s in stored if s.event.rule_id == rule_id]
            grouping = group(
                self._source(camera, settings, rule_id, before),
                verdict.threats[rule_id],
                set(moments),
                [s.event for s in before],
                taken=ids,
                tentative=tentative,
            )
            changed |= self._write(grouping, before, changes)
        return changed

    def _source(
        self, camera: Camera, settings: CameraRules | None, rule_id: int, stored: Sequence[StoredEvent]
    ) -> EventSource:
        rule = self.rules.rules.get(rule_id)
        return EventSource(
            camera=camera,
            site=settings.site if settings else None,
            rule_id=rule_id,
            rule_name=rule.name if rule else stored[0].event.rule_name,
            rules_sha256=self.frozen.sha256,
            gap=self.rules.event_gap,
        )

    def _write(self, grouping: Grouping, before: Sequence[StoredEvent], changes: _Changes) -> bool:
        """Write what is new or changed, then remove what is no longer: in between, something is there twice."""
        at = {one.key: one for one in before}
        old = {one.event.id: one for one in before}
        kept = {one.key for one in before if one.event.id in grouping.untouched}
        changed = False
        for event in grouping.events:
            key = event_key(event.started_at, event.camera, event.id)
            there = at.get(key)
            ref = write_record(self.store, key, event, if_absent=there is None, if_match=there.etag if there else None)
            changes.add(event, ref, old.get(event.id))
            kept.add(key)
            changed |= there is None or there.event.pictures != event.pictures
        for one in before:
            if one.key not in kept:
                self._remove(one)
                changed = True
        changes.absorbed |= grouping.absorbed
        changes.withdrawn |= grouping.withdrawn
        return changed

    def _remove(self, one: StoredEvent) -> None:
        """Remove an event unless another run has extended it since; S3 itself deletes without looking."""
        there = self.store.head(one.key)
        if there and there.etag != one.etag:
            raise ObjectChangedError(f"expected etag {one.etag} at {one.key!r}, found {there.etag}")
        self.store.delete(one.key)
