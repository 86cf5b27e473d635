"""The assess stage on what is stored: events, their ids, their versions; nothing else decides."""

import random
from datetime import UTC, datetime

import pytest

from nightjar.domain.detections import Detection
from nightjar.domain.detectors import PublishedDetector
from nightjar.domain.events import Event, Suppressed, Threat
from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.manifest import Manifest
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detectors import Detectors
from nightjar.stores.events import Events
from nightjar.stores.false_boxes import FalseBoxes
from nightjar_assess.stage import assess
from tests.bucket import PORCH
from tests.scenes import (
    BOX,
    DETECTOR,
    DOOR,
    NIGHT,
    NOON,
    RULES,
    SHARD,
    after,
    detection,
    leave_detections,
    start_run,
    store_detections,
)


def assess_run(store: ObjectStore, name: str, *detections: Detection, **options: str) -> tuple[Manifest, list[Event]]:
    context = start_run(store, name, detections, **options)
    return work(context)


def work(context: StageContext) -> tuple[Manifest, list[Event]]:
    manifest = run(assess, context)
    return manifest, read_lines(context.store, f"{context.output_prefix}events.jsonl", Event)[0]


def stored(store: ObjectStore) -> dict[str, Event]:
    """The events that have threats, by key."""
    keys = [info.key for info in store.list_objects("events/")]
    events = {key: Event.model_validate_json(store.get(key)[0]) for key in keys}
    return {key: event for key, event in events.items() if event.is_current}


def shapes(store: ObjectStore) -> list[tuple[int, list[float]]]:
    """Every event that has threats: its rule, and its pictures as seconds after noon."""
    return sorted(
        (event.rule_id, [(t.taken_at - NOON).total_seconds() for t in Events(store).pictures(event)])
        for event in stored(store).values()
    )


def test_an_empty_batch_has_no_events() -> None:
    manifest, events = assess_run(MemoryStore(), "r1")
    assert events == []
    assert manifest.counts.outcomes == {"threat": 0, "safe": 0}


def test_threats_of_one_camera_and_rule_within_the_gap_are_one_event() -> None:
    store = MemoryStore()
    manifest, events = assess_run(
        store,
        "r1",
        detection(PORCH, after(0), {"person": 0.7, "dog": 0.9, "chair": 0.99}),
        detection(PORCH, after(60), {"person": 0.9}),
        detection(PORCH, after(121), {"person": 0.5}),
        detection(PORCH, after(200), {"person": 0.49}),
        detection(DOOR, after(60), {"person": 0.8}),
        detection(DOOR, after(70), {}),
    )
    assert sorted((e.camera.name, e.rule_id, e.picture_count) for e in events) == [
        ("alice-porch", 100, 1),
        ("alice-porch", 300, 1),
        ("alice-porch", 300, 2),
        ("bob-door", 300, 1),
    ]
    assert manifest.counts.received == 6
    assert manifest.counts.outcomes == {"threat": 4, "safe": 2}
    assert manifest.counts.details["events_new"] == 4
    first = next(e for e in events if e.rule_id == 300 and e.picture_count == 2)
    assert first.site == "home"
    assert first.shown.probability == 0.9
    assert first.labels == {"person": 0.9}
    assert set(stored(store)) == {f"events/2024/11/20/{e.camera.name}/{e.id}.json" for e in events}


def test_what_is_suppressed_says_why() -> None:
    store = MemoryStore()
    manifest, _ = assess_run(
        store,
        "r1",
        detection(NIGHT, after(0), {"person": 0.9, "dog": 0.9}),
        detection(NIGHT, datetime(2024, 11, 20, 21, 0, tzinfo=UTC), {"person": 0.5}),
        detection(NIGHT, datetime(2024, 11, 20, 21, 9, tzinfo=UTC), {"person": 0.6}),
        detection(NIGHT, after(1), {}),
    )
    lines, _ = read_lines(store, f"runs/nightjar_live/r1/assess/{SHARD}/suppressed.jsonl", Suppressed)
    assert [[(o.label, o.reason) for o in line.objects] for line in lines] == [
        [("dog", "not-unsafe"), ("person", "out-of-hours")],
        [("person", "below-probability")],
    ]
    assert manifest.counts.outcomes == {"threat": 1, "safe": 3}
    assert manifest.counts.details["suppressed_out-of-hours"] == 1


