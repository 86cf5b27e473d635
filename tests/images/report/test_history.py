"""The stage over a past day: it rewrites the day to the same rows and loses nothing."""

from datetime import timedelta

import pytest

from nightjar.domain.detections import DetectorRef
from nightjar.domain.layout import HISTORY, records_prefix
from nightjar.domain.reasons import Reason
from nightjar.domain.rules import Safe
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.runtime.store import ObjectStore
from nightjar_report.stage import work
from nightjar_report.tables import TABLES
from tests.images.report.world import (
    DAY,
    DETECTOR,
    NEXT_DAY,
    NOON,
    PORCH,
    REPORT,
    SHOP,
    VALIDATOR,
    YARD,
    World,
    history,
    keys,
    person,
    records,
    summary,
    versions,
)


def live_day(store: ObjectStore, close: bool = True) -> tuple[World, World]:
    """Two live runs over one day, reported."""
    first = World(store, "20261120T120000Z-000000000001")
    a = first.still(PORCH, NOON, person())
    first.duplicate(a)
    first.misnamed("what is this.jpg")
    first.refused(SHOP, NOON, Reason.VOID)
    first.alert(first.event([a]))
    second = World(store, "20261120T130000Z-000000000002")
    second.detections += first.detections
    b = second.still(PORCH, NOON + timedelta(seconds=40), person())
    second.event([a, b])
    second.detections = second.detections[1:]
    second.held_back(second.still(YARD, NOON, person(0.5)), Safe.BELOW_PROBABILITY)
    if close:
        for world in (first, second):
            run(work, world.close())
    return first, second


def test_history_rewrites_the_day_to_the_same_rows() -> None:
    store = MemoryStore()
    first, second = live_day(store)
    before = records(store)
    context = history(store, first, second)
    manifest = run(work, context)
    after = records(store)
    for table in TABLES:
        assert keys(store, records_prefix(table.name, DAY)) == [f"{records_prefix(table.name, DAY)}day.parquet"]
        ours, theirs = after[table.name].to_pylist(), before[table.name].to_pylist()
        ignored = {"run", "events", "verdict"}
        assert [{k: v for k, v in r.items() if k not in ignored} for r in ours] == [
            {k: v for k, v in r.items() if k not in ignored} for r in theirs
        ]
    assert manifest.counts.received == len(before["pictures"]) == 6
    assert manifest.result == {"reports": [REPORT]}


def test_history_compacts_the_stores_of_the_day_and_a_second_time_changes_nothing() -> None:
    store = MemoryStore()
    first, second = live_day(store)
    context = history(store, first, second)
    manifest = run(work, context)
    day_files = [
        f"detections/{DETECTOR.tag}/2026/11/20/alice-porch/day.jsonl",
        f"detections/{DETECTOR.tag}/2026/11/20/alice-yard/day.jsonl",
        f"validations/{VALIDATOR}/2026/11/20/alice-porch/day.jsonl",
        f"validations/{VALIDATOR}/2026/11/20/alice-yard/day.jsonl",
        f"validations/{VALIDATOR}/2026/11/20/bob-shop/day.jsonl",
    ]
    assert [*keys(store, "detections/"), *keys(store, "validations/")] == day_files
    assert set(day_files) < {ref.key for ref in manifest.objects}
    prefixes = ("detections/", "validations/", "records/", "reports/")
    before = versions(store, *prefixes)
    assert run(work, context).objects == manifest.objects
    assert versions(store, *prefixes) == before


def test_history_over_footage_that_no_live_run_saw() -> None:
    store = MemoryStore()
    live = live_day(store, close=False)
    for world in live:
        world.close()  # their stages ran, their report did not
    manifest = run(work, history(store, *live))
    assert manifest.counts.outcomes == {  # the duplicate stood in the records only, which were never written
        "detected": 3,
        "quarantined:bad-name": 1,
        "quarantined:void": 1,
    }


