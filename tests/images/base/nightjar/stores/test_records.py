"""The warehouse: the same bytes for the same rows, each row once, parts of two releases, news, merging, erasure."""

import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectInfo, ObjectStore
from nightjar.stores.columns import Table
from nightjar.stores.contents import Content
from nightjar.stores.record_erasure import erase_rows
from nightjar.stores.record_search import has_rows
from nightjar.stores.records import Provenance, Records, latest
from nightjar.stores.reports import Reports
from nightjar.stores.tables import ALERTS, EVENTS, PICTURES, EventRow
from tests.images.base.nightjar.stores.test_tables import an_event

DAY = date(2026, 11, 20)
NOON = datetime.fromisoformat("2026-11-20T12:00:00Z")
PREFIX = "records/events/date=2026-11-20/"


def ticking() -> MemoryStore:
    moments = (NOON + timedelta(seconds=n) for n in range(10_000))
    return MemoryStore(clock=lambda: next(moments))


def made_by(run: str, **release: Any) -> Provenance:
    return Provenance(run=run, **release)


def write(store: ObjectStore, run: str, *rows: EventRow, **more: Any) -> None:
    Records(store).write(DAY, f"nightjar_live/{run}", Content.of(EVENTS, rows), made_by(f"nightjar_live/{run}", **more))


def put_later_release(store: ObjectStore, name: str, *rows: EventRow, **columns: Sequence[object]) -> None:
    """A part as a later release writes it: with `columns` more, and without `rule_name`, which it has dropped."""
    arrow = Content.of(EVENTS, rows).arrow.drop_columns(["rule_name"])
    for column, values in columns.items():
        arrow = arrow.append_column(column, pa.array(list(values)))
    buffer = io.BytesIO()
    pq.write_table(arrow, buffer)
    store.put(f"{PREFIX}{name}.parquet", buffer.getvalue())


def read(store: ObjectStore) -> dict[str, int]:
    """The pictures of each event of the day."""
    partition = Records(store).read(EVENTS, DAY)
    return {row.id: row.pictures for row in partition.content.rows()}


def names(store: ObjectStore) -> list[str]:
    return sorted(info.key.removeprefix(PREFIX) for info in store.list_objects(PREFIX))


def test_rows_come_back_with_who_wrote_them() -> None:
    store = ticking()
    write(store, "a", an_event(2), an_event(1), rules="r1")
    write(store, "b", an_event(3), rules="r2")
    partition = Records(store).read(EVENTS, DAY)
    assert partition.content.rows() == [an_event(n) for n in (1, 2, 3)]
    assert [p.run for p in partition.provenances] == ["nightjar_live/a", "nightjar_live/b"]
    others: tuple[Table[Any], ...] = (PICTURES, ALERTS)
    assert [len(Records(store).read(table, DAY).content) for table in others] == [0, 0]


def test_the_order_of_rows_does_not_change_the_bytes_nor_make_a_new_version() -> None:
    store = ticking()
    write(store, "a", an_event(1), an_event(2))
    write(store, "a", an_event(2), an_event(1))
    assert len(list(store.list_versions(PREFIX))) == 1


@pytest.mark.parametrize(
    ("order", "expected"),
    [(["a", "b"], 2), (["b", "a"], 2), (["day", "a"], 2), (["a", "day"], 1)],
    ids=lambda value: str(value),
)
def test_of_a_row_in_several_parts_the_newest_counts_and_the_whole_day_is_the_oldest(
    order: list[str], expected: int
) -> None:
    store = ticking()
    for pictures, name in enumerate(order, 1):
        write(store, name, an_event(1, pictures=pictures))
    assert read(store) == {"e1": expected}


def test_a_part_without_rows_is_not_there() -> None:
    store = ticking()
    write(store, "a")
    assert list(store.list_versions("records/")) == []
    write(store, "a", an_event())
    write(store, "a")
    assert list(store.list_objects("records/")) == []
    assert len(list(store.list_versions("records/"))) == 2  # the delete marker, and the version below it


@pytest.mark.parametrize("data", [b"", b"PAR1 but not really", b"PAR1"], ids=["empty", "garbage", "cut"])
def test_a_part_that_is_no_parquet_is_named(data: bytes) -> None:
    store = MemoryStore()
    store.put(f"{PREFIX}a.parquet", data)
    with pytest.raises(InputError, match=r"expected 'records/events/date=2026-11-20/a\.parquet' to be a part of table"):
        Records(store).read(EVENTS, DAY)


def test_a_part_of_another_table_is_named() -> None:
    store = MemoryStore()
    buffer = io.BytesIO()
    pq.write_table(pa.table({"name": ["x"]}), buffer)
    store.put(f"{PREFIX}a.parquet", buffer.getvalue())
    with pytest.raises(InputError, match=r"a\.parquet.*expected a column 'id'"):
        Records(store).read(EVENTS, DAY)


