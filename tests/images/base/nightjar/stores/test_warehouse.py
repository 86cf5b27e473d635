"""SQL over parts: rows as the store of records reads them, other releases, what is no part, what is out of reach."""

import io
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from nightjar.stores.columns import Table
from nightjar.stores.contents import Content
from nightjar.stores.part_blocks import PARTS_OF_A_BLOCK
from nightjar.stores.part_sql import problems_of_parts
from nightjar.stores.record_keys import partition_prefix
from nightjar.stores.records import Records
from nightjar.stores.tables import ALERTS, DETECTIONS, EVENTS, PICTURES, TABLES, EventRow
from nightjar.stores.warehouse import Warehouse, WarehouseSettings
from tests.images.base.nightjar.stores.test_tables import an_event
from tests.recorded import a_picture, write

DAY = date(2026, 11, 20)
NEXT = date(2026, 11, 21)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOLDEN = Path(__file__).resolve().parents[4] / "golden"
SMALL = WarehouseSettings(warehouse_disk_mib=16, warehouse_memory_mib=64, warehouse_threads=1)


def ticking() -> MemoryStore:
    moments = (NOON + timedelta(seconds=n) for n in range(100_000))
    return MemoryStore(clock=lambda: next(moments))


@pytest.fixture
def store() -> MemoryStore:
    return ticking()


@pytest.fixture
def warehouse(store: MemoryStore, tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(store, tmp_path / "it's", SMALL) as opened:
        yield opened


def put(store: MemoryStore, table: Table[Any], name: str, data: bytes | pa.Table, day: date = DAY) -> str:
    key = f"{partition_prefix(table.name, day)}{name}.parquet"
    if isinstance(data, pa.Table):
        buffer = io.BytesIO()
        pq.write_table(data, buffer)
        data = buffer.getvalue()
    store.put(key, data)
    return key


def all_rows(warehouse: Warehouse, table: Table[Any], days: Sequence[date]) -> list[dict[str, Any]]:
    """In the order of the table, as `Content.lines` gives them."""
    order = ", ".join(f'"{name}"' for name in table.order)
    return warehouse.rows(table, days, f"SELECT * EXCLUDE (day) FROM rows ORDER BY day, {order}")


def recorded(store: MemoryStore, table: Table[Any], days: Sequence[date]) -> list[dict[str, Any]]:
    return [line for day in days for line in Records(store).read(table, day).content.lines()]


# The same rows as the store of records


_NUMBERS = st.integers(1, 4)
_REVISIONS = st.none() | st.integers(1, 3)
_EVENTS = st.lists(st.tuples(_NUMBERS, _REVISIONS), max_size=4, unique_by=lambda each: each[0])
_PICTURES = st.lists(st.tuples(_NUMBERS, st.integers(1, 3)), max_size=4, unique_by=lambda each: each[0])
_PARTS = st.sampled_from(["a", "b", "c", "day"])


_DAYS = count()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_PARTS, st.booleans(), _EVENTS, _PICTURES), max_size=6))
def test_rows_are_those_of_the_store_of_records(warehouse: Warehouse, store: MemoryStore, parts: Any) -> None:
    number = next(_DAYS)  # the store is that of all examples
    first, second = (DAY + timedelta(days=2 * number + n) for n in range(2))
    for name, is_first, events, pictures in parts:
        day = first if is_first else second
        rows = [an_event(n, revision=revision, pictures=place) for place, (n, revision) in enumerate(events)]
        write(store, EVENTS, day, name, rows)
        write(store, PICTURES, day, name, [a_picture(n, trigger=f"t{t}", run=name) for n, t in pictures])
    for table in (EVENTS, PICTURES):
        assert all_rows(warehouse, table, [first, second]) == recorded(store, table, [first, second])


def numbered(number: int, **changes: Any) -> EventRow:
    return an_event(id=f"e{number}", **changes)


