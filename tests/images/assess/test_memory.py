"""Static objects and agreement in transactions: whatever the runs and their order, what judging all at once gives."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.domain.areas import Box
from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.events import Event
from nightjar.domain.judging import Judgement, judge_pictures
from nightjar.domain.minutes import ThreatMinute
from nightjar.domain.rules import Safe
from nightjar.domain.sights import Sight
from nightjar.domain.topics import Topic
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.runtime.store import ObjectInfo
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


def detection(seconds: float, seen: Seen) -> Detection:
    objects = [DetectedObject(label=label, probability=p, box=box) for label, p, box in seen]
    return Detection.of(picture_of(PORCH, at(seconds)), DETECTOR, objects)


def run(store: MemoryStore, pictures: Mapping[float, Seen], book: Rulebook = BOOK) -> Assessed:
    """One run over these pictures."""
    seen = {at(seconds): detection(seconds, objects) for seconds, objects in sorted(pictures.items())}
    return assess_camera(Events(store), book, PORCH, seen, date(2026, 11, 21))


def at_once(pictures: Mapping[float, Seen], book: Rulebook = BOOK) -> Judgement:
    camera = book.rules.device(PORCH)
    assert camera is not None
    return judge_pictures([Sight(at(s), detection(s, seen).objects) for s, seen in pictures.items()], camera, book.gap)


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


def check(store: MemoryStore, pictures: Mapping[float, Seen]) -> None:
    """What is stored is what judging all `pictures` at once gives."""
    judgement = at_once(pictures)
    assert stored_shape(store) == expected_shape(judgement)
    held = {
        (h.topic, h.taken_at, str(h.reason), o.box)
        for minute in minutes(store)
        for h in minute.held
        for o in h.shown.objects
    }
    assert held == {
        (topic, moment, str(why), o.box) for moment, lines in judgement.held.items() for topic, o, why in lines
    }


OBJECTS = st.tuples(
    st.sampled_from(["car", "car", "dog", "person"]),
    st.sampled_from([0.3, 0.6, 0.9]),
    st.sampled_from([LEFT, BESIDE, RIGHT]),
)
PICTURES = st.dictionaries(
    st.integers(0, 30).map(lambda n: 10 * n),
    st.lists(OBJECTS, max_size=3, unique_by=lambda o: (o[0], o[2])),
    max_size=16,
)


@settings(max_examples=120, deadline=None)
@given(PICTURES, st.data())
def test_any_split_into_runs_in_any_order_is_judged_as_all_at_once(
    pictures: dict[float, Seen], data: st.DataObject
) -> None:
    store = MemoryStore()
    shards = {s: data.draw(st.integers(0, 3), label=f"run of {s}") for s in pictures}
    order = data.draw(st.permutations(range(4)), label="order")
    for number in order:
        run(store, {s: pictures[s] for s, shard in shards.items() if shard == number})
    check(store, pictures)
    before = list(store.list_versions(""))
    run(store, pictures)
    assert list(store.list_versions("")) == before


B: Box = (0.35, 0.5, 0.48, 0.9)  # another place in the left area


@pytest.mark.parametrize(
    "runs",
    [
        # Three agree; a fourth, that has too few beside it, leaves them as they are.
        [
            {0: [("person", 0.9, LEFT)], 10: [("person", 0.9, LEFT)], 30: [("person", 0.9, LEFT)]},
            {60: [("person", 0.9, LEFT)]},
        ],
        # The one in the middle comes last, and is no candidate in the end.
        [{0: [("person", 0.9, LEFT)], 30: [("person", 0.9, LEFT)]}, {15: [("person", 0.9, LEFT)]}, {15: []}],
        # A car is static in the pictures in which another one waits for agreement.
        [{s: [("car", 0.9, LEFT), *([("car", 0.8, B)] if s >= 70 else [])]} for s in (0, 20, 40, 60, 70, 80, 90)],
        # Seen 30 s before it was missed: the earlier picture comes last, and decides long after the next one.
        [{10: [], 30: [("car", 0.9, LEFT)], 80: [("car", 0.9, LEFT)]}, {0: [("car", 0.9, LEFT)]}],
        [{0: [("car", 0.9, LEFT)], 80: [("car", 0.9, LEFT)]}, {30: [("car", 0.9, LEFT)]}, {10: []}],
        # What was told as one event falls apart.
        [{s: [("car", 0.9, LEFT)] for s in (0, 40, 80)}, {-30: [("car", 0.9, LEFT)]}, {60: []}],
    ],
)
def test_runs_that_a_hurried_reading_would_judge_otherwise(runs: list[dict[float, Seen]]) -> None:
    store, told = MemoryStore(), Told()
    pictures: dict[float, Seen] = {}
    for each in runs:
        run(store, each)
        told.after(store)
        pictures |= each
        check(store, pictures)


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


@settings(max_examples=60, deadline=None)
@given(PICTURES, st.data())
def test_footage_that_comes_late_adds_no_alert_to_what_was_alerted(
    pictures: dict[float, Seen], data: st.DataObject
) -> None:
    store, told = MemoryStore(), Told()
    for second in data.draw(st.permutations(sorted(pictures))):
        run(store, {second: pictures[second]})
        told.after(store)


@settings(max_examples=60, deadline=None)
@given(PICTURES, st.sets(st.integers(0, 300), max_size=5))
def test_a_day_in_runs_one_after_the_other_gives_one_alert_for_each_event(
    pictures: dict[float, Seen], cuts: set[int]
) -> None:
    store, told = MemoryStore(), Told()
    for first, last in itertools.pairwise([0, *sorted(cuts), 301]):
        run(store, {second: seen for second, seen in pictures.items() if first <= second < last})
        told.after(store)
    assert sorted(told.ids) == sorted(event.id for event in events(store))


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


def test_a_parked_car_is_told_once_and_a_person_who_passes_it_is_told() -> None:
    store, told = MemoryStore(), Told()
    for seconds in range(0, 7200, 60):
        passing: Seen = [("person", 0.9, RIGHT)] if 3600 <= seconds < 3720 else []
        run(store, {seconds: [("car", 0.9, LEFT), *passing]}, PARKED)
        told.after(store)
    assert [(e.label, e.picture_count) for e in events(store)] == [("car", 10), ("person", 2)]
    assert len(told.ids) == 2


def test_a_second_car_beside_the_parked_one_is_told_and_so_is_one_that_came_back() -> None:
    store = MemoryStore()
    for seconds in range(0, 1200, 60):
        run(store, {seconds: [("car", 0.9, LEFT)]}, PARKED)
    assert told_of(run(store, {1200: [("car", 0.9, LEFT), ("car", 0.8, RIGHT)]}, PARKED)) == [("car", 1)]
    for seconds in range(1260, 1500, 60):  # both have gone
        run(store, {seconds: []}, PARKED)
    assert told_of(run(store, {1500: [("car", 0.9, LEFT)]}, PARKED)) == [("car", 1)]


def test_what_is_suppressed_as_static_says_so_and_its_detections_stay() -> None:
    store = MemoryStore()
    run(store, {0: [("car", 0.9, LEFT)]}, PARKED)
    assessed = run(store, {660: [("car", 0.9, LEFT), ("person", 0.4, RIGHT)]}, PARKED)
    assert assessed.details["suppressed_static"] == 1
    [line] = assessed.suppressed
    assert [(o.label, o.reason) for o in line.objects] == [("car", Safe.STATIC), ("person", Safe.BELOW_PROBABILITY)]
    assert (assessed.threatened, assessed.events) == (0, [])
    without = run(store, {660: [("car", 0.9, LEFT)]}, PLAIN)  # reversible: judged without, it is a threat again
    assert told_of(without) == [("car", 1)]


def test_pictures_that_wait_become_threats_with_the_one_that_makes_them_enough() -> None:
    waiting = book(
        CARS.replace("min_probability: 50%", "min_probability: 50%, agree: {pictures: 3, within_seconds: 10}")
    )
    store = MemoryStore()
    for seconds in (0, 5):
        assessed = run(store, {seconds: [("person", 0.9, RIGHT)]}, waiting)
        assert assessed.events == []
        assert assessed.details["suppressed_too-few-pictures"] == 1
    assessed = run(store, {10: [("person", 0.9, RIGHT)]}, waiting)
    assert told_of(assessed) == [("person", 3)]
    assert [t.taken_at for t in assessed.threats] == [at(10)]  # those of the run's own pictures
    late = run(store, {8: [("person", 0.9, RIGHT)], 40: [("person", 0.9, RIGHT)]}, waiting)
    assert told_of(late) == [("person", 4)]
    assert not any(minute.looks for minute in minutes(store))


def test_late_footage_that_shows_the_car_before_leaves_its_alert_as_it_is() -> None:
    """It was told at 1000 s; that it had stood there since 0 s is known later."""
    store, told = MemoryStore(), Told()
    for seconds in (1000, 1060, 1120):
        run(store, {seconds: [("car", 0.9, LEFT)]}, PARKED)
        told.after(store)
    run(store, {0: [("car", 0.9, LEFT)], 60: [("car", 0.9, LEFT)]}, PARKED)
    told.after(store)
    assert [(e.started_at, e.picture_count) for e in events(store)] == [(at(0), 2)]
    assert len(told.ids) == 1
    run(store, {500: []}, PARKED)  # and later still, that it had been away
    told.after(store)
    assert [(e.started_at, e.picture_count) for e in events(store)] == [(at(0), 2), (at(1000), 3)]
    assert len(told.ids) == 1


def test_an_area_that_gets_a_name_or_another_one_is_not_told_again() -> None:
    store, told = MemoryStore(), Told()
    areas = "porch: {areas: {NAME: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], right: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}}"
    for name in ("", "left", "yard"):
        rules = CARS.replace("50%}", f"50%, areas: [{name}, right]}}") + areas.replace("NAME", name) if name else CARS
        run(store, {0: [("car", 0.9, LEFT)], 30: [("car", 0.8, LEFT)]}, book(rules))
        told.after(store)
        assert [event.area for event in events(store)] == [name]
    assert len(told.ids) == 1
    both: Seen = [("car", 0.9, LEFT), ("car", 0.8, RIGHT)]  # another area is news
    run(store, {0: both}, book(rules))
    told.after(store)
    assert len(told.ids) == 2


class Counting(MemoryStore):
    """Counts requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self.requests.append(f"get {key}")
        return super().get(key, version_id)

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        self.requests.append(f"put {key}")
        return super().put(key, data, **options)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self.requests.append(f"list {prefix}")
        return super().list_objects(prefix)


