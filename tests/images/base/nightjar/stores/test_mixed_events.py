"""Events of several labels, as releases 0.1 and 0.2 stored them: split by label, and told to nobody again."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from nightjar.domain.alerts import Alert, AlertState
from nightjar.domain.event_ids import event_id_of_0_2
from nightjar.domain.events import Event, EventState, ThreatPicture, summary_of
from nightjar.domain.topics import Topic
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.events import Events
from nightjar.stores.ledger import Ledger
from tests.bucket import PORCH
from tests.images.base.nightjar.stores.threats import PERSON, apply, at, current, pictures, snapshot, stored
from tests.scenes import DETECTOR, detection, objects

CAR = Topic(300, "car")
# Objects at so many seconds; the car is more probable, so that the subject of the alert began with it.
SEEN: dict[float, dict[str, float]] = {
    0: {"person": 0.7},
    50: {"person": 0.8, "car": 0.9},
    100: {"car": 0.95},
    150: {"person": 0.6, "car": 0.7},
}


def shown(seconds: float, seen: dict[str, float]) -> ThreatPicture:
    picture = detection(PORCH, at(seconds), seen).picture
    ordered = dict(sorted(seen.items(), key=lambda pair: -pair[1]))
    return ThreatPicture(picture=picture, detector=DETECTOR, objects=objects(ordered))


def old_event(summary: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An event as a release up to 0.2 wrote it: without label and area."""
    whole = Event(
        id=event_id_of_0_2(PORCH, 300, at(0)),
        day=at(0).date(),
        user="alice",
        device="porch",
        site="home",
        rule_id=300,
        rule_name="anybody",
        **summary,
        gap_seconds=60.0,
        rules_sha256="0" * 64,
        made=1,
        revision=1,
    ).model_dump(mode="json", by_alias=True)
    return {**{k: v for k, v in whole.items() if k not in ("label", "area")}, **more}


def put(store: MemoryStore, key: str, document: dict[str, Any]) -> None:
    store.put(key, json.dumps(document).encode())


def bucket_of_0_2(seen: dict[float, dict[str, float]], **more: Any) -> MemoryStore:
    """A camera with one event, and the alert about it, as release 0.2 left them."""
    store = MemoryStore()
    threats = [shown(seconds, labels) for seconds, labels in seen.items()]
    event = old_event(summary_of(threats), **more)
    put(store, f"events/2024/11/20/alice-porch/{event['id']}.json", event)
    minutes: dict[datetime, list[dict[str, Any]]] = {}
    for each in threats:
        moment = each.picture.taken_at
        line = {
            "schema": 1,
            "rule_id": 300,
            "event": {"id": event["id"], "day": event["day"]},
            "shown": each.model_dump(mode="json", by_alias=True),
        }
        minutes.setdefault(moment.replace(second=0, microsecond=0), []).append(line)
    for minute, lines in minutes.items():
        document = {"schema": 1, "user": "alice", "device": "porch", "minute": minute.isoformat(), "threats": lines}
        put(store, f"threats/{minute:%Y/%m/%d/%H}/alice-porch/{minute:%M}.json", {**document, "revision": 1})
    put(store, "journals/alice-porch.json", {"user": "alice", "device": "porch", "number": 1, "begun": "2024-11-20"})
    tell(store, Event.model_validate(event))
    return store


def tell(store: MemoryStore, event: Event) -> None:
    """Write the ledger's line about `event`, as notify does."""
    alert = Alert(
        event_id=event.id,
        event_key=Events(store).key(event),
        user="alice",
        device="porch",
        rule_id=300,
        started_at=event.started_at,
        state=AlertState.SENT,
        channel="email",
        recipient="alice@example.com",
        subject="Car and person at Porch",
        possibly_repeated=False,
        run="r1",
        claimed_at=datetime(2024, 11, 20, tzinfo=UTC),
    )
    assert Ledger(store).claim(event, alert, None)


def untold(store: MemoryStore) -> list[Event]:
    """The events of which nobody was told."""
    return [event for event in current(store) if not Ledger(store).find(event)]