def test_many_parts_of_a_day_count_as_they_did_when_they_are_put_together(
    warehouse: Warehouse, store: MemoryStore
) -> None:
    for number in range(PARTS_OF_A_BLOCK * 2 + 3):
        events = [numbered(number, pictures=number), numbered(500 + number % 7, revision=number % 5, pictures=number)]
        pictures = [a_picture(number), a_picture(900 + number % 3, trigger=f"t{number % 11}", run=str(number))]
        write(store, EVENTS, DAY, f"{number:03}", events)
        write(store, PICTURES, DAY, f"{number:03}", pictures)
        if number in (0, PARTS_OF_A_BLOCK - 1, PARTS_OF_A_BLOCK + 1, PARTS_OF_A_BLOCK * 2 + 2):
            for table in (EVENTS, PICTURES):
                assert all_rows(warehouse, table, [DAY]) == recorded(store, table, [DAY])
    # Another whole day makes other blocks.
    write(store, EVENTS, DAY, "day", [numbered(0, pictures=99), numbered(800)])
    assert all_rows(warehouse, EVENTS, [DAY]) == recorded(store, EVENTS, [DAY])


def test_a_part_of_a_block_that_is_none_is_told_each_time(warehouse: Warehouse, store: MemoryStore) -> None:
    key = put(store, EVENTS, "bad", b"no Parquet")
    damaged_key = put(store, EVENTS, "damaged", damaged("rule_name"))
    for number in range(PARTS_OF_A_BLOCK * 2):
        write(store, EVENTS, DAY, f"{number:03}", [numbered(100 + number)])
    for _ in range(2):
        with warehouse.select([EVENTS], [DAY]) as selected:
            assert len(selected.rows("SELECT rule_name FROM events")) == PARTS_OF_A_BLOCK * 2
            assert {problem.key for problem in selected.problems} == {key, damaged_key}


@pytest.mark.parametrize("release", ["0.1.0", "0.2.0"])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_parts_of_earlier_releases_are_read(
    warehouse: Warehouse, store: MemoryStore, release: str, table: Table[Any]
) -> None:
    (file,) = (GOLDEN / release / "records" / table.name).rglob("*.parquet")
    write(store, table, DAY, "empty", [])
    store.put(f"{partition_prefix(table.name, DAY)}{file.name}", file.read_bytes())
    rows = all_rows(warehouse, table, [DAY])
    assert rows == recorded(store, table, [DAY])
    assert rows


def test_columns_that_a_part_lacks_or_a_later_release_has(warehouse: Warehouse, store: MemoryStore) -> None:
    arrow = Content.of(EVENTS, [an_event(1)]).arrow.drop_columns(["rule_name", "revision"])
    arrow = arrow.append_column("day", pa.array(["x"])).append_column("zone", pa.array(["garden"]))
    arrow = arrow.set_column(arrow.column_names.index("pictures"), "pictures", arrow["pictures"].cast(pa.int64()))
    put(store, EVENTS, "later", arrow)
    put(store, EVENTS, "latest", arrow)
    write(store, EVENTS, DAY, "ours", [an_event(2)])
    rows = warehouse.rows(EVENTS, [DAY], "SELECT * FROM rows ORDER BY id")
    assert list(rows[0]) == [*EVENTS.columns, "day"]
    assert [(row["id"], row["rule_name"], row["pictures"], row["day"]) for row in rows] == [
        ("e1", None, 1, DAY),
        ("e2", "intruder", 1, DAY),
    ]