def test_a_part_that_goes_while_the_day_is_read_is_left_out() -> None:
    class Vanishing(MemoryStore):
        def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
            if key.endswith("b.parquet"):
                self.delete(key)
            return super().get(key, version_id)

    store = Vanishing()
    write(store, "a", an_event(1))
    write(store, "b", an_event(2))
    assert read(store) == {"e1": 1}


# Two releases


def test_parts_of_two_releases_are_read_together_with_a_column_added_and_one_removed() -> None:
    store = ticking()
    write(store, "ours", an_event(1))
    put_later_release(store, "theirs", an_event(2), zone=["garden"])
    records = Records(store)
    assert [row.rule_name for row in records.read(EVENTS, DAY).content.rows()] == ["intruder", ""]
    assert records.read(EVENTS, DAY, ["camera"]).content.arrow.column_names == ["id", "camera"]
    assert records.read(EVENTS, DAY, ["rule_name"]).content.values("rule_name") == ["intruder", None]


@pytest.mark.parametrize("how", ["merge", "replace"])
def test_a_column_that_is_not_known_stays_when_parts_are_put_together(how: str) -> None:
    store = ticking()
    write(store, "ours", an_event(1))
    put_later_release(store, "theirs", an_event(2), zone=["garden"])
    records = Records(store)
    if how == "merge":
        assert records.merge(EVENTS, DAY, most=1)
    else:
        partition = records.read(EVENTS, DAY)
        records.replace(DAY, partition.content, partition.parts, made_by("nightjar_history/1"))
    assert names(store) == ["day.parquet"]
    stored = pq.read_table(io.BytesIO(store.get(f"{PREFIX}day.parquet")[0]))
    assert dict(zip(stored["id"].to_pylist(), stored["zone"].to_pylist(), strict=True)) == {"e1": None, "e2": "garden"}
    assert read(store) == {"e1": 1, "e2": 1}


def test_columns_that_do_not_go_together_are_told_and_known_ones_are_still_read() -> None:
    store = ticking()
    put_later_release(store, "a", an_event(1), zone=["garden"])
    put_later_release(store, "b", an_event(2), zone=[[1.0]])
    with pytest.raises(InputError, match="expected the parts of events of 2026-11-20 to fit together"):
        Records(store).read(EVENTS, DAY)
    assert len(Records(store).read(EVENTS, DAY, EVENTS.columns).content) == 2


# Provenance


def test_of_each_release_the_last_run_is_told_the_newest_release_last() -> None:
    runs = [("3", "a", 0), ("1", "b", 2), ("2", "a", 1), ("4", "c", None)]
    given = [made_by(run, rules=r, at=NOON + timedelta(seconds=s) if s is not None else None) for run, r, s in runs]
    assert [p.run for p in latest(given)] == ["4", "2", "1"]
    assert latest([]) == ()


def test_provenance_is_the_same_before_and_after_parts_are_merged() -> None:
    store = ticking()
    for number, rules in enumerate(["r1", "r1", "r2", "r1"]):
        write(store, f"{number}", an_event(number), rules=rules, images={"detect": f"example.com/detect:{rules}"})
    before = Records(store).read(EVENTS, DAY)
    assert [p.run for p in before.provenances] == ["nightjar_live/2", "nightjar_live/3"]
    Records(store).merge(EVENTS, DAY, most=2)
    after = Records(store).read(EVENTS, DAY)
    assert (after.provenances, after.content.rows()) == (before.provenances, before.content.rows())


# Merging and replacing


@pytest.mark.parametrize(("most", "merged"), [(0, True), (2, True), (3, False), (4, False)])
def test_parts_are_merged_when_they_are_more_than_so_many(most: int, merged: bool) -> None:
    store = ticking()
    for number in range(3):
        write(store, f"{number}", an_event(number), an_event(9, pictures=number))
    assert Records(store).merge(EVENTS, DAY, most) is merged
    assert names(store) == (["day.parquet"] if merged else ["0.parquet", "1.parquet", "2.parquet"])
    assert read(store) == {"e0": 1, "e1": 1, "e2": 1, "e9": 2}


