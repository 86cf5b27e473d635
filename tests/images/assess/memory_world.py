"""Alice's porch with static objects and agreement: runs over its pictures, and what is stored of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from nightjar.domain.areas import Box
from nightjar.domain.detections import DetectedObject, Detection, How, Mark
from nightjar.domain.events import Event
from nightjar.domain.judging import Judgement, judge_pictures
from nightjar.domain.minutes import ThreatMinute
from nightjar.domain.sights import Sight
from nightjar.domain.topics import Topic
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.stores.events import Events
from nightjar_assess.camera import Assessed, Rulebook, assess_camera
from tests.bucket import PORCH, picture_of
from tests.scenes import DETECTOR

RULES = parse_rules(b"""\
version: 1
event_gap_seconds: 40
static: {after_seconds: 60, overlap: 70%, forget_seconds: 30}
rules:
  100: {name: anything, unsafe: [car, dog, person], min_probability: 50%}
  200:
    name: sure
    unsafe: [person, car]
    min_probability: 50%
    areas: [left, right]
    agree: {pictures: 3, within_seconds: 30}
users:
  alice:
    email: alice@example.com
    timezone: UTC
    rules: [100, 200]
    devices:
      porch:
        areas: {left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], right: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
""")
CAMERA = RULES.device(PORCH)
assert CAMERA is not None
BOOK = Rulebook(RULES, "0" * 64)
START = datetime.fromisoformat("2026-11-20T23:58:00+00:00")
LEFT: Box = (0.1, 0.5, 0.3, 0.9)
BESIDE: Box = (0.11, 0.5, 0.31, 0.9)  # the same place as far as the overlap tells
RIGHT: Box = (0.6, 0.5, 0.8, 0.9)

Seen = Sequence[tuple[str, float, Box]]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


INTERPOLATED = Mark(how=How.INTERPOLATED, sources=())


def detection(seconds: float, seen: Seen, mark: Mark | None = None) -> Detection:
    objects = [DetectedObject(label=label, probability=p, box=box) for label, p, box in seen]
    return Detection.of(picture_of(PORCH, at(seconds)), DETECTOR, objects, mark)


def run(
    store: MemoryStore, pictures: Mapping[float, Seen], book: Rulebook = BOOK, unseen: Collection[float] = ()
) -> Assessed:
    """One run over these pictures, of which the `unseen` ones were not looked at."""
    seen = {
        at(seconds): detection(seconds, objects, INTERPOLATED if seconds in unseen else None)
        for seconds, objects in sorted(pictures.items())
    }
    return assess_camera(Events(store), book, PORCH, seen, date(2026, 11, 21))


def at_once(pictures: Mapping[float, Seen], book: Rulebook = BOOK, unseen: Collection[float] = ()) -> Judgement:
    camera = book.rules.device(PORCH)
    assert camera is not None
    sights = [Sight(at(s), detection(s, seen).objects, s not in unseen) for s, seen in pictures.items()]
    return judge_pictures(sights, camera, book.gap)


def minutes(store: MemoryStore) -> Iterable[ThreatMinute]:
    for info in store.list_objects("threats/"):
        yield ThreatMinute.model_validate_json(store.get(info.key)[0])


def events(store: MemoryStore) -> list[Event]:
    found = [e for day in (START.date(), START.date() + timedelta(days=1)) for e in Events(store).of_day(day)]
    return sorted((e for e in found if e.is_current), key=lambda e: (e.started_at, e.topic))


Shape = tuple[dict[tuple[Topic, datetime], list[tuple[float, Box]]], list[tuple[Topic, datetime, datetime, int]]]


def stored_shape(store: MemoryStore) -> Shape:
    threats = {
        (t.topic, t.taken_at): [(o.probability, o.box) for o in t.shown.objects]
        for minute in minutes(store)
        for t in minute.threats
    }
    return threats, [(e.topic, e.started_at, e.ended_at, e.picture_count) for e in events(store)]


def expected_shape(judgement: Judgement) -> Shape:
    threats = {
        (topic, moment): [(o.probability, o.box) for o in objects]
        for topic, by_moment in judgement.threats.items()
        for moment, objects in by_moment.items()
    }
    return threats, [(e.topic, e.started_at, e.ended_at, e.pictures) for e in judgement.events]


class Told:
    """People who are alerted after each run, as notify does: once for an event and all that it absorbed."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.known: set[tuple[Topic, datetime]] = set()  # the threats of all events that were told

    def after(self, store: MemoryStore) -> None:
        """Tell of each event that nobody was told of; no threat in it may have been told before."""
        for event in events(store):
            threats = {(event.topic, threat.taken_at) for threat in Events(store).pictures(event)}
            if not {event.id, *(ref.id for ref in event.absorbed)} & set(self.ids):
                assert not threats & self.known
                self.ids.append(event.id)
            self.known |= threats


def book(text: str) -> Rulebook:
    """Rules of alice's porch."""
    users = "users: {alice: {email: alice@example.com, timezone: UTC, rules: [300], devices: {porch: PORCH}}}"
    rules, _, device = text.partition("porch:")
    return Rulebook(parse_rules(f"{rules}\n{users.replace('PORCH', device.strip() or '{}')}".encode()), "1" * 64)


CARS = "rules: {300: {name: cars, unsafe: [car, person], min_probability: 50%}}\n"
PARKED = book(f"static: {{after_seconds: 600}}\n{CARS}")
PLAIN = book(CARS)


def told_of(assessed: Assessed) -> list[tuple[str | None, int]]:
    return [(event.label, event.picture_count) for event in assessed.events]
