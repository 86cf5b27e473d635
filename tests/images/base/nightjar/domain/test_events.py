"""Events as they are stored: what follows from their threats, what stays bounded, what an earlier release wrote."""

from datetime import date, timedelta

import pytest

from nightjar.domain.detections import DetectedObject, How, Mark
from nightjar.domain.event_ids import event_id, event_id_of_0_2
from nightjar.domain.events import (
    MOST_OBJECTS,
    Event,
    EventRef,
    EventState,
    ThreatPicture,
    is_same,
    summary_in,
    summary_of,
    together,
)
from nightjar.domain.topics import Topic
from tests.bucket import PORCH
from tests.scenes import BOX, DETECTOR, DOOR, NOON, after, detection, objects


def threat(seconds: float, **seen: float) -> ThreatPicture:
    picture = detection(PORCH, after(seconds), seen).picture
    return ThreatPicture(picture=picture, detector=DETECTOR, objects=objects(seen))


def event(*threats: ThreatPicture) -> Event:
    return Event(
        id="e1",
        day=NOON.date(),
        user="alice",
        device="porch",
        site=None,
        rule_id=1,
        rule_name="anybody",
        **summary_of(threats),
        rules_sha256="0" * 64,
    )


MARK = Mark(how=How.INTERPOLATED, sources=())


def unseen(seconds: float, **probable: float) -> ThreatPicture:
    """A picture that the detector did not look at."""
    return threat(seconds, **probable).model_copy(update={"mark": MARK})


@pytest.mark.parametrize(
    ("threats", "first", "shown", "labels"),
    [
        ([unseen(0, person=0.9), threat(5, person=0.6)], 5, 5, {"person": 0.6}),
        ([unseen(0, person=0.7), threat(5, person=0.6), threat(9, person=0.8)], 5, 9, {"person": 0.8}),
        ([threat(0, person=0.6), unseen(5, person=0.9)], 0, 0, {"person": 0.6}),
        ([unseen(0, person=0.6), unseen(5, person=0.9)], 0, 5, {"person": 0.9}),  # nothing else is there
        ([unseen(0, cat=0.9), threat(5, dog=0.6)], 5, 5, {"cat": 0.9, "dog": 0.6}),
    ],
)
def test_what_was_looked_at_is_shown_and_comes_first(
    threats: list[ThreatPicture], first: float, shown: float, labels: dict[str, float]
) -> None:
    made = event(*threats)
    assert (made.started_at, made.ended_at, made.picture_count) == (
        after(0),
        threats[-1].picture.taken_at,
        len(threats),
    )
    assert made.first.picture.taken_at == after(first)
    assert made.shown.picture.taken_at == after(shown)
    assert made.labels == labels
    for cut in range(1, len(threats)):
        parts = [event(*threats[:cut]), event(*threats[cut:])]
        whole = together(summary_in(part) for part in parts)
        assert whole == summary_in(made)
        assert together(summary_in(part) for part in reversed(parts)) == whole


def test_a_mark_is_stored_with_the_picture_and_its_absence_is_not() -> None:
    assert "mark" not in threat(0, person=0.9).model_dump(mode="json")
    marked = unseen(0, person=0.9)
    assert ThreatPicture.model_validate_json(marked.model_dump_json()) == marked
    assert not is_same(marked, threat(0, person=0.9))
    assert is_same(threat(0, person=0.9), ThreatPicture.model_validate(threat(0, person=0.9).model_dump()))