def test_a_false_box_that_a_person_confirmed_is_suppressed_and_comes_back_when_it_is_taken_out() -> None:
    store = MemoryStore()
    seen = detection(PORCH, after(0), {"person": 0.9})
    _, [event] = assess_run(store, "r1", seen)
    boxes = FalseBoxes(store)
    boxes.put(PORCH, (FalseBox(label="person", box=BOX, confirmed_by="alice", confirmed_at=NOON),))
    manifest, events = assess_run(store, "r2", seen)
    assert events == []
    assert manifest.counts.details["suppressed_false-box"] == 1
    boxes.put(PORCH, ())
    _, [again] = assess_run(store, "r3", seen)
    assert again.id == event.id


def test_damaged_false_boxes_are_told_and_silence_no_alert() -> None:
    store = MemoryStore()
    store.put("config/false-boxes/alice-porch.json", b"{")
    manifest, [event] = assess_run(store, "r1", detection(PORCH, after(0), {"person": 0.9}))
    assert event.picture_count == 1
    assert any("alice-porch" in w and "false box" in w for w in manifest.warnings)


def test_a_second_run_extends_the_event_and_keeps_its_id() -> None:
    store = MemoryStore()
    _, [first] = assess_run(store, "r1", detection(PORCH, after(0), {"person": 0.7}))
    manifest, [later] = assess_run(store, "r2", detection(PORCH, after(50), {"person": 0.8}))
    _, [earlier] = assess_run(store, "r3", detection(PORCH, after(-50), {"person": 0.8}))
    assert first.id == later.id == earlier.id
    assert shapes(store) == [(300, [-50, 0, 50])]
    assert manifest.counts.details["events_changed"] == 1


def test_two_events_that_grow_together_are_one_with_the_earlier_id() -> None:
    store = MemoryStore()
    _, [first] = assess_run(store, "r1", detection(PORCH, after(0), {"person": 0.7}))
    _, [second] = assess_run(store, "r2", detection(PORCH, after(100), {"person": 0.7}))
    manifest, [both] = assess_run(store, "r3", detection(PORCH, after(50), {"person": 0.7}))
    assert both.id == first.id != second.id
    assert shapes(store) == [(300, [0, 50, 100])]
    assert manifest.counts.details["events_absorbed"] == 1


def test_an_event_whose_start_moves_to_another_day_stays_where_it_was_made() -> None:
    store = MemoryStore()
    midnight = datetime(2024, 11, 21, tzinfo=UTC)
    _, [first] = assess_run(store, "r1", detection(PORCH, after(5, midnight), {"person": 0.7}))
    _, [extended] = assess_run(store, "r2", detection(PORCH, after(-5, midnight), {"person": 0.7}))
    assert extended.id == first.id
    assert list(stored(store)) == [f"events/2024/11/21/alice-porch/{first.id}.json"]


def test_running_again_changes_nothing() -> None:
    store = MemoryStore()
    context = start_run(store, "r1", [detection(PORCH, after(0), {"person": 0.7})])
    first, _ = work(context)
    versions = [v for v in store.list_versions("") if "_manifest" not in v.key]
    second, _ = work(context)
    assert [v for v in store.list_versions("") if "_manifest" not in v.key] == versions
    stores = {ref.key.partition("/")[0] for ref in first.objects}
    assert stores == {"events", "journals", "runs", "threats"}
    assert set(second.objects) == {ref for ref in first.objects if ref.key.startswith("runs/")}


