"""Refusals by the warehouse: counts, pages of a list newest first, and what is lost or cannot be read."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightjar.domain.reasons import Reason
from nightjar.queries.refused_list import LIFTED, list_refused, refused_in
from nightjar.queries.refused_rows import NO_CAMERA, Cursor, RefusedOf, count_refused, rows_before
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.contents import Content
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.records import Provenance, Records
from nightjar.stores.tables import PICTURES
from nightjar.stores.warehouse import Warehouse
from tests.images.base.nightjar.queries.refusals import AT, NOW, Refusals, a_row, warehouse_of

TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
WEEK = RefusedOf(TODAY - timedelta(days=6), TODAY)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def warehouse(store: MemoryStore, tmp_path: Path) -> Iterator[Warehouse]:
    with warehouse_of(store, tmp_path) as opened:
        yield opened


@pytest.fixture
def folders(store: MemoryStore) -> list[str]:
    """Newest first, as a list has them."""
    refusals = Refusals(store)
    made = [
        refusals.add(f"bob-shop-{AT + 60}.mp4", Reason.TRUNCATED, NOW + timedelta(minutes=1)),
        refusals.add(f"alice-porch-{AT}.jpg", Reason.GREY),
        refusals.add(f"alice-yard-{AT - 60}.jpg", Reason.GREY, NOW - timedelta(minutes=1)),
        refusals.add("thumbs.db", Reason.BAD_NAME),
        refusals.add(f"alice-porch-{AT - 86_400}.jpg", Reason.VOID, NOW - timedelta(days=1)),
        refusals.add(f"alice-porch-{AT - 6 * 86_400}.jpg", Reason.GREY, NOW - timedelta(days=6)),
    ]
    refusals.record()
    return made


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"reason": "grey"}, [1, 2, 5]),
        ({"reason": "grey", "camera": "alice-porch"}, [1, 5]),
        ({"camera": NO_CAMERA}, [3]),
        ({"user": "bob"}, [0]),
        ({"user": "alice", "camera": "bob-shop"}, []),
        ({"first": YESTERDAY}, [0, 1, 2, 3, 4]),
        ({"last": YESTERDAY}, [4, 5]),
        ({"first": date(2020, 1, 1), "last": date(2020, 1, 2)}, []),
        ({"reason": "x' OR 1=1 --"}, []),
        ({"camera": "$reason"}, []),
    ],
)
def test_which_are_listed_and_counted(
    store: MemoryStore, warehouse: Warehouse, folders: list[str], wanted: dict[str, Any], expected: list[int]
) -> None:
    asked = RefusedOf(**{"first": WEEK.first, "last": WEEK.last, **wanted})
    page = list_refused(store, warehouse, asked, None, 24)
    assert [folders.index(each.row.folder) for each in page.listed] == expected
    assert all(each.refused and each.refused.folder == each.row.folder for each in page.listed)
    assert page.older is None
    assert count_refused(warehouse, asked).total == len(expected)


@pytest.mark.parametrize("most", [1, 2, 5, 6])
def test_pages_follow_each_other_without_gap_or_repetition(
    store: MemoryStore, warehouse: Warehouse, folders: list[str], most: int
) -> None:
    seen: list[str] = []
    cursor = None
    for _ in range(7):
        page = list_refused(store, warehouse, WEEK, cursor, most)
        assert len(page.listed) <= most
        seen += [each.row.folder for each in page.listed]
        if page.older is None:
            break
        cursor = Cursor.parse(page.older)
    assert seen == folders


def test_refusals_of_the_same_moment_are_told_apart(store: MemoryStore, warehouse: Warehouse) -> None:
    refusals = Refusals(store)
    for camera in "abcde":
        refusals.add(f"alice-{camera}-{AT}.jpg")
    refusals.record()
    first = list_refused(store, warehouse, WEEK, None, 3)
    assert first.older
    second = list_refused(store, warehouse, WEEK, Cursor.parse(first.older), 3)
    cameras = {each.row.camera for each in (*first.listed, *second.listed)}
    assert (len(first.listed), len(second.listed), len(cameras)) == (3, 2, 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "~",
        "2026-11-20T12:00:00Z",
        "2026-11-20T12:00:00Z~",
        "2026-13-20T12:00:00Z~a",
        "2026-11-20T99:00:00Z~a",
        "2026-11-20T12:00:00Z~a'b",
        "2026-11-20T12:00:00Z~" + "a" * 81,
        "\0~a",
        "\uff12026-11-20T12:00:00Z~a",
    ],
)
def test_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Cursor.parse(text)


def test_counts(warehouse: Warehouse, folders: list[str]) -> None:
    counts = count_refused(warehouse, WEEK)
    assert counts.total == len(folders)
    assert list(counts.by_reason.items()) == [("grey", 3), ("bad-name", 1), ("truncated", 1), ("void", 1)]
    assert counts.by_day == {TODAY: 4, YESTERDAY: 1, WEEK.first: 1}
    assert list(counts.by_camera) == ["alice-porch", "alice-yard", "bob-shop", NO_CAMERA]
    assert counts.by_camera["alice-porch"] == {"grey": 2, "void": 1}
    assert (counts.cameras, counts.problems) == (4, ())


def test_cameras_are_named_up_to_a_bound(store: MemoryStore, warehouse: Warehouse) -> None:
    rows = [
        a_row(f"p{number}", reason="grey", camera=f"a-{number:03d}", quarantine_key=f"quarantine/{number}")
        for number in range(50)
    ]
    Records(store).write(TODAY, "nightjar_live/1", Content.of(PICTURES, rows), Provenance(run="nightjar_live/1"))
    counts = count_refused(warehouse, WEEK)
    assert (counts.total, counts.cameras, len(counts.by_camera)) == (50, 50, 10)


def test_nothing_at_all(store: MemoryStore, warehouse: Warehouse) -> None:
    assert count_refused(warehouse, WEEK).total == 0
    assert list_refused(store, warehouse, WEEK, None, 24).listed == ()


def test_a_damaged_part_is_told_beside_the_others(store: MemoryStore, warehouse: Warehouse, folders: list[str]) -> None:
    store.put(f"records/pictures/date={TODAY}/nightjar_live-2.parquet", b"no Parquet")
    counts = count_refused(warehouse, WEEK)
    assert counts.total == len(folders)
    [problem] = counts.problems
    assert "nightjar_live-2.parquet" in problem


def test_what_cannot_be_read_and_what_was_lifted_is_told_in_its_place(
    store: MemoryStore, warehouse: Warehouse, folders: list[str]
) -> None:
    store.put(f"{folders[0]}reason.json", b"{")
    Quarantine(store).lift(folders[1])
    store.make_unreadable(f"{folders[2]}reason.json")
    page = list_refused(store, warehouse, WEEK, None, 24)
    assert [bool(each.refused) for each in page.listed] == [False, False, False, True, True, True]
    assert [each.problem == LIFTED for each in page.listed[:3]] == [False, True, False]
    assert folders[0] in page.listed[0].problem and page.listed[0].row.reason == "truncated"
    refused, unreadable = refused_in(store, [each.row for each in page.listed])
    assert (len(refused), unreadable) == (3, 2)


def test_a_row_that_names_another_key_reaches_nothing(store: MemoryStore, warehouse: Warehouse) -> None:
    rows = [a_row("p1", reason="grey", quarantine_key="config/", taken_at=datetime(2026, 11, 20, 1, tzinfo=UTC))]
    Records(store).write(TODAY, "nightjar_live/1", Content.of(PICTURES, rows), Provenance(run="nightjar_live/1"))
    [listed] = list_refused(store, warehouse, WEEK, None, 24).listed
    assert listed.refused is None and "expected a folder of quarantine" in listed.problem
    assert len(rows_before(warehouse, WEEK, None, 5)) == 1
