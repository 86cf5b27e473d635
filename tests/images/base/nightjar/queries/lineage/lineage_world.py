"""A bucket in which a porch's clip and still came to an alert and a report: every object as its stage leaves it.

The clip gives two pictures; with the still, all three are of one event. The clip's second one was not looked at.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from nightjar.domain.batch import BatchLine, NameFields, Outcome, ReceivedVersion
from nightjar.domain.detections import Detection, ListedPicture, LookedAt, Mark, Picture
from nightjar.domain.detectors import detector_id
from nightjar.domain.events import Event, ThreatPicture
from nightjar.domain.layout import PICTURES
from nightjar.domain.lineage.growing import Lineage
from nightjar.domain.lineage.nodes import Kind
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import parse_footage_name
from nightjar.domain.validations import Validation
from nightjar.queries.lineage.answer import Question, lineage_of
from nightjar.runtime.manifests import reference, write_lines, write_record
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.event_keys import event_key
from nightjar.stores.footage import FootageStore
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.record_keys import part_key
from nightjar.stores.reports import Reports
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import REPORT, WATCH, Runs
from nightjar.stores.standard import StandardPictures
from nightjar.stores.validations import Validations
from tests.bucket import PORCH, RULES, RunWorld, sha256_of
from tests.images.base.nightjar.queries.event_world import alert_of, event_of, keep_threats, tell
from tests.scenes import DETECTOR, objects

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = "20261120T120010Z-0123456789ab"
WATCHED = "scheduled__2026-11-20T12-00-05.000000-00-00-01234567"
REPORTED = "asset_triggered__2026-11-20T12-00-12.000000-00-00_abc-01234567"
CLIP, STILL = "alice-porch-1795176000.mp4", "alice-porch-1795176004.jpg"
DETECTOR_ID = detector_id(DETECTOR.sha256, DETECTOR.settings)
SHARD = PORCH.name


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass
class Clock:
    """Time that goes on by a second with each look, from the landing on."""

    now: datetime = field(default_factory=lambda: after(10))

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=0.5)
        return self.now


@dataclass
class Lineages:
    """The bucket, and the things in it that tests ask about."""

    store: MemoryStore
    event: Event
    pictures: Sequence[Picture]
    footage: Sequence[ObjectRef]

    @property
    def event_key(self) -> str:
        return event_key(self.event.camera, self.event.ref)

    @property
    def alert_key(self) -> str:
        return f"alerts/2026/11/20/{self.event.id}.json"


def lineages() -> Lineages:
    store = MemoryStore(Clock())
    store.put("config/rules.yaml", RULES)
    live = RunWorld(store, RUN)
    live.pin()
    lines = [_filed(store, name, data) for name, data in ((CLIP, b"clip"), (STILL, b"still"))]
    footage = [_ref(line) for line in lines]
    batch = Runs(store).at(live.prefix).write_batch(lines)
    RunWorld(store, WATCHED, WATCH).leave("collect", objects=[*footage, batch], at=after(9))
    Runs(store).at(live.prefix).write_shard(SHARD, [line.footage for line in lines])
    pictures, written = _validated(store, live, lines)
    _detected(store, live, pictures, written)
    event = _assessed(store, live, pictures)
    _told(store, live, event)
    _reported(store, live)
    return Lineages(store, event, pictures, footage)


def _filed(store: ObjectStore, name: str, data: bytes) -> BatchLine:
    parsed = parse_footage_name(name)
    source, version = f"incoming/{name}", f"u-{name[-8:-4]}"
    info = FootageStore(store).put(parsed, data, source, version, sha256_of(data))
    received = ReceivedVersion(
        key=source, version_id=version, size=len(data), received_at=after(10), named=NameFields.of(parsed)
    )
    return BatchLine(
        source=received,
        outcome=Outcome.FILED,
        footage_key=info.key,
        footage_version=info.version_id,
        sha256=sha256_of(data),
    )


def _ref(line: BatchLine) -> ObjectRef:
    made = line.footage
    return ObjectRef(key=made.key, version_id=made.version_id, sha256=made.sha256, size=made.size)


def _validated(store: ObjectStore, live: RunWorld, lines: Sequence[BatchLine]) -> tuple[list[Picture], list[ObjectRef]]:
    pictures, written = [], []
    for line, moments in zip(lines, ((0, 2), (4,)), strict=True):
        made = []
        for seconds in moments:
            data = f"picture {seconds}".encode()
            put = StandardPictures(store).put(line.footage, after(seconds), data)
            assert put.ref
            written.append(put.ref)
            made.append(
                Picture(
                    user="alice",
                    device="porch",
                    taken_at=after(seconds),
                    footage_key=line.footage.key,
                    footage_version=line.footage.version_id,
                    standard_key=put.ref.key,
                    standard_sha256=put.ref.sha256,
                    width=640,
                    height=480,
                )
            )
        validation = Validation(
            footage_key=line.footage.key,
            footage_version=line.footage.version_id,
            footage_sha256=line.footage.sha256,
            validator="v",
            settings="s",
            video=line.footage.name.is_video,
            pictures=tuple(made),
            refusals=(),
        )
        place = Place("v", PORCH, START.date())
        written.append(Validations(store).add(place, RunShard(RUN, SHARD, is_history=False), [validation]))
        pictures += made
    listed = [ListedPicture.of(each) for each in pictures]
    written.append(write_lines(store, f"{live.at('validate', SHARD)}{PICTURES}", listed))
    live.leave("validate", SHARD, written, at=after(10))
    return pictures, written


def _detected(store: ObjectStore, live: RunWorld, pictures: Sequence[Picture], given: Sequence[ObjectRef]) -> None:
    mark = Mark(how="carried", sources=(LookedAt.of(pictures[0]),))
    lines = [
        Detection.of(each, DETECTOR, objects({"person": 0.9}), mark if n == 1 else None)
        for n, each in enumerate(pictures)
    ]
    place = Place(DETECTOR_ID, PORCH, START.date())
    ref = Detections(store).write(place, RunShard(RUN, SHARD, is_history=False), lines)
    live.leave("detect", SHARD, [ref], inputs=given, at=after(10))


def _assessed(store: ObjectStore, live: RunWorld, pictures: Sequence[Picture]) -> Event:
    frozen = RulesStore(store).checked()
    assert frozen
    event = event_of(7, START, seconds=(0, 2, 4), rules_sha256=frozen.sha256)
    shown = {each.taken_at: each for each in pictures}

    def real(threat: ThreatPicture) -> ThreatPicture:
        return threat.model_copy(update={"picture": shown[threat.picture.taken_at]})

    best = {label: real(each) for label, each in event.best.items()}
    event = event.model_copy(update={"best": best, "first": real(event.first), "last": real(event.last)})
    keep_threats(store, event, (0, 2, 4))
    ref = write_record(store, event_key(PORCH, event.ref), event)
    live.leave("assess", SHARD, [ref], at=after(10))
    return event


def _told(store: ObjectStore, live: RunWorld, event: Event) -> None:
    alert = alert_of(event, run=RUN, holder=live.at("notify", SHARD), claimed_at=after(20))
    tell(store, event, alert)
    data, info = store.get(f"alerts/2026/11/20/{event.id}.json")
    live.leave("notify", SHARD, [reference(info, data)], at=after(10))


def _reported(store: ObjectStore, live: RunWorld) -> None:
    day, parts = START.date(), []
    for table in ("pictures", "events", "alerts"):
        key = part_key(table, day, live.prefix.rstrip("/"))
        info = store.put(key, b"rows")
        parts.append(ObjectRef(key=key, version_id=info.version_id, sha256=sha256_of(b"rows"), size=4))
    live.leave("record", None, parts, at=after(10))
    pages = Reports(store).publish(day, b"<!doctype html>", {"funnel.png": b"f", "threats_by_hour.png": b"h"})
    RunWorld(store, REPORTED, REPORT).leave("report", None, pages, at=after(10))


NOW = after(3600)
CHAIN = {Kind.ALERT: 1, Kind.EVENT: 1, Kind.DETECTION: 3, Kind.PICTURE: 3, Kind.ORIGINAL: 2, Kind.UPLOAD: 2}
OF_RULES = {Kind.RULES: 1, Kind.RULES_FILE: 1}


def ask(world: Lineages, name: str, **more: Any) -> Lineage:
    """The answer about `name`, an hour after the start."""
    return lineage_of(world.store, Question(name, **more), NOW)


def kinds(found: Lineage) -> dict[Kind, int]:
    """How many things of each kind a lineage has."""
    return dict(Counter(node.kind for node in found.nodes.values()))
