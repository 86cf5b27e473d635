"""History records a past day whole: the same rows, nothing lost, whoever writes meanwhile, whenever it is stopped."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.detections import DetectorRef
from nightjar.domain.events import EventState
from nightjar.domain.reasons import Reason
from nightjar.domain.rules import Safe
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.runtime.store import ObjectStore
from nightjar.stores.records import Records
from nightjar.stores.runs import HISTORY
from nightjar.stores.tables import ALERTS, EVENTS, PICTURES, TABLES
from nightjar_record.stage import work
from tests.bucket import NOON, PORCH, SHOP, YARD
from tests.images.record.landed import DETECTOR
from tests.images.record.warehouse import keys, parts, rows, versions
from tests.images.record.world import DAY, NEXT_DAY, World, history, person


def live_day(store: ObjectStore, record: bool = True) -> tuple[World, World]:
    """Two live runs over one day, recorded."""
    first = World(store, "20261120T120000Z-000000000001")
    a = first.still(PORCH, NOON, person())
    first.duplicate(a)
    first.misnamed("what is this.jpg")
    first.refused(SHOP, NOON, Reason.VOID)
    event = first.event([a])
    first.alert(event)
    second = World(store, "20261120T130000Z-000000000002", before=[first])
    b = second.still(PORCH, NOON + timedelta(seconds=40), person())
    second.event([a, b], base=event)
    second.held_back(second.still(YARD, NOON, person(0.5)), Safe.BELOW_PROBABILITY)
    if record:
        for world in (first, second):
            run(work, world.close())
    return first, second


def without_run(recorded: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {table: [row | {"run": ""} for row in lines] for table, lines in recorded.items()}


def test_the_day_is_rewritten_to_the_same_rows() -> None:
    store = MemoryStore()
    live = live_day(store)
    before = rows(store)
    manifest = run(work, history(store, *live))
    assert {table.name: parts(store, table.name) for table in TABLES} == {t.name: ["day.parquet"] for t in TABLES}
    assert without_run(rows(store)) == without_run(before)
    assert manifest.counts.received == len(before["pictures"]) == 6
    assert manifest.result == {"days": ["2026-11-20"]}
    assert list(Records(store).news()) == [DAY]


def test_the_stores_of_the_day_are_compacted_and_a_second_time_nothing_changes() -> None:
    store = MemoryStore()
    context = history(store, *live_day(store))
    manifest = run(work, context)
    places = [f"{camera}/day.jsonl" for camera in ("alice-porch", "alice-yard", "bob-shop")]
    after = [*keys(store, "detections/"), *keys(store, "validations/")]
    assert [key.split("/2026/11/20/")[1] for key in after] == [*places[:2], *places]
    assert set(after) < {ref.key for ref in manifest.objects}
    prefixes = ("detections/", "validations/", "records/pictures", "records/detections", "records/events")
    before = versions(store, *prefixes)
    news = "records/news/"  # announced each time
    again = [ref for ref in run(work, context).objects if not ref.key.startswith(news)]
    assert again == [ref for ref in manifest.objects if not ref.key.startswith(news)]
    assert versions(store, *prefixes) == before


def test_a_day_that_no_live_run_recorded() -> None:
    store = MemoryStore()
    live = live_day(store, record=False)
    for world in live:
        world.close()  # their stages ran, but for record
    manifest = run(work, history(store, *live))
    assert manifest.counts.outcomes == {  # the duplicate stood in the records only, which were never written
        "detected": 3,
        "quarantined:bad-name": 1,
        "quarantined:void": 1,
    }
    assert [len(rows(store)[t.name]) for t in TABLES] == [5, 3, 1, 1]


def test_parts_of_live_runs_that_come_later_stay_and_count_as_newer() -> None:
    store = MemoryStore()
    run(work, history(store, *live_day(store)))
    late = World(store, "20261121T080000Z-000000000003")
    late.still(SHOP, NOON + timedelta(hours=1), person())
    run(work, late.close())
    assert len(parts(store, "pictures")) == 2
    assert len(rows(store)["pictures"]) == 7


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
def test_the_rows_of_a_video_that_began_the_day_before_stay(detector: DetectorRef) -> None:
    store = MemoryStore()
    run(work, across_midnight(store).close())
    before = rows(store, NEXT_DAY)
    assert [row["verdict"] for row in before["pictures"]] == ["threat", "threat", "suppressed", None]
    world = World(store, NEXT_DAY.isoformat(), HISTORY, detector)
    world.still(SHOP, NOON + timedelta(days=1))
    manifest = run(work, world.close(day=NEXT_DAY))
    assert manifest.counts.outcomes == {"detected": 4, "quarantined:truncated": 1}
    after = rows(store, NEXT_DAY)
    ours = {table: [row for row in lines if row["camera"] == PORCH.name] for table, lines in after.items()}
    assert without_run(ours) == without_run(before)


@pytest.mark.parametrize("recorded_live", [True, False])
def test_a_video_is_recorded_also_after_midnight(recorded_live: bool) -> None:
    store = MemoryStore()
    live = across_midnight(store)
    context = live.close()
    if recorded_live:
        run(work, context)
    for day, worlds in ((DAY, [live]), (NEXT_DAY, []), (DAY, [live])):
        manifest = run(work, history(store, *worlds, day=day))
        assert NEXT_DAY.isoformat() in str(manifest.result)
        assert [row["verdict"] for row in rows(store)["pictures"]] == ["nothing", "nothing"]
        verdicts = [row["verdict"] for row in rows(store, NEXT_DAY)["pictures"]]
        assert verdicts == ["threat", "threat", "suppressed", None]
    assert len(parts(store, "pictures", NEXT_DAY)) == 1  # a row that stands there is not added again


def test_a_day_without_anything_is_news_too() -> None:
    store = MemoryStore()
    manifest = run(work, history(store))
    assert manifest.result == {"days": ["2026-11-20"]}
    assert list(Records(store).news()) == [DAY]
    assert [parts(store, table.name) for table in TABLES] == [[], [], [], []]


def test_the_rows_of_a_live_run_that_ends_while_history_works_stay() -> None:
    store = MemoryStore()
    live = live_day(store)
    context = history(store, *live)  # its batch is fixed
    late = World(store, "20261121T000001Z-000000000003")
    late.still(SHOP, NOON + timedelta(hours=1), person())
    run(work, late.close())  # filed and recorded before history gets to its record stage
    run(work, context)
    assert [len(rows(store)[t.name]) for t in TABLES] == [7, 4, 1, 1]
    assert parts(store, "pictures") == ["day.parquet"]
    before = versions(store, "records/pictures")
    run(work, context)
    assert versions(store, "records/pictures") == before


def test_rows_of_footage_that_history_did_not_get_through_with_stay_as_they_were() -> None:
    store = MemoryStore()
    live = live_day(store)
    before = rows(store)
    for assessed in (False, True):
        world = history(store, *live, assessed=assessed)
        run(work, world)
        assert without_run(rows(store)) == without_run(before)
    failed = World(store, DAY.isoformat(), HISTORY)
    failed.batch = [line for each in live for line in each.batch if line.outcome == "filed"]
    manifest = run(work, failed.close(day=DAY))  # no shard left proof of its work
    assert without_run(rows(store)) == without_run(before)
    assert manifest.counts.total("failed") == 0


def test_footage_that_only_history_knows_and_did_not_get_through_with_counts_as_failed() -> None:
    store = MemoryStore()
    world = World(store, DAY.isoformat(), HISTORY)
    world.unproven(SHOP, NOON)
    world.still(PORCH, NOON, person(), detected=False)
    manifest = run(work, world.close(day=DAY))
    assert manifest.counts.outcomes == {"failed:detect": 1, "failed:validate": 1}


def test_events_and_alerts_are_recorded_as_they_are_stored_by_now() -> None:
    store = MemoryStore()
    first, second = live_day(store)
    event = second.events[0].model_copy(update={"state": EventState.WITHDRAWN, "revision": 3})
    first.store_event(event)
    run(work, history(store, first, second))
    (row,) = rows(store)["events"]
    assert (row["state"], row["revision"]) == ("withdrawn", 3)
    assert [r["event"] for r in rows(store)["alerts"]] == [event.id]


def test_an_event_that_release_0_1_removed_stays_if_somebody_was_alerted_about_it() -> None:
    store = MemoryStore()
    live = live_day(store)
    silent = live[1].event([live[1].still(SHOP, NOON, person())], 7)
    run(work, live[1].close())
    assert len(rows(store)["events"]) == 2
    for key in keys(store, "events/"):
        store.delete(key)
    run(work, history(store, *live))
    assert [row["id"] for row in rows(store)["events"]] != [silent.id]
    assert len(rows(store)["events"]) == 1


class Interrupted(MemoryStore):
    """Calls `before` with the number, name and key of every call to the store that reads or changes an object."""

    def __init__(self) -> None:
        moments = (NOON + timedelta(seconds=n) for n in range(100_000))
        super().__init__(clock=lambda: next(moments))
        self.before: Callable[[int, str, str], None] = lambda number, name, key: None
        self.calls = 0

    def _call(self, name: str, key: str) -> None:
        self.calls += 1
        self.before(self.calls, name, key)

    def put(self, key: str, data: bytes, **kwargs: Any) -> Any:
        self._call("put", key)
        return super().put(key, data, **kwargs)

    def get(self, key: str, version_id: str | None = None) -> Any:
        self._call("get", key)
        return super().get(key, version_id)

    def head(self, key: str, version_id: str | None = None) -> Any:
        self._call("head", key)
        return super().head(key, version_id)

    def delete(self, key: str, version_id: str | None = None) -> None:
        self._call("delete", key)
        super().delete(key, version_id)


class Killed(BaseException):
    """The process was killed."""


@pytest.mark.slow
def test_killed_at_any_write_nothing_is_lost_and_a_second_run_ends_it() -> None:
    expected = None
    for moment in range(1, 60):
        store = Interrupted()
        context = history(store, *live_day(store))
        before = without_run(rows(store))
        changes = 0

        def kill(_number: int, name: str, key: str, moment: int = moment) -> None:
            nonlocal changes
            if key.startswith("records/") and name in ("put", "delete"):
                changes += 1
                if changes == moment:
                    raise Killed

        store.before = kill
        try:
            run(work, context)
        except Killed:
            store.before = lambda number, name, key: None
            assert without_run(rows(store)) == before, f"killed before change {moment}"
            run(work, context)
        assert without_run(rows(store)) == before
        assert {table.name: parts(store, table.name) for table in TABLES} == {t.name: ["day.parquet"] for t in TABLES}
        expected = changes
    assert expected is not None and 10 < expected < 60  # the last kills came after the end


@pytest.mark.parametrize("table", [PICTURES, EVENTS, ALERTS], ids=lambda t: t.name)
def test_a_merge_that_comes_in_between_is_taken_in(table: Any) -> None:
    store = Interrupted()
    context = history(store, *live_day(store))
    before = without_run(rows(store))
    late = World(store, "20261121T080000Z-000000000003")
    late.still(SHOP, NOON + timedelta(hours=1), person())

    def merge(_number: int, name: str, key: str) -> None:
        if name == "put" and key == f"records/{table.name}/date=2026-11-20/day.parquet":
            store.before = lambda number, name, key: None
            run(work, late.close())
            for each in (PICTURES, EVENTS, ALERTS):
                Records(store).merge(each, DAY, most=1)

    store.before = merge
    run(work, context)
    after = without_run(rows(store))
    assert len(after["pictures"]) == len(before["pictures"]) + 1
    assert [row["id"] for row in after["events"]] == [row["id"] for row in before["events"]]
    assert after["alerts"] == before["alerts"]