@pytest.mark.parametrize(
    ("days", "expected"),
    [([], []), ([NEXT], []), ([DAY, DAY], ["e1"]), ([date(2026, 11, n) for n in range(1, 30)], ["e1"])],
)
def test_days_without_parts_have_no_rows(
    warehouse: Warehouse, store: MemoryStore, days: list[date], expected: list[str]
) -> None:
    write(store, EVENTS, DAY, "a", [an_event(1)])
    store.put("records/events/date=2026-11-x/odd.parquet", b"")
    store.put(f"{partition_prefix(EVENTS.name, DAY)}note.txt", b"")
    assert [row["id"] for row in warehouse.rows(EVENTS, days, "SELECT id FROM rows")] == expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (DAY, DAY, [DAY]),
        (date(2025, 1, 1), date(2026, 12, 31), [NEXT, DAY, date(2025, 11, 20)]),
        (date(2026, 1, 1), date(2026, 12, 31), [NEXT, DAY]),
        (NEXT, DAY, []),
    ],
)
def test_days_that_have_parts(
    warehouse: Warehouse, store: MemoryStore, first: date, last: date, expected: list[date]
) -> None:
    for day in (DAY, NEXT, date(2025, 11, 20)):
        write(store, EVENTS, day, "a", [an_event(1)])
    store.put("records/events/date=2026-11-x/odd.parquet", b"")
    assert warehouse.days(EVENTS, first, last) == expected


def test_tables_of_the_same_days_join_and_times_are_aware(warehouse: Warehouse, store: MemoryStore) -> None:
    write(store, EVENTS, DAY, "a", [an_event(1)])
    write(store, PICTURES, DAY, "a", [a_picture(1, events=["e1"]), a_picture(2)])
    with warehouse.select([PICTURES, EVENTS, ALERTS, DETECTIONS], [DAY]) as selected:
        joined = "SELECT p.id, e.started_at FROM pictures AS p JOIN events AS e ON list_contains(p.events, e.id)"
        assert selected.rows(joined) == [{"id": "p1", "started_at": an_event(1).started_at}]
        assert selected.rows("SELECT count(*) AS n FROM pictures WHERE id = $id", {"id": "p2'; --"}) == [{"n": 0}]
        assert selected.problems == ()


def test_tables_that_reach_have_the_days_around(warehouse: Warehouse, store: MemoryStore) -> None:
    for number in range(5):
        day = date(2026, 11, 18 + number)
        write(store, EVENTS, day, "a", [an_event(number)])
        write(store, PICTURES, day, "a", [a_picture(number)])
    with warehouse.select([PICTURES, EVENTS], [DAY], reaching=[EVENTS]) as selected:
        assert [row["id"] for row in selected.rows("SELECT id FROM pictures")] == ["p2"]
        assert [row["id"] for row in selected.rows("SELECT id FROM events ORDER BY id")] == ["e1", "e2", "e3"]


# Parts that are none


def damaged(column: str) -> bytes:
    """A part whose footer is as it was, with a damaged page in `column`."""
    buffer = io.BytesIO()
    pq.write_table(Content.of(EVENTS, [an_event(n) for n in range(9)]).arrow, buffer, compression="zstd")
    data = bytearray(buffer.getvalue())
    chunk = pq.ParquetFile(buffer).metadata.row_group(0).column(list(EVENTS.columns).index(column))
    data[chunk.data_page_offset - 60 : chunk.data_page_offset + 60] = bytes(120)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PAR1 but not really",
        pa.table({"name": ["x"]}),
        pa.table({"id": ["x", None]}),
        pa.table({"id": ["x"], "pictures": ["many"]}),
        damaged("rule_name"),
    ],
    ids=["empty", "garbage", "other-table", "no-id", "other-type", "damaged"],
)
def test_what_is_no_part_is_left_out_and_told(warehouse: Warehouse, store: MemoryStore, data: bytes | pa.Table) -> None:
    write(store, EVENTS, DAY, "a", [an_event(1)])
    key = put(store, EVENTS, "bad", data)
    for _ in range(2):  # the second time from the local disk
        with warehouse.select([EVENTS], [DAY]) as selected:
            assert selected.rows("SELECT id, rule_name FROM events") == [{"id": "e1", "rule_name": "intruder"}]
            assert [problem.key for problem in selected.problems] == [key]
            assert selected.problems[0].why