@pytest.mark.parametrize("topic", [PERSON, CAR], ids=lambda topic: topic.label)
def test_an_event_of_two_labels_is_split_and_told_to_nobody_again(topic: Topic) -> None:
    store = bucket_of_0_2(SEEN)
    [old] = current(store)
    extended = apply(store, [200], [200], topic=topic).homes[at(200)]
    by_label = {event.label: event for event in current(store)}
    assert by_label.keys() == {"person", "car"}
    assert by_label["car"].id == old.id != by_label["person"].id  # the label that was shown keeps the id
    assert by_label["person"].absorbed == (old.ref,)
    assert extended == by_label[topic.label]
    seconds = {label: [s for s, seen in SEEN.items() if label in seen] for label in by_label}
    seconds[topic.label].append(200)
    for label, event in by_label.items():
        assert pictures(store, event) == seconds[label]
        assert event.picture_count == len(seconds[label])
        assert {one.label for part in event.best.values() for one in part.objects} == {label}
        assert (event.started_at, event.ended_at) == (at(seconds[label][0]), at(seconds[label][-1]))
    assert untold(store) == []


def test_both_labels_judged_in_one_run_after_the_other_change_nothing_more() -> None:
    store = bucket_of_0_2(SEEN)
    for topic in (PERSON, CAR):
        seconds = [s for s, seen in SEEN.items() if topic.label in seen]
        threats = {s: shown(s, {topic.label: SEEN[s][topic.label]}) for s in seconds}
        apply(store, seconds, threats, topic=topic)
    before = snapshot(store)
    for topic in (CAR, PERSON):
        seconds = [s for s, seen in SEEN.items() if topic.label in seen]
        threats = {s: shown(s, {topic.label: SEEN[s][topic.label]}) for s in seconds}
        assert apply(store, seconds, threats, topic=topic).events == []
    assert snapshot(store) == before
    assert untold(store) == []


def test_an_event_of_one_label_is_extended_as_it_is() -> None:
    store = bucket_of_0_2({s: {"person": 0.8} for s in (0, 50)})
    [old] = current(store)
    before = snapshot(store)
    assert apply(store, [50], {50: shown(50, {"person": 0.8})}).events == []
    assert snapshot(store) == before
    event = apply(store, [100], [100]).homes[at(100)]
    assert (event.id, event.label, event.picture_count) == (old.id, "person", 3)
    assert current(store) == [event]


def test_an_event_that_was_withdrawn_comes_back_under_its_id() -> None:
    store = bucket_of_0_2({0: {"person": 0.8}}, state="withdrawn")
    store.delete("threats/2024/11/20/23/alice-porch/50.json")
    [old] = stored(store)
    event = apply(store, [0], [0]).homes[at(0)]
    assert (event.id, event.state, event.label) == (old.id, EventState.CURRENT, "person")
    assert untold(store) == []


def test_what_0_2_did_to_events_of_one_label_after_a_rollback_is_split_again() -> None:
    """0.2 keeps the label that it does not know, and extends the event by pictures of all labels."""
    store = bucket_of_0_2(SEEN, label="car", area="")
    apply(store, [200], [200])
    assert {event.label for event in current(store)} == {"person", "car"}
    assert untold(store) == []


def test_an_event_of_0_1_is_split_too() -> None:
    store = MemoryStore()
    threats = [shown(seconds, labels) for seconds, labels in SEEN.items()]
    event = old_event(summary_of(threats))
    known = ("id", "user", "device", "site", "rule_id", "rule_name", "started_at", "ended_at", "labels", "rules_sha256")
    kept = {name: event[name] for name in known} | {"pictures": [t.model_dump(mode="json") for t in threats]}
    key = f"events/2024/11/20/alice-porch/{event['id']}.json"
    put(store, key, kept)
    tell(store, Event.model_validate_json(store.get(key)[0]))
    apply(store, [200], [200])
    assert {event.label for event in current(store)} == {"person", "car"}
    assert [pictures(store, e) for e in current(store) if e.label == "person"] == [[0, 50, 150, 200]]
    assert untold(store) == []


def test_events_that_went_into_the_whole_are_known_to_every_part() -> None:
    gone = {"id": "00000000000000aa", "day": "2024-11-20"}
    store = bucket_of_0_2(SEEN, absorbed=[gone])
    [old] = current(store)
    apply(store, [200], [200])
    by_label = {event.label: event for event in current(store)}
    assert [ref.id for ref in by_label["person"].absorbed] == [gone["id"], old.id]
    assert [ref.id for ref in by_label["car"].absorbed] == [gone["id"]]


def test_an_event_whose_threats_are_gone_keeps_its_id_and_is_not_split() -> None:
    store = bucket_of_0_2(SEEN)
    for info in list(store.list_objects("threats/")):
        store.delete(info.key)
    apply(store, [200], [200])
    assert [event.picture_count for event in current(store)] == [4, 1]
    assert {event.day for event in current(store)} == {date(2024, 11, 20)}