def test_without_static_objects_and_agreement_nothing_more_is_read_or_kept() -> None:
    store = Counting()
    for seconds in range(0, 3000, 50):
        store.requests.clear()
        run(store, {seconds: [("car", 0.9, LEFT), ("person", 0.3, RIGHT)]}, PLAIN)
    # Journal, hour, this minute and the one before, event; written: event, minute, journal twice.
    assert len(store.requests) <= 11
    assert not any(minute.looks or minute.held for minute in minutes(store))
    assert b"newest_look" not in store.get("journals/alice-porch.json")[0]
    assert b'"looks"' not in b"".join(store.get(info.key)[0] for info in store.list_objects("threats/"))
    store.requests.clear()
    run(store, {5000: [("person", 0.3, RIGHT)]}, PLAIN)
    assert [request.split()[0] for request in store.requests] == ["get", "list"]


def test_people_are_never_static_so_a_camera_that_looks_for_people_keeps_nothing() -> None:
    store = MemoryStore()
    people = book(
        "static: {after_seconds: 600}\nrules: {300: {name: people, unsafe: [person], min_probability: 50%}}\n"
    )
    for seconds in range(0, 1200, 60):
        run(store, {seconds: [("person", 0.9, LEFT)]}, people)
    assert [event.picture_count for event in events(store)] == [20]
    assert not any(minute.looks or minute.held for minute in minutes(store))