def test_history_keeps_what_a_live_run_adds_later_and_a_cleared_run_adds_nothing_twice() -> None:
    store = MemoryStore()
    first, second = live_day(store)
    run(work, history(store, first, second))
    run(work, first.close())
    pictures = keys(store, records_prefix("pictures", DAY))
    assert pictures == [f"{records_prefix('pictures', DAY)}day.parquet"]
    late = World(store, "20261121T080000Z-000000000003")
    late.still(SHOP, NOON + timedelta(hours=1), person())
    run(work, late.close())
    assert len(keys(store, records_prefix("pictures", DAY))) == 2
    assert summary(store).received == 7


BUMPED = DetectorRef(tag="d2", model="other", sha256="cd" * 32, settings="s2")


def across_midnight(store: ObjectStore) -> World:
    """Frames of the last two seconds of the day and the first three of the next: threats, the last but a near miss."""
    world = World(store, "20261121T000100Z-000000000001")
    at = NOON.replace(hour=23, minute=59, second=58)
    frames = world.video(PORCH, at, [[], [], [person()], [person()], [person(0.5)]], cut=True)
    world.alert(world.event(frames[2:4]))
    world.held_back(frames[4], Safe.BELOW_PROBABILITY)
    return world


@pytest.mark.parametrize("detector", [DETECTOR, BUMPED], ids=lambda d: d.tag)
def test_history_keeps_what_is_recorded_of_a_video_that_began_the_day_before(detector: DetectorRef) -> None:
    store = MemoryStore()
    live = across_midnight(store)
    run(work, live.close())
    before = {table.name: records(store, NEXT_DAY)[table.name].to_pylist() for table in TABLES}
    assert [row["verdict"] for row in before["pictures"]] == ["threat", "threat", "suppressed", None]
    world = World(store, NEXT_DAY.isoformat(), HISTORY, detector)
    world.still(SHOP, NOON + timedelta(days=1))
    manifest = run(work, world.close(day=NEXT_DAY))
    assert manifest.counts.outcomes == {"detected": 4, "quarantined:truncated": 1}
    after = records(store, NEXT_DAY)
    for name, rows in before.items():
        ours = [{**row, "run": ""} for row in after[name].to_pylist() if row["camera"] == PORCH.name]
        assert ours == [{**row, "run": ""} for row in rows]


@pytest.mark.parametrize("reported_live", [True, False])
def test_history_records_a_video_also_after_midnight(reported_live: bool) -> None:
    store = MemoryStore()
    live = across_midnight(store)
    context = live.close()
    if reported_live:
        run(work, context)
    for day, worlds in ((DAY, [live]), (NEXT_DAY, []), (DAY, [live])):
        run(work, history(store, *worlds, day=day))
        assert summary(store).received == 2
        assert summary(store, NEXT_DAY).verdicts == {"threat": 2, "suppressed": 1}
    assert len(keys(store, records_prefix("pictures", NEXT_DAY))) == 1  # what stands there is not added again


def test_history_of_a_day_without_anything_still_reports_it() -> None:
    store = MemoryStore()
    manifest = run(work, history(store))
    assert manifest.result == {"reports": [REPORT]}
    assert "No footage was received on this day." in store.get(REPORT)[0].decode()
    assert keys(store, "records/") == []


def test_history_does_not_lose_what_a_live_run_brings_while_it_works() -> None:
    store = MemoryStore()
    first, second = live_day(store)
    context = history(store, first, second)  # its batch is fixed
    late = World(store, "20261121T000001Z-000000000003")
    late.still(SHOP, NOON + timedelta(hours=1), person())
    run(work, late.close())  # filed and reported before history gets to its report
    run(work, context)
    found = records(store)
    assert [len(found[t.name]) for t in TABLES] == [7, 4, 1, 1]
    assert keys(store, records_prefix("pictures", DAY)) == [f"{records_prefix('pictures', DAY)}day.parquet"]
    before = versions(store, "records/")
    run(work, context)
    assert versions(store, "records/") == before