def test_a_threat_that_is_judged_safe_by_new_rules_is_withdrawn() -> None:
    store = MemoryStore()
    context = start_run(store, "r1", [detection(PORCH, after(s), {"person": 0.7}) for s in (0, 50, 100)])
    _, [event] = work(context)
    refs = [r for r in run(assess, context).inputs if r.key.startswith("detections/")]
    strict = start_run(store, "r2", rules=RULES.replace("min_probability: 0.5", "min_probability: 0.75"))
    leave_detections(store, "r2", refs)
    manifest, events = work(strict)
    assert events == []
    assert stored(store) == {}
    assert manifest.counts.details["events_withdrawn"] == 1
    _, [again] = work(context)
    assert again.id == event.id


@pytest.mark.parametrize("start", [NOON, datetime(2024, 11, 20, 23, 59, tzinfo=UTC)])
def test_the_id_of_an_event_that_lost_its_start_is_not_given_again(start: datetime) -> None:
    """The old start is judged a threat again, out of reach of what is left of the event; so far, or in another day."""
    store = MemoryStore()
    context = start_run(store, "r1", [detection(PORCH, after(0, start), {"person": 0.7})])
    first, [event] = work(context)
    later = [detection(PORCH, after(s, start), {"person": 0.7}) for s in (50, 100)]
    second, _ = assess_run(store, "r2", *later, detection(PORCH, after(150, start), {"person": 0.9}))
    refs = [r for r in (*first.inputs, *second.inputs) if r.key.startswith("detections/")]
    strict = start_run(store, "r3", rules=RULES.replace("min_probability: 0.5", "min_probability: 0.75"))
    leave_detections(store, "r3", refs)
    _, [left] = work(strict)
    assert (left.id, left.started_at) == (event.id, after(150, start))
    for _ in range(2):
        _, [new] = work(context)
        assert new.id != event.id
        assert sorted(e.id for e in stored(store).values()) == sorted([event.id, new.id])


def test_a_picture_that_another_detector_sees_otherwise_is_judged_anew() -> None:
    store = MemoryStore()
    other = DETECTOR.model_copy(update={"tag": "d0", "sha256": "1" * 64})
    _, [event] = assess_run(store, "r0", detection(PORCH, after(0), {"person": 0.9}, other))
    _, [same] = assess_run(store, "r1", detection(PORCH, after(0), {"person": 0.7}))
    assert (same.id, same.labels, same.picture_count) == (event.id, {"person": 0.7}, 1)
    assert same.shown.detector == DETECTOR


def test_of_two_lines_about_a_picture_the_last_one_counts() -> None:
    store = MemoryStore()
    refs = store_detections(store, "r0", [detection(PORCH, after(0), {"person": 0.9})])
    refs += store_detections(store, "r1", [detection(PORCH, after(0), {"person": 0.6})])
    context = start_run(store, "r2")
    leave_detections(store, "r2", refs)
    manifest, [event] = work(context)
    assert manifest.counts.received == 1
    assert event.shown.probability == 0.6


def test_every_threat_says_which_event_it_belongs_to() -> None:
    store = MemoryStore()
    seen = [detection(PORCH, after(s), {"person": 0.7, "dog": 0.9}) for s in (0, 50, 500)]
    manifest, events = assess_run(store, "r1", *seen)
    threats, _ = read_lines(store, f"runs/nightjar_live/r1/assess/{SHARD}/threats.jsonl", Threat)
    assert [(t.taken_at, t.rule_id, [o.label for o in t.shown.objects]) for t in threats] == [
        (after(s), rule, [label]) for s in (0, 50, 500) for rule, label in ((100, "dog"), (300, "person"))
    ]
    assert {t.event.id for t in threats} == {e.id for e in events}
    assert manifest.result == {"events": 4}