def test_a_part_that_is_archived_is_told_until_it_can_be_read(warehouse: Warehouse, store: MemoryStore) -> None:
    write(store, EVENTS, DAY, "a", [an_event(1)])
    (info,) = Records(store).parts(EVENTS, DAY)
    store.make_unreadable(info.key)
    with warehouse.select([EVENTS], [DAY]) as selected:
        assert (selected.rows("FROM events"), [problem.key for problem in selected.problems]) == ([], [info.key])
    store.make_unreadable(info.key, None)
    assert len(warehouse.rows(EVENTS, [DAY], "FROM rows")) == 1


def test_an_error_of_the_query_condemns_no_part(warehouse: Warehouse, store: MemoryStore) -> None:
    write(store, EVENTS, DAY, "a", [an_event(1)])
    with warehouse.select([EVENTS], [DAY]) as selected:
        with pytest.raises(duckdb.ConversionException):
            selected.rows("SELECT CAST(rule_name AS INTEGER) FROM events")
        assert selected.problems == ()


# Parts that change while they are read


class Merging(MemoryStore):
    """A store in which parts go into `day.parquet` each time they have been listed, `times` times."""

    times = 1

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from list(super().list_objects(prefix))
        if self.times:
            self.times -= 1
            write(self, EVENTS, DAY, "day", [an_event(1, pictures=self.times)])
            for info in list(super().list_objects(prefix)):
                if not info.key.endswith("day.parquet"):
                    self.delete(info.key)


@pytest.mark.parametrize(("times", "expected"), [(1, [0]), (2, [0]), (5, None)])
def test_parts_that_went_into_the_whole_day_are_looked_for_again(
    tmp_path: Path, times: int, expected: list[int] | None
) -> None:
    store = Merging()
    write(store, EVENTS, DAY, "a", [an_event(1)])
    store.times = times
    with Warehouse(store, tmp_path, SMALL) as warehouse:
        if expected is None:
            with pytest.raises(TryAgainError, match="they changed 3 times"):
                warehouse.rows(EVENTS, [DAY], "SELECT pictures FROM rows")
        else:
            assert [row["pictures"] for row in warehouse.rows(EVENTS, [DAY], "SELECT pictures FROM rows")] == expected


# Out of reach, and bounds


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_text('/etc/passwd')",
        "FROM read_parquet('https://example.com/x.parquet')",
        "COPY (SELECT 1) TO '/tmp/warehouse-test.csv'",
        "SET memory_limit = '99GB'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "ATTACH '/tmp/warehouse-test.db'",
    ],
)
def test_sql_reaches_nothing_but_the_parts(warehouse: Warehouse, sql: str) -> None:
    with (
        warehouse.select([EVENTS], [DAY]) as selected,
        pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)),
    ):
        selected.rows(sql)


def test_a_query_that_needs_too_much_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(InputError, match="try fewer days"):
        warehouse.rows(EVENTS, [DAY], "SELECT list(i ORDER BY i DESC) FROM range(100_000_000) AS t(i)")


class Full:
    """A connection to a database whose memory other queries have."""

    def execute(self, sql: str) -> Any:
        raise duckdb.OutOfMemoryException(f"Out of Memory Error: {sql[:8]}")


@pytest.mark.parametrize("whole", [False, True])
def test_a_part_is_not_condemned_for_want_of_memory(tmp_path: Path, whole: bool) -> None:
    with pytest.raises(TryAgainError, match="parts of events cannot be looked at"):
        problems_of_parts(cast(Any, Full()), EVENTS, [tmp_path / "events.parquet"], whole=whole)


def test_a_folder_that_somebody_removed_is_made_again(warehouse: Warehouse, store: MemoryStore, tmp_path: Path) -> None:
    write(store, EVENTS, DAY, "a", [an_event(1)])
    for folder in list(tmp_path.rglob("work/*/")) + list(tmp_path.rglob("parts")):
        shutil.rmtree(folder)
    assert len(warehouse.rows(EVENTS, [DAY], "FROM rows")) == 1


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="expected a folder for the parts"):
        Warehouse(MemoryStore(), tmp_path / "file", SMALL)