@pytest.mark.parametrize(
    ("threats", "labels", "shown"),
    [
        ([threat(0, person=0.9)], {"person": 0.9}, 0),
        ([threat(0, person=0.9), threat(5, person=0.95)], {"person": 0.95}, 5),
        ([threat(0, person=0.9), threat(5, person=0.9)], {"person": 0.9}, 0),  # of equals the earliest
        ([threat(0, cat=0.5), threat(5, dog=0.9)], {"dog": 0.9, "cat": 0.5}, 5),
        ([threat(0, cat=0.9, dog=0.8), threat(5, dog=0.85)], {"cat": 0.9, "dog": 0.85}, 0),
    ],
)
def test_a_summary_has_each_label_with_its_best_picture(
    threats: list[ThreatPicture], labels: dict[str, float], shown: float
) -> None:
    made = event(*reversed(threats))
    assert list(made.labels.items()) == list(labels.items())
    assert made.best.keys() == labels.keys()
    assert made.shown.picture.taken_at == after(shown)
    assert (made.first, made.last) == (threats[0], threats[-1])
    assert made.picture_count == len(threats)


def test_the_summary_of_parts_is_that_of_the_whole() -> None:
    threats = [threat(10 * n, person=0.5 + (n * 7 % 11) / 40, dog=0.4 + (n * 5 % 7) / 20) for n in range(12)]
    parts = [summary_of(threats[first::3]) for first in range(3)]
    assert together(parts) == summary_of(threats) == summary_in(event(*threats))


def test_a_crowd_does_not_make_an_event_large() -> None:
    crowd = tuple(DetectedObject(label="person", probability=0.9, box=BOX) for _ in range(500))
    dog = DetectedObject(label="dog", probability=0.6, box=BOX)
    shown = ThreatPicture(picture=threat(0, person=1).picture, detector=DETECTOR, objects=(*crowd, dog))
    made = event(shown)
    assert {len(p.objects) for p in (made.first, made.last, *made.best.values())} == {MOST_OBJECTS}
    assert dog in made.best["dog"].objects
    assert made.labels == {"person": 0.9, "dog": 0.6}
    assert len(made.model_dump_json()) < 12_000


def test_ids_tell_cameras_topics_starts_and_repetitions_apart() -> None:
    topics = [Topic(1, "person"), Topic(2, "person"), Topic(1, "car"), Topic(1, "car", "yard"), Topic(1, "car yard")]
    ids = {
        event_id(camera, topic, start, again)
        for camera in (PORCH, DOOR)
        for topic in topics
        for start in (NOON, NOON + timedelta(milliseconds=1))
        for again in (0, 1)
    }
    assert len(ids) == 40
    assert event_id(PORCH, topics[0], NOON) == event_id(PORCH, topics[0], NOON)
    assert event_id_of_0_2(PORCH, 1, NOON) not in ids


def test_an_event_of_release_0_1_is_read() -> None:
    threats = [threat(0, person=0.9), threat(5, person=0.95)]
    old = {
        "id": "0123456789abcdef",
        "user": "alice",
        "device": "porch",
        "site": "home",
        "rule_id": 300,
        "rule_name": "anybody",
        "started_at": "2024-11-20T12:00:00Z",
        "ended_at": "2024-11-20T12:00:05Z",
        "labels": {"person": 0.95},
        "rules_sha256": "0" * 64,
        "pictures": [t.model_dump(mode="json") for t in threats],
    }
    read = Event.model_validate(old)
    assert (read.id, read.day, read.picture_count, read.made) == ("0123456789abcdef", date(2024, 11, 20), 2, 0)
    assert (read.shown, read.first, read.last) == (threats[1], threats[0], threats[1])
    assert (read.schema_number, read.state, read.ref) == (2, EventState.CURRENT, EventRef(id=read.id, day=read.day))


def test_keys_and_values_of_a_later_release_survive() -> None:
    stored = event(threat(0, person=0.9)).model_dump(mode="json", by_alias=True)
    later = {**stored, "schema": 3, "mood": "tense", "state": "muted"}
    read = Event.model_validate(later)
    assert (read.state, read.is_current, read.schema_number) == ("muted", False, 3)
    changed = read.model_copy(update={"revision": 7}).model_dump(mode="json", by_alias=True)
    assert changed == {**later, "revision": 7}


def test_an_event_without_threats_is_refused() -> None:
    with pytest.raises(ValueError, match="picture_count"):
        Event.model_validate({"id": "x", "pictures": []})
