"""Reading what a comparison is made of: the pictures that two detectors know, and what people said of events."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from nightjar.domain.comparison.comparing import BothAt, Sides
from nightjar.domain.comparison.documents import SideRef
from nightjar.domain.comparison.reviewed import Said
from nightjar.domain.detections import Detection
from nightjar.domain.names import Camera
from nightjar.errors import InputError
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detection_history import DetectionHistory
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.events import Events
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.line_store import Place
from nightjar.stores.reactions import Reviews

# The day before the first picture decides what is news: an event under way, a parked car, a cool-down.
LEAD = timedelta(days=1)

Days = Mapping[Camera, Sequence[date]]


def side_of(store: ObjectStore, detector: str, rules_sha256: str) -> SideRef:
    """The side of the detector with the folder `detector` in `detections/`, and of rules; its labels if it has any."""
    for published in Detectors(store).published():
        if published.id == detector:
            return SideRef(
                detector=detector,
                tag=published.tag,
                model=published.model,
                rules=rules_sha256,
                labels=published.labels,
            )
    return SideRef(detector=detector, tag=detector, rules=rules_sha256)  # of release 0.1, whose folders are tags


def days_by_user(
    store: ObjectStore, detectors: Iterable[str], start: datetime, end: datetime, user: str = ""
) -> dict[str, dict[Camera, list[date]]]:
    """The days of cameras that any of the detectors knows, by user; of one `user`, or of all.

    They are those from a day before `start` up to `end`.
    """
    first = max(start.date(), date.min + LEAD) - LEAD
    last = (end - timedelta(microseconds=1)).date()
    detections = Detections(store)
    found: dict[str, dict[Camera, set[date]]] = defaultdict(lambda: defaultdict(set))
    for maker in sorted(set(detectors)):
        for place in detections.places(maker, first, last):
            if user in ("", place.camera.user):
                found[place.camera.user][place.camera].add(place.day)
    return {
        name: {camera: sorted(days) for camera, days in sorted(cameras.items())}
        for name, cameras in sorted(found.items())
    }


def cameras_of(store: ObjectStore, sides: Sides, days: Days) -> Iterator[BothAt]:
    """The cameras with these `days`, each with the pictures that both detectors know, up to the end of the time.

    Raises InputError for a line that is no detection.
    """
    false_boxes = FalseBoxes(store)
    before, after = (_read(store, sides, side.detector, days) for side in (sides.before, sides.after))
    is_one = sides.before.detector == sides.after.detector
    for camera, lines in before:
        others = lines if is_one else next(after)[1]
        both = sorted(lines.keys() & others.keys())
        yield BothAt(
            camera,
            [lines[key] for key in both],
            [others[key] for key in both],
            sorted(key[0] for key in lines.keys() - others.keys()),
            sorted(key[0] for key in others.keys() - lines.keys()),
            false_boxes.of(camera),
        )


def reviewed_events(store: ObjectStore, start: datetime, end: datetime) -> dict[str, list[Said]]:
    """By user, the events that began from `start` up to `end` and of which a person said something.

    Events that are gone, or cannot be read, are left out: nobody knows when they were.
    """
    events, found = Events(store), defaultdict[str, list[Said]](list)
    day, last = start.date() - LEAD, end.date()
    while day <= last:
        for review in Reviews(store).of_day(day):
            try:
                event = events.current(review.camera, review.event)
            except InputError:
                continue
            if event is not None and start <= event.started_at < end:
                found[review.user].append(
                    Said(
                        event.id,
                        review.camera,
                        event.topic.label,
                        str(review.verdict),
                        event.started_at,
                        event.ended_at,
                    )
                )
        day += LEAD
    return dict(found)


Lines = dict[tuple[datetime, str, str], Detection]


def _read(store: ObjectStore, sides: Sides, maker: str, days: Days) -> Iterator[tuple[Camera, Lines]]:
    """Every camera of `days` in order, with its lines by time, key and content of the picture."""
    places = [Place(maker, camera, day) for camera in days for day in days[camera]]
    wanted = {camera: sides.wanted(camera) for camera in days}
    read = DetectionHistory(store).read(places, lambda place: wanted[place.camera])
    for camera, of_camera in groupby(read, key=lambda item: item[0].camera):
        yield camera, _by_picture(line for _, lines in of_camera for line in lines if line.picture.taken_at < sides.end)


def _by_picture(lines: Iterable[Detection]) -> Lines:
    return {
        (line.picture.taken_at.astimezone(UTC), line.picture.standard_key, line.picture.standard_sha256): line
        for line in lines
    }