@pytest.mark.parametrize("seed", range(8))
def test_batches_in_any_order_and_repeated_give_the_same_events(seed: int) -> None:
    chance = random.Random(seed)
    seconds = sorted(chance.sample(range(0, 1200, 5), 24))
    batches = [seconds[n::6] for n in range(6)]
    found = []
    for _ in range(3):
        store = MemoryStore()
        order = [*batches, *chance.sample(batches, 3)]
        chance.shuffle(order)
        for batch in order:
            name = f"r{batches.index(batch)}"
            assess_run(store, name, *(detection(PORCH, after(s), {"person": 0.7}) for s in batch))
        found.append(shapes(store))
    assert found[0] == found[1] == found[2]


def test_a_label_no_model_can_see_and_old_rules_are_told() -> None:
    store = MemoryStore()
    start_run(store, "r0")
    context = start_run(store, "r1", rules="version: 2")
    detector = PublishedDetector.of(DETECTOR, frozenset({"person", "cat", "dog"}))
    Detectors(store).publish(context.release()[0].stage("detect").identity, detector, b"{}")
    manifest, _ = work(context)
    assert any("line 1" in w for w in manifest.warnings)
    assert any("bird" in w and "100" in w for w in manifest.warnings)


def test_a_camera_that_is_not_in_the_rules_is_safe_and_told() -> None:
    store = MemoryStore()
    context = start_run(store, "r1", [detection(DOOR, after(0), {"person": 0.9})], rules=RULES.split("  bob:")[0])
    manifest, events = work(context)
    assert events == []
    assert any("bob-door" in w for w in manifest.warnings)
    assert manifest.counts.outcomes == {"threat": 0, "safe": 1}


def test_a_camera_that_the_rules_know_no_more_keeps_its_events() -> None:
    """Renamed in the evening: history by the new rules leaves what was judged by the old ones as it is."""
    store = MemoryStore()
    seen = [detection(DOOR, after(0), {"person": 0.9}), detection(DOOR, after(20), {}), detection(DOOR, after(30), {})]
    _, events = assess_run(store, "r1", *seen)
    before = stored(store)
    assert len(before) == len(events) == 1
    renamed = RULES.replace("door:", "gate:")
    late = detection(DOOR, after(500), {"person": 0.9})  # nobody has judged it under the old rules
    again, same = assess_run(store, "r2", *seen, late, rules=renamed)
    assert (same, stored(store)) == (events, before)
    assert again.counts.outcomes == {"threat": 1, "safe": 3}
    keys = [f"runs/nightjar_live/{name}/assess/{SHARD}/threats.jsonl" for name in ("r1", "r2")]
    first, second = (read_lines(store, key, Threat)[0] for key in keys)
    assert first == second
    assert any("bob-door" in w for w in again.warnings)


def test_without_a_release_or_a_manifest_it_says_what_is_missing() -> None:
    store = MemoryStore()
    context = start_run(store, "r1")
    with pytest.raises(UsageError, match="--release"):
        run(assess, StageContext("assess", context.image, "r1", context.input_prefix, context.output_prefix, store))
    store.delete(f"{context.input_prefix}_manifest.json")
    with pytest.raises(InputError, match=r"_manifest\.json"):
        run(assess, context)


def test_broken_rules_without_good_ones_stop_everything() -> None:
    with pytest.raises(UsageError, match="line 3"):
        start_run(MemoryStore(), "r1", rules="version: 1\nevent_gap_seconds: 60\nrulez: {}\n")


def test_on_a_real_server(s3_store: S3Store) -> None:
    """Conditional writes, delete markers and versions as S3 has them: extend, withdraw, bring back."""
    for second in (0, 100, 50, -40):
        assess_run(s3_store, f"r{second}".replace("-", "m"), detection(PORCH, after(second), {"person": 0.7}))
    assert shapes(s3_store) == [(300, [-40, 0, 50, 100])]
    strict = RULES.replace("min_probability: 0.5", "min_probability: 0.75")
    everything = [detection(PORCH, after(s), {"person": 0.7}) for s in (-40, 0, 50, 100)]
    assess_run(s3_store, "all", *everything, rules=strict)
    assert shapes(s3_store) == []
    assess_run(s3_store, "again", *everything)
    assert shapes(s3_store) == [(300, [-40, 0, 50, 100])]
