"""A bucket after all stages but report have run, built through the domain's own records."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from nightjar.domain.alerts import Alert, AlertState, ApiCall
from nightjar.domain.batch import BatchLine, Outcome, ReceivedVersion
from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, FailedPicture, Picture
from nightjar.domain.events import Event, Suppressed, SuppressedObject, ThreatPicture
from nightjar.domain.layout import (
    FAILURES,
    HISTORY,
    LIVE,
    alert_key,
    detections_prefix,
    digest,
    event_key,
    footage_key,
    run_prefix,
    standard_key,
    validations_prefix,
)
from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.domain.model import ms_from_utc
from nightjar.domain.names import Camera, FootageName
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.reasons import Reason
from nightjar.domain.release import FrozenRules, Release
from nightjar.domain.rules import Safe
from nightjar.domain.validations import Refusal, Validation
from nightjar.runtime.manifests import write_bytes, write_lines, write_manifest, write_record
from nightjar.runtime.quarantine import entry_prefix, write_quarantine
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar_report.summary import Summary, summarise
from nightjar_report.warehouse import DayRecords, Warehouse

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = NOON.date()
PORCH = Camera("alice", "porch")
YARD = Camera("alice", "yard")
SHOP = Camera("bob", "shop")
REPORT = "reports/2026/11/20/report.html"
NEXT_DAY = DAY + timedelta(days=1)
DETECTOR = DetectorRef(tag="d1", model="ssdlite_mobilenet_v2_coco", sha256="ab" * 32, settings="s1")
VALIDATOR = "v1"
REGISTRY = "registry.example.com/nightjar"
RULES = b"""\
version: 1
event_gap_seconds: 60
rules:
  200: {name: intruder, unsafe: [person], min_probability: 0.6}
users:
  alice:
    email: alice@example.com
    timezone: Europe/Berlin
    rules: [200]
    devices: {porch: {site: home}, yard: {}}
  bob:
    email: bob@example.com
    timezone: America/New_York
    rules: [200]
    devices: {shop: {}}
