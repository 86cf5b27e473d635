"""The figures of a period: the funnel in triggers, hours, locations, refusals, latency, parts that are none."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightjar.queries.event_filter import EventFilter
from nightjar.queries.event_search import EventSearch
from nightjar.queries.overview import Funnel, Latency, Location, Overview, Refused, overview
from nightjar.queries.period import Period
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.tables import ALERTS, EVENTS, PICTURES, AlertRow, EventRow, PictureRow
from nightjar.stores.warehouse import Warehouse, WarehouseSettings
from tests.images.base.nightjar.stores.test_tables import an_event
from tests.recorded import a_picture, an_alert, write

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
ONE_DAY = Period(DAY, DAY)
SMALL = WarehouseSettings(warehouse_disk_mib=16, warehouse_memory_mib=64, warehouse_threads=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def warehouse(store: MemoryStore, tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(store, tmp_path, SMALL) as opened:
        yield opened


def at(hour: int, minute: int = 0, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def picture(number: int, camera: str = "alice-porch", hour: int = 12, **changes: Any) -> PictureRow:
    return a_picture(number, camera=camera, taken_at=at(hour), **changes)


def threat(number: int, *events: str, **changes: Any) -> PictureRow:
    return picture(number, **{"objects": 1, "verdict": "threat", "events": list(events), **changes})


def look(
    warehouse: Warehouse,
    store: MemoryStore,
    pictures: Sequence[PictureRow] = (),
    events: Sequence[EventRow] = (),
    alerts: Sequence[AlertRow] = (),
    period: Period = ONE_DAY,
) -> Overview:
    for table, rows in ((PICTURES, pictures), (EVENTS, events), (ALERTS, alerts)):
        write(store, table, DAY, "1", rows)
    return overview(warehouse, period)


def test_a_period_without_rows_has_no_figures(warehouse: Warehouse, store: MemoryStore) -> None:
    seen = look(warehouse, store)
    assert (seen.funnel, seen.heat.cameras, seen.locations, seen.refused) == (Funnel(), (), (), ())
    assert (seen.latency, seen.cameras, seen.events, seen.alerts, seen.problems) == (
        Latency(slowest_camera=""),
        0,
        0,
        0,
        (),
    )
    assert [span.start for span in seen.spans] == [at(hour) for hour in range(24)]


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        ([picture(1, outcome="quarantined")], (1, 0, 0, 0, 0, 0)),
        ([picture(1, outcome="duplicate")], (1, 0, 0, 0, 0, 0)),
        ([picture(1, outcome="failed")], (1, 0, 0, 0, 0, 0)),
        ([picture(1, objects=0)], (1, 1, 0, 0, 0, 0)),
        ([picture(1, objects=2, verdict="safe")], (1, 1, 1, 0, 0, 0)),
        ([threat(1)], (1, 1, 1, 1, 0, 0)),
        ([threat(1, "e1")], (1, 1, 1, 1, 1, 1)),
        ([threat(1, "e2")], (1, 1, 1, 1, 1, 0)),  # its message is only claimed
        ([threat(1, "e3")], (1, 1, 1, 1, 1, 1)),  # absorbed by e4, of which somebody was told
        ([threat(1, "e5")], (1, 1, 1, 1, 1, 1)),  # has absorbed e6, of which somebody was told
        ([threat(1, "gone", "e1")], (1, 1, 1, 1, 1, 1)),
        # A video: one trigger, as far as any of its pictures came.
        (
            [picture(1, trigger="v"), threat(2, "e1", trigger="v"), picture(3, trigger="v", outcome="failed")],
            (1, 1, 1, 1, 1, 1),
        ),
        ([picture(1), threat(2, "e1"), picture(3, outcome="quarantined")], (3, 2, 1, 1, 1, 1)),
    ],
)
def test_the_funnel_counts_triggers(
    warehouse: Warehouse, store: MemoryStore, pictures: list[PictureRow], expected: tuple[int, ...]
) -> None:
    events = [
        *(an_event(1), an_event(2), an_event(3, state="absorbed")),
        *(an_event(4, absorbed=["e3"]), an_event(5, absorbed=["e6"])),
    ]
    alerts = [an_alert(1), an_alert(2, state="claimed"), an_alert(4, state="outbox"), an_alert(6)]
    assert look(warehouse, store, pictures, events, alerts).funnel == Funnel(*expected)


def test_events_of_the_day_before_and_after_count_for_triggers_alone(warehouse: Warehouse, store: MemoryStore) -> None:
    before = DAY - timedelta(days=1)
    write(store, EVENTS, before, "0", [an_event(8, started_at=at(12, day=before))])
    write(store, ALERTS, before, "0", [an_alert(8)])
    write(store, ALERTS, NEXT, "2", [an_alert(9)])
    seen = look(warehouse, store, [threat(1, "e8"), threat(2, "e9")])
    assert (seen.funnel.alerted, seen.alerts, seen.events, seen.latency.deliveries) == (2, 0, 0, 0)
    assert overview(warehouse, Period(before, NEXT)).alerts == 2


def test_events_count_as_the_list_of_events_has_them(warehouse: Warehouse, store: MemoryStore) -> None:
    before = DAY - timedelta(days=1)
    events = [
        an_event(1, id="1", started_at=at(23, 58, before), ended_at=at(0, 10)),  # extended backwards
        an_event(2, id="2", started_at=at(0), ended_at=at(2, 30)),
        an_event(3, id="3", started_at=at(23, 59), ended_at=at(0, 5, NEXT)),
        an_event(4, id="4", started_at=at(1), state="withdrawn"),
    ]
    write(store, EVENTS, DAY, "1", events)
    search = EventSearch(warehouse, store)

    def listed(**asked: str) -> list[str]:
        return [card.ref.id for card in search.page(EventFilter.parse(asked, frozenset()), at(12, day=NEXT)).cards]

    for day, expected in [(before, ["1"]), (DAY, ["3", "2"]), (NEXT, [])]:
        seen = overview(warehouse, Period(day, day))
        assert listed(**{"from": str(day), "to": str(day)}) == expected
        assert (seen.events, sum(each.events for each in seen.locations)) == (len(expected), len(expected))
    hours = [(f"{before}T23", ["1"]), (f"{DAY}T00", ["2", "1"]), (f"{DAY}T02", ["2"]), (f"{DAY}T03", [])]
    for hour, expected in [*hours, (f"{NEXT}T00", ["3"])]:
        assert listed(hour=hour) == expected


def test_rows_that_stand_in_several_parts_count_once(warehouse: Warehouse, store: MemoryStore) -> None:
    write(store, PICTURES, DAY, "0", [threat(1, "e1"), picture(2)])
    write(store, EVENTS, DAY, "0", [an_event(1, state="withdrawn", revision=2)])
    seen = look(warehouse, store, [picture(1, objects=0)], [an_event(1)])
    assert (seen.funnel, seen.events) == (Funnel(2, 2), 0)


def test_hours_and_days(warehouse: Warehouse, store: MemoryStore) -> None:
    nowhere = picture(4, outcome="quarantined")
    pictures = [picture(1, hour=3), threat(2, hour=3), threat(3, hour=23), a_picture(4, outcome="quarantined")]
    del nowhere
    alert = an_alert(1, started_at=at(3, 59), finished_at=at(4, 1))
    write(store, PICTURES, NEXT, "2", [a_picture(9, taken_at=at(0, day=NEXT))])
    seen = look(warehouse, store, pictures, [an_event(1)], [alert])
    hours = {span.start: span for span in seen.spans if span.funnel.received or span.deliveries}
    assert {start: (span.funnel.received, span.funnel.with_threat) for start, span in hours.items()} == {
        at(3): (2, 1),
        at(23): (1, 1),
        None: (1, 0),
    }
    assert (hours[at(3)].deliveries, hours[at(3)].median, len(seen.spans)) == (1, 120, 25)
    days = overview(warehouse, Period(DAY, NEXT)).spans
    assert [(span.start, span.funnel.received, span.p95) for span in days] == [
        (at(0), 4, 120),
        (at(0, day=NEXT), 1, None),
    ]


def test_threats_by_camera_and_hour(warehouse: Warehouse, store: MemoryStore) -> None:
    pictures = [threat(n, hour=hour) for n, hour in enumerate([0, 7, 7, 23])]
    pictures += [threat(10 + n, camera=f"bob-{n:02}", hour=1) for n in range(25)]
    pictures += [picture(100, camera="carol-safe", objects=1, verdict="safe")]
    heat = look(warehouse, store, pictures).heat
    assert (heat.cameras[0].camera, heat.cameras[0].total, heat.highest) == ("alice-porch", 4, 2)
    assert [heat.cameras[0].hours[hour] for hour in (0, 1, 7, 23)] == [1, 0, 2, 1]
    assert [row.camera for row in heat.cameras[1:]] == [f"bob-{n:02}" for n in range(19)]
    assert (heat.others, heat.others_total) == (6, 6)


def test_locations_by_messages(warehouse: Warehouse, store: MemoryStore) -> None:
    yard = {"camera": "alice-yard", "device": "yard"}
    events = [
        an_event(1, site="home"),
        an_event(2, site="home", state="withdrawn"),
        *(an_event(n, **yard) for n in (3, 4)),
    ]
    # Two events in one message, to two recipients; and one message that reached nobody.
    told = [an_alert(3, **yard), an_alert(4, told_with="e3", **yard), an_alert(5, event="e3", **yard)]
    seen = look(warehouse, store, [threat(1), picture(2), a_picture(3)], events, [*told, an_alert(1, state="failed")])
    assert seen.locations == (
        Location("alice-yard", "", 0, 0, 2, 1),
        Location("alice-porch", "home", 2, 1, 1, 0),
        Location("", "", 1, 0, 0, 0),
    )
    assert (seen.cameras, seen.events, seen.alerts) == (1, 3, 1)


def test_refusals_by_reason_and_camera(warehouse: Warehouse, store: MemoryStore) -> None:
    refused: dict[str, Any] = {"outcome": "quarantined", "reason": "void"}
    pictures = [picture(n, camera=f"bob-{n % 7}", **refused) for n in range(15)]
    pictures += [a_picture(20, outcome="quarantined", reason="bad-name"), picture(21, outcome="failed", reason="x")]
    seen = look(warehouse, store, pictures)
    most = (("bob-0", 3), ("bob-1", 2), ("bob-2", 2), ("bob-3", 2), ("bob-4", 2))
    assert seen.refused == (Refused("void", 15, 7, most), Refused("bad-name", 1, 0, (("", 1),)))
    assert seen.refused_pictures == 16


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], (0, None, None, None)),
        ([10], (1, 10, 10, 10)),
        ([10, 20, 30], (3, 20, 29, 30)),
        ([-5], (1, 0, 0, 0)),  # the clock of the camera runs ahead
        ([None], (0, None, None, None)),
    ],
)
def test_latency(
    warehouse: Warehouse, store: MemoryStore, seconds: list[float | None], expected: tuple[Any, ...]
) -> None:
    alerts = [
        an_alert(n, finished_at=None if each is None else at(12) + timedelta(seconds=each), camera=f"bob-{n}")
        for n, each in enumerate(seconds)
    ]
    latency = look(warehouse, store, alerts=alerts).latency
    assert (latency.deliveries, latency.median, latency.p95, latency.slowest) == pytest.approx(expected)
    assert latency.slowest_camera == (f"bob-{len(seconds) - 1}" if expected[0] else "")
    assert latency.slowest_day == (DAY if expected[0] else None)


def test_a_part_that_is_none_is_told_and_the_rest_counts(warehouse: Warehouse, store: MemoryStore) -> None:
    store.put("records/pictures/date=2026-11-20/bad.parquet", b"no Parquet")
    seen = look(warehouse, store, [picture(1)])
    assert seen.funnel.received == 1
    [problem] = seen.problems
    assert problem.startswith("records/pictures/date=2026-11-20/bad.parquet: ")