def test_a_live_run_reads_its_window_and_no_more() -> None:
    """A parked car, a picture a minute: a run reads the last ten minutes, however long the car has stood there.

    Only the first runs list the hours of a day back, in which there is nothing.
    """
    store = Counting()
    costs = []
    for minute in range(24 * 60):
        store.requests.clear()
        run(store, {60 * minute: [("car", 0.9, LEFT)]}, PARKED)
        costs.append(len(store.requests))
    assert max(costs[:30]) <= 45
    assert max(costs[30:]) <= 20


def test_a_picture_after_a_long_time_without_any_looks_back_a_day_at_the_most() -> None:
    store = Counting()
    run(store, {0: [("car", 0.9, LEFT)]}, PARKED)
    store.requests.clear()
    run(store, {3 * 86_400: [("car", 0.9, LEFT)]}, PARKED)
    assert sum(request.startswith("list threats/") for request in store.requests) <= 25
    store.requests.clear()
    run(store, {3 * 86_400 + 600: [("car", 0.3, LEFT)]}, PARKED)  # no candidate: nothing to look for
    assert sum(request.startswith("list threats/") for request in store.requests) <= 2


def test_a_threat_minute_of_a_later_release_keeps_its_keys() -> None:
    store = MemoryStore()
    run(store, {0: [("car", 0.9, LEFT)]}, PARKED)
    [info] = store.list_objects("threats/")
    document = json.loads(store.get(info.key)[0])
    document["looks"][0]["mood"] = document["held_back"] = "calm"
    store.put(info.key, json.dumps(document).encode())
    run(store, {10: [("car", 0.9, LEFT)]}, PARKED)
    again = json.loads(store.get(info.key)[0])
    assert (again["looks"][0]["mood"], again["held_back"], len(again["looks"])) == ("calm", "calm", 2)