"""


def person(probability: float = 0.9) -> DetectedObject:
    """A person in the left half of the picture."""
    return DetectedObject(label="person", probability=probability, box=(0.1, 0.2, 0.4, 0.9))


class World:
    """One run over a bucket; `run` begins another over the same bucket. `close` writes what the stages hand over."""

    def __init__(
        self,
        store: ObjectStore,
        run: str = "20261120T120000Z-0123456789ab",
        dag: str = LIVE,
        detector: DetectorRef = DETECTOR,
    ) -> None:
        self.store = store
        self.detector = detector
        self.prefix = run_prefix(dag, run)
        self.name = run
        self.batch: list[BatchLine] = []
        self.validations: list[Validation] = []
        self.detections: list[Detection] = []
        self.failures: list[FailedPicture] = []
        self.events: list[Event] = []
        self.suppressed: list[Suppressed] = []

    # What landed, and what became of it

    def still(
        self, camera: Camera, at: datetime, *objects: DetectedObject, detected: bool = True, failure: str = ""
    ) -> Picture:
        """A still that was filed and validated and, unless told, detected in; `failure` says why not."""
        picture = self._picture(camera, at, "jpg", at)
        self._filed(picture, at, "jpg")
        self._validated(picture, at, "jpg", [picture])
        if failure:
            self.failures.append(FailedPicture(standard_key=picture.standard_key, reason=failure, detail="why"))
        elif detected:
            self.detections.append(Detection.of(picture, self.detector, objects))
        return picture

    def video(
        self,
        camera: Camera,
        at: datetime,
        frames: Sequence[Sequence[DetectedObject]],
        cut: bool = False,
        duplicates: int = 0,
    ) -> list[Picture]:
        """A video with a frame a second; `cut` short, its rest is refused."""
        pictures = [self._picture(camera, at + timedelta(seconds=n), "mp4", at) for n in range(len(frames))]
        first = pictures[0] if pictures else self._picture(camera, at, "mp4", at)
        self._filed(first, at, "mp4")
        end = at + timedelta(seconds=len(frames))
        refusals = [self._refusal(first, Reason.TRUNCATED, end, "rest")] if cut else []
        self._validated(first, at, "mp4", pictures, refusals, duplicates)
        self.detections += [Detection.of(p, self.detector, f) for p, f in zip(pictures, frames, strict=True)]
        return pictures

    def refused(self, camera: Camera, at: datetime, reason: Reason) -> None:
        """A still that validation refused."""
        picture = self._picture(camera, at, "jpg", at)
        self._filed(picture, at, "jpg")
        self._validated(picture, at, "jpg", [], [self._refusal(picture, reason, at, "")])

    def unproven(self, camera: Camera, at: datetime) -> None:
        """A still of a shard whose validation failed."""
        self._filed(self._picture(camera, at, "jpg", at), at, "jpg")

    def misnamed(self, name: str, reason: Reason = Reason.BAD_NAME, taken_at: datetime | None = None) -> None:
        """An object that collect refused; it says when it was taken where it trusts the name."""
        source = ReceivedVersion(key=f"incoming/{name}", version_id="in1", size=9, received_at=NOON)
        self.batch.append(BatchLine(source=source, outcome=Outcome.QUARANTINED, reason=reason))
        entry = QuarantineEntry(
            reason=reason,
            meaning=reason.meaning,
            expected="a name",
            found=name,
            source_key=source.key,
            source_version=source.version_id,
            detail="",
            received_at=NOON,
            taken_at=taken_at,
            sha256=_sha256(name),
            size=9,
            stage="collect",
            image=f"{REGISTRY}/collect:c1",
        )
        write_quarantine(self.store, entry, b"whatever!")

    def duplicate(self, picture: Picture, version: str = "in2") -> None:
        """A second copy of a picture's footage landed."""
        name = picture.footage_key.rpartition("/")[2]
        source = ReceivedVersion(key=f"incoming/{name}", version_id=version, size=9, received_at=NOON)
        self.batch.append(
            BatchLine(
                source=source,
                outcome=Outcome.DUPLICATE,
                footage_key=picture.footage_key,
                footage_version=picture.footage_version,
                sha256=_sha256(picture.footage_key),
            )
        )

    # What the rules made of it

    def event(self, pictures: Sequence[Picture], number: int = 1, rule_id: int = 200) -> Event:
        """An event over `pictures`: every person in them is unsafe. An id stays with its number."""
        by_key = {d.picture.standard_key: d for d in self.detections}
        found = [by_key[p.standard_key] for p in pictures]
        unsafe = [(d, tuple(o for o in d.objects if o.label == "person")) for d in found]
        first = pictures[0]
        event = Event(
            id=digest(f"{first.camera.name} {rule_id} {number}"),
            user=first.user,
            device=first.device,
            site="home" if first.device == "porch" else None,
            rule_id=rule_id,
            rule_name="intruder",
            started_at=first.taken_at,
            ended_at=pictures[-1].taken_at,
            labels={"person": max(o.probability for _, objects in unsafe for o in objects)},
            pictures=tuple(ThreatPicture(picture=d.picture, detector=d.detector, objects=o) for d, o in unsafe),
            rules_sha256=_sha256(RULES.decode()),
        )
        write_record(self.store, event_key(event.started_at, event.camera, event.id), event)
        self.events.append(event)
        return event

    def alert(self, event: Event, state: AlertState = AlertState.OUTBOX) -> Alert:
        """The ledger's line about `event`."""
        call = ApiCall(
            at=NOON, method="POST", url="https://mail.example.com", request={}, status=202, response="", message_id="m1"
        )
        alert = Alert(
            event_id=event.id,
            event_key=event_key(event.started_at, event.camera, event.id),
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
        write_record(self.store, alert_key(event.started_at, event.id), alert)
        return alert

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

    # What the stages hand over

    def close(self, day: date | None = None) -> StageContext:
        """Write the stores and manifests of all stages before report; what report is started with."""
        store, prefix = self.store, self.prefix
        rules = write_bytes(store, f"{prefix}rules.yaml", RULES, content_type="application/yaml")
        tags = {"collect": "c1", "validate": VALIDATOR, "detect": self.detector.tag}
        tags |= {"assess": "a1", "notify": "n1", "report": "r1"}
        release = Release(
            run=self.name,
            images={stage: f"{REGISTRY}/{stage}:{tag}" for stage, tag in tags.items()},
            rules=FrozenRules(key=rules.key, sha256=rules.sha256, source=rules),
        )
        release_ref = write_record(store, f"{prefix}release.json", release)
        write_lines(store, f"{prefix}batch.jsonl", self.batch)
        validated = [write_lines(store, key, lines) for key, lines in sorted(self._by_place(VALIDATOR).items())]
        detected = [write_lines(store, key, lines) for key, lines in sorted(self._by_place(self.detector.tag).items())]
        if self.failures:
            detected.append(write_lines(store, f"{prefix}detect/all/{FAILURES}", self.failures))
        proof = self._manifest("validate", f"{prefix}validate/all/", validated)
        self._manifest("reconcile", f"{prefix}reconcile/", detected, inputs=[proof], counts=self._account())
        written = [
            write_lines(store, f"{prefix}assess/events.jsonl", self.events),
            write_lines(store, f"{prefix}assess/suppressed.jsonl", self.suppressed),
        ]
        self._manifest("assess", f"{prefix}assess/", written)
        self._manifest("notify", f"{prefix}notify/", [])
        return StageContext(
            stage="report",
            image=f"{REGISTRY}/report:r1",
            run=self.name,
            input_prefix=f"{prefix}notify/",
            output_prefix=f"{prefix}report/",
            store=store,
            release_key=release_ref.key,
            day=day,
            clock=lambda: NOON,
        )

    def _account(self) -> Counts:
        unfiled = [line for line in self.batch if line.outcome is not Outcome.FILED]
        pictures = sum(len(v.pictures) for v in self.validations)
        outcomes = {
            "detected": len(self.detections),
            "duplicate": sum(v.duplicates for v in self.validations)
            + sum(line.outcome is Outcome.DUPLICATE for line in unfiled),
            "failed:detect": pictures - len(self.detections) - len(self.failures),
            "failed:validate": len(self.batch) - len(unfiled) - len(self.validations),
        }
        for failure in self.failures:
            outcomes[f"failed:{failure.reason}"] = outcomes.get(f"failed:{failure.reason}", 0) + 1
        for reason in [r.reason for v in self.validations for r in v.refusals] + [
            r.reason for r in unfiled if r.reason
        ]:
            outcomes[f"quarantined:{reason}"] = outcomes.get(f"quarantined:{reason}", 0) + 1
        return Counts(received=sum(outcomes.values()), outcomes=outcomes)

    def _by_place(self, tag: str) -> dict[str, list[Validation | Detection]]:
        places: dict[str, list[Validation | Detection]] = {}
        lines: Iterable[Validation | Detection] = self.validations if tag == VALIDATOR else self.detections
        for line in lines:
            if isinstance(line, Detection):
                prefix = detections_prefix(tag, line.picture.taken_at.date(), line.picture.camera)
            else:
                camera = line.footage_key.rpartition("/")[2].rpartition("-")[0]
                when = int(line.footage_key.rpartition("-")[2].partition(".")[0])
                taken = datetime.fromtimestamp(when if when < 10**11 else when / 1000, UTC)
                prefix = validations_prefix(tag, taken.date(), Camera.parse(camera))
            places.setdefault(f"{prefix}{self.name}.jsonl", []).append(line)
        return places

    def _manifest(
        self,
        stage: str,
        prefix: str,
        objects: Iterable[ObjectRef],
        inputs: Iterable[ObjectRef] = (),
        counts: Counts | None = None,
    ) -> ObjectRef:
        manifest = Manifest(
            stage=stage,
            image=f"{REGISTRY}/{stage}:x",
            run=self.name,
            inputs=tuple(inputs),
            objects=tuple(objects),
            counts=counts or Counts(),
            started_at=NOON,
            finished_at=NOON,
        )
        return write_manifest(self.store, prefix, manifest)

    def _picture(self, camera: Camera, at: datetime, extension: str, footage_at: datetime) -> Picture:
        key = standard_key(camera, at)
        return Picture(
            user=camera.user,
            device=camera.device,
            taken_at=at,
            footage_key=footage_key(FootageName(camera, ms_from_utc(footage_at), extension)),
            footage_version="f1",
            standard_key=key,
            standard_sha256=_sha256(key),
            width=640,
            height=480,
        )

    def _filed(self, picture: Picture, at: datetime, extension: str) -> None:
        name = FootageName(picture.camera, ms_from_utc(at), extension).canonical
        self.batch.append(
            BatchLine(
                source=ReceivedVersion(key=f"incoming/{name}", version_id="in1", size=9, received_at=at),
                outcome=Outcome.FILED,
                footage_key=picture.footage_key,
                footage_version=picture.footage_version,
                sha256=_sha256(picture.footage_key),
            )
        )

    def _validated(
        self,
        picture: Picture,
        at: datetime,
        extension: str,
        pictures: Sequence[Picture],
        refusals: Sequence[Refusal] = (),
        duplicates: int = 0,
    ) -> None:
        self.validations.append(
            Validation(
                footage_key=picture.footage_key,
                footage_version=picture.footage_version,
                footage_sha256=_sha256(picture.footage_key),
                validator=VALIDATOR,
                settings="s1",
                video=extension == "mp4",
                pictures=tuple(pictures),
                refusals=tuple(refusals),
                duplicates=duplicates,
            )
        )

    def _refusal(self, picture: Picture, reason: Reason, at: datetime, part: str) -> Refusal:
        entry = QuarantineEntry(
            reason=reason,
            meaning=reason.meaning,
            expected="better",
            found="this",
            source_key=picture.footage_key,
            source_version=picture.footage_version,
            detail=part,
            received_at=at,
            taken_at=at,
            sha256=_sha256(picture.footage_key),
            size=9,
            stage="validate",
            image=f"{REGISTRY}/validate:{VALIDATOR}",
        )
        write_quarantine(self.store, entry, b"whatever!")
        return Refusal(reason=reason, detail="expected better", taken_at=at, quarantine_key=entry_prefix(entry))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def history(store: ObjectStore, *live: World, day: date = DAY) -> StageContext:
    """A history run of `day` after the live ones: the same footage is its batch, nothing was computed again."""
    world = World(store, day.isoformat(), HISTORY)
    world.batch = [line for one in live for line in one.batch if line.outcome == "filed"]
    world.suppressed = [line for one in live for line in one.suppressed]
    return world.close(day=day)


def records(store: ObjectStore, day: date = DAY) -> DayRecords:
    return Warehouse(store).read(day)


def summary(store: ObjectStore, day: date = DAY) -> Summary:
    return summarise(records(store, day))


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return sorted(info.key for info in store.list_objects(prefix))


def versions(store: ObjectStore, *prefixes: str) -> list[Any]:
    return [v for p in prefixes for v in store.list_versions(p)]
