"""Shared by the tests of events: threats as assess judges them, put into a store, and a look at the events."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from nightjar.domain.events import Event, ThreatPicture
from nightjar.domain.grouping import Regrouped, regroup
from nightjar.domain.succession import Judge
from nightjar.domain.topics import Topic
from nightjar.runtime.store import ObjectStore
from nightjar.stores.camera_view import CameraView
from nightjar.stores.events import Events
from tests.bucket import PORCH
from tests.scenes import DETECTOR, detection, objects

START = datetime.fromisoformat("2024-11-20T23:50:00+00:00")
TODAY = date(2024, 11, 21)
GAP = 60
PERSON = Topic(300, "person")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def threat(seconds: float, probability: float = 0.9, label: str = "person") -> ThreatPicture:
    picture = detection(PORCH, at(seconds), {label: probability}).picture
    return ThreatPicture(picture=picture, detector=DETECTOR, objects=objects({label: probability}))


def judge(gap: float = GAP, topic: Topic = PERSON) -> Judge:
    return Judge(PORCH, "home", topic, "anybody", "0" * 64, timedelta(seconds=gap))


def apply(
    store: ObjectStore,
    judged: Sequence[float],
    threats: Mapping[float, ThreatPicture] | Sequence[float],
    gap: float = GAP,
    topic: Topic = PERSON,
) -> Regrouped:
    """Judge the pictures taken at `judged`, of which those at `threats` are threats, as one run does."""
    shown = (
        threats if isinstance(threats, Mapping) else {second: threat(second, label=topic.label) for second in threats}
    )
    moments = [at(second) for second in judged]

    def work(view: CameraView) -> Regrouped:
        result = regroup(
            judge(gap, topic), view.timeline(topic), moments, {at(s): t for s, t in shown.items()}, view.number
        )
        view.put(topic, result)
        return result

    return Events(store).change(PORCH, TODAY, work)[0]


def stored(store: ObjectStore) -> list[Event]:
    """Every event, in whatever state, by start and id."""
    days = [START.date() + timedelta(days=n) for n in range(-2, 4)]
    events = [event for day in days for event in Events(store).of_day(day)]
    return sorted(events, key=lambda event: (event.started_at, event.id))


def current(store: ObjectStore) -> list[Event]:
    return [event for event in stored(store) if event.is_current]


def spans(store: ObjectStore) -> list[tuple[float, float, int]]:
    """Start and end in seconds and the number of pictures of every current event."""
    return [
        ((e.started_at - START).total_seconds(), (e.ended_at - START).total_seconds(), e.picture_count)
        for e in current(store)
    ]


def pictures(store: ObjectStore, event: Event) -> list[float]:
    return [(t.taken_at - START).total_seconds() for t in Events(store).pictures(event)]


def clusters(seconds: Sequence[float], gap: float = GAP) -> list[list[float]]:
    """The groups that the definition of an event gives."""
    found: list[list[float]] = []
    for second in sorted(set(seconds)):
        if found and second - found[-1][-1] <= gap:
            found[-1].append(second)
        else:
            found.append([second])
    return found


def snapshot(store: ObjectStore) -> dict[str, str]:
    return {info.key: info.version_id for info in (store.head(i.key) for i in store.list_objects("")) if info}