def test_a_day_that_is_large_by_now_is_left_to_history(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ticking()
    for number in range(3):
        write(store, f"{number}", an_event(number))
    size = sum(info.size for info in store.list_objects(PREFIX))
    monkeypatch.setattr("nightjar.stores.records._LARGEST_MERGE", size - 1)
    assert not Records(store).merge(EVENTS, DAY, most=1)
    monkeypatch.setattr("nightjar.stores.records._LARGEST_MERGE", size)
    assert Records(store).merge(EVENTS, DAY, most=1)


def test_a_part_that_comes_or_changes_while_parts_are_merged_stays() -> None:
    class Busy(MemoryStore):
        busy = False

        def put(self, key: str, data: bytes, **kwargs: Any) -> ObjectInfo:
            if self.busy and key.endswith("day.parquet"):
                self.busy = False
                write(self, "1", an_event(1, pictures=5))
                write(self, "2", an_event(2))
            return super().put(key, data, **kwargs)

    store = Busy()
    write(store, "0", an_event(0))
    write(store, "1", an_event(1))
    store.busy = True
    Records(store).merge(EVENTS, DAY, most=1)
    assert names(store) == ["1.parquet", "2.parquet", "day.parquet"]
    assert read(store) == {"e0": 1, "e1": 5, "e2": 1}


@pytest.mark.parametrize(("before", "error"), [(False, ObjectExistsError), (True, ObjectChangedError)])
def test_a_day_that_another_task_has_rewritten_meanwhile_is_left_alone(before: bool, error: type[Exception]) -> None:
    store = ticking()
    records = Records(store)
    write(store, "a", an_event(1))
    if before:
        write(store, "day", an_event(0))
    partition = records.read(EVENTS, DAY)
    write(store, "day", an_event(7))
    with pytest.raises(error):
        records.replace(DAY, partition.content, partition.parts, made_by("x"))
    assert names(store) == ["a.parquet", "day.parquet"]
    assert read(store) == {"e1": 1, "e7": 1}


def test_a_day_without_rows_any_more_is_not_there() -> None:
    store = ticking()
    records = Records(store)
    write(store, "a", an_event(1))
    write(store, "day", an_event(0))
    assert records.replace(DAY, Content.of(EVENTS, []), records.parts(EVENTS, DAY), made_by("x")) is None
    assert names(store) == []


@pytest.mark.parametrize(
    ("content", "others", "expected"),
    [
        ([], [], []),
        ([an_event(1)], [], ["e1"]),
        ([an_event(1)], [an_event(2)], ["e1"]),
        ([an_event(1, run="x")], [an_event(1, run="y")], []),
        ([an_event(1, pictures=2)], [an_event(1, pictures=1)], ["e1"]),
        ([an_event(1), an_event(2)], [an_event(2), an_event(3)], ["e1"]),
    ],
)
def test_new_rows_are_those_that_no_other_part_has(
    content: list[EventRow], others: list[EventRow], expected: list[str]
) -> None:
    store = MemoryStore()
    write(store, "own", *content)
    write(store, "other", *others)
    assert Records(store).new_rows(DAY, "nightjar_live/own", Content.of(EVENTS, content)).values("id") == expected


# News


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    if request.param == "memory":
        return ticking()
    s3: S3Store = request.getfixturevalue("s3_store")
    return s3


def test_news_are_forgotten_exactly_as_they_were_seen(store: ObjectStore) -> None:
    records = Records(store)
    assert records.news() == {}
    records.announce(date(2026, 11, 21), "nightjar_live/2")
    records.announce(DAY, "nightjar_live/1")
    records.announce(DAY, "nightjar_history/2026-11-20")
    records.announce(DAY, "nightjar_live/1")
    seen = records.news()
    assert [(day, len(news)) for day, news in seen.items()] == [(DAY, 3), (date(2026, 11, 21), 1)]
    records.announce(DAY, "nightjar_live/1")  # the run was cleared after the page was made
    records.forget(seen[DAY])
    assert {day: {n.key for n in news} for day, news in records.news().items()} == {
        DAY: {"records/news/2026-11-20/nightjar_live-1.json"},
        date(2026, 11, 21): {"records/news/2026-11-21/nightjar_live-2.json"},
    }
    for news in records.news().values():
        records.forget(news)
    assert list(store.list_versions("records/news/")) == []


def test_what_else_is_below_news_is_left_alone() -> None:
    store = MemoryStore()
    store.put("records/news/read.me", b"")
    store.put("records/news/2026-13-01/x.json", b"")
    assert Records(store).news() == {}


# Erasure


def test_the_rows_of_a_user_are_erased_in_every_version(store: ObjectStore) -> None:
    reports = Reports(store)
    write(store, "1", an_event(1), an_event(2, user="bob"))
    write(store, "1", an_event(1, pictures=2), an_event(2, user="bob"))
    write(store, "2", an_event(3))
    write(store, "3", an_event(4, user="bob"))
    write(store, "4", an_event(5))
    store.delete(f"{PREFIX}4.parquet")
    reports.publish(DAY, b"alice", {"a.png": b"png"})
    assert erase_rows(store, "nobody") == (0, [])
    assert erase_rows(store, "alice", "yard") == (0, [])
    assert has_rows(store, "alice")
    assert erase_rows(store, "alice") == (2, [DAY])
    assert not has_rows(store, "alice")
    assert read(store) == {"e2": 1, "e4": 1}
    for version in store.list_versions(PREFIX):
        if not version.is_delete_marker:
            assert (
                "alice"
                not in pq.read_table(io.BytesIO(store.get(version.key, version.version_id)[0]))["user"].to_pylist()
            )
    assert reports.erase([DAY]) == 2
    assert list(store.list_versions("reports/")) == []
    assert erase_rows(store, "alice") == (0, [])
