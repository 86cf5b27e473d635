"""A bucket after a run's stages up to notify, built through the domain's own documents and the stores."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from nightjar.domain.alerts import Alert, AlertState, ApiCall, DigestLine
from nightjar.domain.batch import Outcome, ReceivedVersion
from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, Picture
from nightjar.domain.detectors import detector_id
from nightjar.domain.events import Event, Suppressed, SuppressedObject, Threat, ThreatPicture, summary_of
from nightjar.domain.layout import DIGEST, FAILURES, digest
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.rules import Safe
from nightjar.domain.stages import STAGES
from nightjar.domain.validations import Validation
from nightjar.runtime.manifests import write_lines, write_record
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.events import Events
from nightjar.stores.ledger import Ledger
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.runs import BATCH, HISTORY, LIVE, SHARD, shard_prefix, stage_prefix
from nightjar.stores.validations import Validations
from tests.bucket import NOON, REGISTRY, RULES, sha256_of
from tests.images.record.landed import DETECTOR, VALIDATOR, Landed

DAY = NOON.date()
NEXT_DAY = DAY + timedelta(days=1)


def person(probability: float = 0.9) -> DetectedObject:
    """A person in the left half of the picture."""
    return DetectedObject(label="person", probability=probability, box=(0.1, 0.2, 0.4, 0.9))


class World(Landed):
    """One run over a bucket; another one may follow over the same bucket. `close` writes the stages' outputs.

    All proven footage is in the shard `all`. `before` are worlds whose detections this one knows.
    """

    def __init__(
        self,
        store: ObjectStore,
        run: str = "20261120T120000Z-0123456789ab",
        dag: str = LIVE,
        detector: DetectorRef = DETECTOR,
        before: Sequence["World"] = (),
    ) -> None:
        super().__init__(store, run, dag, detector)
        self.events: list[Event] = []
        self.threats: list[Threat] = []
        self.suppressed: list[Suppressed] = []
        self.written: list[ObjectRef] = []  # by assess: events
        self.is_assessed = True
        self.is_notified = True
        self.late: list[DigestLine] = []
        self._before = [detection for world in before for detection in world.detections]

    # The verdicts of the rules, and the alerts

    def event(
        self, pictures: Sequence[Picture], number: int = 1, rule_id: int = 200, base: Event | None = None, **more: Any
    ) -> Event:
        """An event over `pictures`: every person in them is unsafe. `base` is the event as it was before."""
        seen = {d.picture.standard_key: d for d in [*self._before, *self.detections]}
        own = {d.picture.standard_key for d in self.detections}
        shown = [
            ThreatPicture(
                picture=d.picture, detector=d.detector, objects=tuple(o for o in d.objects if o.label == "person")
            )
            for d in (seen[p.standard_key] for p in pictures)
        ]
        first = pictures[0]
        summary = summary_of(shown)
        event = Event(
            id=base.id if base else digest(f"{first.camera.name} {rule_id} {number}"),
            day=base.day if base else first.taken_at.date(),
            user=first.user,
            device=first.device,
            site="home" if first.device == "porch" else None,
            rule_id=rule_id,
            rule_name="intruder",
            rules_sha256=sha256_of(RULES.decode()),
            made=1,
            revision=base.revision + 1 if base else 1,
            **{**summary, **more},
        )
        self.events.append(event)
        self.threats += [
            Threat(rule_id=rule_id, event=event.ref, shown=each) for each in shown if each.picture.standard_key in own
        ]
        self.store_event(event)
        return event

    def store_event(self, event: Event) -> None:
        """Store `event` as it is now, and count it to what assess wrote."""
        self.written.append(write_record(self.store, Events(self.store).key(event), event))

    def alert(self, event: Event, state: AlertState = AlertState.OUTBOX, **values: object) -> Alert:
        """The ledger's line about `event`, as release 0.2 wrote it but for `values`."""
        call = ApiCall(
            at=NOON, method="POST", url="https://mail.example.com", request={}, status=202, response="", message_id="m1"
        )
        alert = Alert(
            event_id=event.id,
            event_key=Events(self.store).key(event),
            user=event.user,
            device=event.device,
            rule_id=event.rule_id,
            started_at=event.started_at,
            state=state,
            channel="email",
            recipient=f"{event.user}@example.com",
            subject=f"person at {event.device}",
            possibly_repeated=False,
            run=self.name,
            claimed_at=NOON,
            finished_at=None if state is AlertState.CLAIMED else NOON,
            calls=(call,) if state is AlertState.SENT else (),
        )
        alert = alert.model_copy(update=values)
        line = Ledger(self.store).claim(event, alert, over=None)
        assert line is not None, "expected an event without an alert"
        return alert

    def too_late(self, event: Event, seconds: float | None = 7200, reason: str = "too-late") -> None:
        """`event` was looked at so many seconds after its end, too late for an alert; None as release 0.2 wrote it.

        Or it was held back for another `reason`.
        """
        handled_at = None if seconds is None else event.ended_at + timedelta(seconds=seconds)
        self.late.append(DigestLine.of(event, Events(self.store).key(event), handled_at, reason))

    def held_back(self, picture: Picture, reason: Safe = Safe.OUT_OF_HOURS) -> None:
        """A rule names what was seen in `picture`, but does not hold."""
        one = SuppressedObject(label="person", probability=0.9, reason=reason)
        self.suppressed.append(
            Suppressed(
                user=picture.user,
                device=picture.device,
                taken_at=picture.taken_at,
                standard_key=picture.standard_key,
                objects=(one,),
            )
        )

    # The outputs of the stages

    def close(self, day: date | None = None) -> StageContext:
        """Write the stores and manifests of all stages before record; what record is started with."""
        store, prefix = self.store, self.prefix
        own = {"collect": "c1", "validate": "v1", "detect": self.detector.tag, "assess": "a1", "notify": "n1"}
        tags = {stage: own.get(stage, "r1") for stage in STAGES}
        self.run.pin(tags=tags)
        batch = write_lines(store, f"{prefix}{BATCH}", self.batch)
        proofs = self._shard() if self.validations else []
        self.run.leave("reconcile", None, [], inputs=[batch, *proofs], counts=self._account())
        return self.run.context("record", self.run.at("reconcile"), image=f"{REGISTRY}/report:r1", day=day)

    def _shard(self) -> list[ObjectRef]:
        """Write the outputs of the shard's stages; their manifests."""
        store, prefix = self.store, self.prefix
        proven = {(v.footage_key, v.footage_version) for v in self.validations}
        proven |= {(failed.footage_key, failed.footage_version) for failed in self.unvalidated}
        filed = [line.footage for line in self.batch if line.outcome is Outcome.FILED]
        shard = write_lines(
            store,
            f"{shard_prefix(prefix, 'all')}{SHARD}",
            [footage for footage in filed if (footage.key, footage.version_id) in proven],
        )
        detected = self._write_lines(Detections(store), [(d, self._place_of(d)) for d in self.detections])
        if self.failures:
            detected.append(write_lines(store, f"{stage_prefix(prefix, 'detect', 'all')}{FAILURES}", self.failures))
        validated = self._write_lines(Validations(store), [(v, _place_of_footage(v)) for v in self.validations])
        if self.unvalidated:
            validated.append(
                write_lines(store, f"{stage_prefix(prefix, 'validate', 'all')}{FAILURES}", self.unvalidated)
            )
        proofs = [
            self.run.leave("validate", "all", validated, inputs=[shard]),
            self.run.leave("detect", "all", detected),
        ]
        if self.is_assessed:
            output = stage_prefix(prefix, "assess", "all")
            lines: dict[str, Sequence[Stored]] = {
                "events": self.events,
                "threats": self.threats,
                "suppressed": self.suppressed,
            }
            assessed = [write_lines(store, f"{output}{name}.jsonl", each) for name, each in lines.items()]
            proofs.append(self.run.leave("assess", "all", [*self.written, *assessed]))
            if self.events:
                digested = write_lines(store, f"{stage_prefix(prefix, 'notify', 'all')}{DIGEST}", self.late)
                proofs += [self.run.leave("notify", "all", [digested])] if self.is_notified else []
        return proofs

    def _write_lines(self, lines: Any, places: Sequence[tuple[Any, Place]]) -> list[ObjectRef]:
        """Write lines to their places in a store of lines."""
        writer = RunShard.of(self.prefix, shard_prefix(self.prefix, "all"))
        return [
            lines.write(place, writer, [line for line, there in places if there == place])
            for place in sorted({place for _, place in places})
        ]

    def _place_of(self, detection: Detection) -> Place:
        maker = detector_id(detection.detector.sha256, detection.detector.settings)
        return Place(maker, detection.picture.camera, detection.picture.taken_at.date())

    def _account(self) -> Counts:
        unfiled = [line for line in self.batch if line.outcome is not Outcome.FILED]
        pictures = sum(len(v.pictures) for v in self.validations)
        outcomes = {
            "detected": len(self.detections),
            "duplicate": sum(v.duplicates for v in self.validations)
            + sum(line.outcome is Outcome.DUPLICATE for line in unfiled),
            "failed:detect": pictures - len(self.detections) - len(self.failures),
            "failed:validate": len(self.batch) - len(unfiled) - len(self.validations) - len(self.unvalidated),
        }
        for reason in [each.reason for each in self.failures] + [each.reason for each in self.unvalidated]:
            outcomes[f"failed:{reason}"] = outcomes.get(f"failed:{reason}", 0) + 1
        for refused in [r.reason for v in self.validations for r in v.refusals] + [
            r.reason for r in unfiled if r.reason
        ]:
            outcomes[f"quarantined:{refused}"] = outcomes.get(f"quarantined:{refused}", 0) + 1
        return Counts(received=sum(outcomes.values()), outcomes=outcomes)


def _place_of_footage(validation: Validation) -> Place:
    name = ReceivedVersion(
        key=validation.footage_key, version_id=validation.footage_version, size=9, received_at=NOON
    ).name
    assert name is not None
    return Place(VALIDATOR, name.camera, name.taken_at.date())


def history(store: ObjectStore, *live: World, day: date = DAY, assessed: bool = True) -> StageContext:
    """A history run of `day` after the live ones: the same footage is its batch, nothing was computed again."""
    world = World(store, day.isoformat(), HISTORY)
    for each in live:
        world.batch += [line for line in each.batch if line.outcome is Outcome.FILED]
        world.validations += each.validations
        world.detections += each.detections
        world.failures += each.failures
        world.unvalidated += each.unvalidated
        world.threats += each.threats
        world.suppressed += each.suppressed
    world.is_assessed = assessed
    return world.close(day=day)
