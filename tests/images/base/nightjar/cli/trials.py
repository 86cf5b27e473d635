"""A bucket with some days of stored detections, and rules for it, for tests of what looks back at them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.detectors import detector_id
from nightjar.domain.events import Event, ThreatPicture, summary_of
from nightjar.domain.names import Camera
from nightjar.runtime.store import ObjectStore
from tests.bucket import PORCH, SHOP, picture_of, put_picture
from tests.scenes import DETECTOR, store_detections

DAY = datetime(2026, 11, 20, tzinfo=UTC)
MAKER = detector_id(DETECTOR.sha256, DETECTOR.settings)
BOX = (0.4, 0.3, 0.6, 0.9)
Box = tuple[float, float, float, float]
# An object: label, probability, box.
Seen = tuple[str, float, Box]

IN_FORCE = """\
rules:
  100: {name: animals, unsafe: [dog], min_probability: 80%}
  200: {name: intruder, unsafe: [person, car], min_probability: 60%}
users:
  alice:
    email: alice@example.com
    timezone: Europe/Berlin
    rules: [200]
    devices: {porch: {site: home}, yard: {rules: [100, 200]}}
  bob:
    email: bob@example.com
    timezone: America/New_York
    rules: [200]
    devices: {shop: }
"""


def at(clock: str, day: int = 0) -> datetime:
    """A UTC time of the day, or of one so many days later."""
    hour, minute, second = map(int, f"{clock}:00".split(":")[:3])
    return DAY + timedelta(days=day, hours=hour, minutes=minute, seconds=second)


def seen(store: ObjectStore, camera: Camera, moment: datetime, *objects: Seen, jpeg: bytes = b"") -> Detection:
    """The objects that the detector saw in a picture that is stored."""
    picture = put_picture(store, jpeg or f"{camera.name} {moment}".encode(), moment, camera)
    return Detection.of(
        picture, DETECTOR, (DetectedObject(label=label, probability=p, box=box) for label, p, box in objects)
    )


def leave(store: ObjectStore, detections: Iterable[Detection], run: str = "20261120T000000Z-0123456789ab") -> None:
    """Store them as a run of detect does."""
    store_detections(store, run, detections)


def two_days(store: ObjectStore, jpegs: Mapping[str, bytes] = {}) -> None:
    """A person at the porch at noon, a car all morning, somebody at the shop at night, and nothing at the yard."""
    person, car = jpegs.get("person", b""), jpegs.get("car", b"")
    leave(
        store,
        [
            *(
                seen(store, PORCH, at("12:00") + timedelta(seconds=n), ("person", 0.7 + n / 100, BOX), jpeg=person)
                for n in range(5)
            ),
            *(
                seen(store, PORCH, at("09:00") + timedelta(seconds=30 * n), ("car", 0.9, BOX), jpeg=car)
                for n in range(10)
            ),
            seen(store, PORCH, at("15:00"), ("person", 0.3, BOX), ("dog", 0.95, BOX)),
            seen(store, PORCH, at("12:30", day=1), ("person", 0.65, BOX), jpeg=person),
            seen(store, SHOP, at("23:30"), ("person", 0.99, BOX), ("car", 0.8, BOX), jpeg=person),
        ],
    )


def an_event(**values: object) -> Event:
    """An event of a person at the porch, in one picture; nothing is stored."""
    moment = at("12:00")
    shown = ThreatPicture(
        picture=picture_of(PORCH, moment),
        detector=DETECTOR,
        objects=(DetectedObject(label="person", probability=0.7, box=BOX),),
    )
    fields = {
        "id": "0123456789abcdef",
        "day": moment.date(),
        "user": PORCH.user,
        "device": PORCH.device,
        "site": None,
        "rule_id": 200,
        "rule_name": "intruder",
        "label": "person",
        "rules_sha256": "0" * 64,
        **summary_of([shown]),
        **values,
    }
    return Event.model_validate(fields)
