"""Counts of cameras: the last day and week to the moment, by UTC day, and the last picture."""

from collections.abc import Iterator
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightjar.queries.camera_counts import CameraCounts, counts_of, days_until, seen_lately
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.tables import ALERTS, PICTURES, AlertRow
from nightjar.stores.warehouse import Warehouse
from tests.bucket import PORCH, SHOP, YARD
from tests.images.base.nightjar.stores.test_warehouse import SMALL, put
from tests.recorded import a_picture, write

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
TODAY = NOW.date()
HOUR = timedelta(hours=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def warehouse(store: MemoryStore, tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(store, tmp_path / "parts", SMALL) as opened:
        yield opened


def picture(number: int, taken: datetime | None, **changes: Any) -> Any:
    owner = {"user": PORCH.user, "device": PORCH.device, "camera": PORCH.name}
    return a_picture(number, taken_at=taken, standard_key=f"standard/{number}.jpg", **{**owner, **changes})


def alert(number: int, event: str, at: datetime, state: str = "sent") -> AlertRow:
    return AlertRow(
        id=f"a{number}",
        run="r",
        event=event,
        user=PORCH.user,
        device=PORCH.device,
        camera=PORCH.name,
        rule_id=200,
        started_at=at,
        state=state,
        channel="email",
        recipient="",
        subject="",
        possibly_repeated=False,
        alert_run="r",
        claimed_at=at,
        finished_at=at,
        calls=1,
        status=200,
        message_id=None,
        outbox_key=None,
        ledger_key="",
    )


def by_day(store: MemoryStore, rows: list[tuple[date, Any]]) -> None:
    for day in {day for day, _ in rows}:
        write(store, PICTURES, day, "1", [row for each, row in rows if each == day])


def test_counts(store: MemoryStore, warehouse: Warehouse) -> None:
    yesterday, before = TODAY - timedelta(days=1), TODAY - timedelta(days=7)
    by_day(
        store,
        [
            (TODAY, picture(1, NOW - HOUR, verdict="threat")),
            (TODAY, picture(2, NOW - 2 * HOUR, verdict="safe")),
            (TODAY, picture(3, None, outcome="quarantined", reason="implausible-time")),
            (TODAY, picture(4, NOW, outcome="quarantined", camera=YARD.name)),
            (yesterday, picture(5, NOW - timedelta(days=1), verdict="threat")),
            (yesterday, picture(6, NOW - timedelta(hours=23, minutes=59))),
            (before, picture(7, NOW - timedelta(days=7))),
            (before, picture(8, NOW - timedelta(days=7) + HOUR)),
            (before, picture(9, None, camera=None, outcome="quarantined")),
        ],
    )
    alerts = [alert(1, "e1", NOW - HOUR), alert(2, "e1", NOW - HOUR), alert(3, "e2", NOW, "failed")]
    write(store, ALERTS, TODAY, "1", [*alerts, alert(4, "e3", NOW - 3 * HOUR, "outbox")])
    counts, problems = counts_of(warehouse, [PORCH, YARD, SHOP], NOW)
    assert problems == ()
    porch = counts[PORCH]
    assert astuple(porch.day) == (4, 1, 1, 2)
    assert astuple(porch.week) == (6, 2, 1, 2)
    assert {day: each.pictures for day, each in porch.days.items()} == {TODAY: 3, yesterday: 2, before: 1}
    assert (porch.last_key, porch.last_taken) == ("standard/1.jpg", NOW - HOUR)
    assert astuple(counts[YARD].day) == (1, 0, 1, 0)
    assert counts[YARD].last_key is None
    assert counts[SHOP] == CameraCounts()


def test_nothing_recorded_yet(warehouse: Warehouse) -> None:
    assert counts_of(warehouse, [], NOW) == ({}, ())
    assert counts_of(warehouse, [PORCH], NOW) == ({PORCH: CameraCounts()}, ())
    assert seen_lately(warehouse, "", 9, NOW) == []


def test_a_part_that_cannot_be_read_is_told(store: MemoryStore, warehouse: Warehouse) -> None:
    by_day(store, [(TODAY, picture(1, NOW))])
    key = put(store, PICTURES, "broken", b"no Parquet", TODAY)
    counts, [problem] = counts_of(warehouse, [PORCH], NOW)
    assert counts[PORCH].day.pictures == 1
    assert problem.startswith(key)


@pytest.mark.parametrize(
    ("user", "most", "expected"),
    [
        ("", 9, ["alice-porch", "bob-shop"]),
        ("", 1, ["alice-porch"]),
        ("bob", 9, ["bob-shop"]),
        ("'; DROP TABLE pictures; --", 9, []),
    ],
)
def test_cameras_seen(store: MemoryStore, warehouse: Warehouse, user: str, most: int, expected: list[str]) -> None:
    shop = {"user": SHOP.user, "device": SHOP.device, "camera": SHOP.name}
    nobody = {"user": None, "device": None, "camera": None}
    by_day(store, [(TODAY, picture(1, NOW)), (TODAY, picture(2, NOW, **shop)), (TODAY, picture(3, NOW, **nobody))])
    assert seen_lately(warehouse, user, most, NOW) == expected


def test_the_days_of_a_week() -> None:
    days = days_until(NOW)
    assert (days[0], days[-1], len(days)) == (date(2026, 11, 13), TODAY, 8)
