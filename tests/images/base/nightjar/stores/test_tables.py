"""Tables: rows, their Arrow schema, parts of other releases, and the documentation of it all."""

import dataclasses
import re
import zoneinfo
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightjar.stores.columns import ID, Table, document
from nightjar.stores.contents import Content, schema
from nightjar.stores.tables import EVENTS, PICTURES, TABLES, EventRow

ROOT = Path(__file__).resolve().parents[5]


def an_event(number: int = 1, **changes: Any) -> EventRow:
    row = EventRow(
        id=f"e{number}",
        run="nightjar_live/1",
        user="alice",
        device="porch",
        camera="alice-porch",
        site=None,
        timezone="UTC",
        rule_id=200,
        rule_name="intruder",
        started_at=datetime(2026, 11, 20, 12, number, tzinfo=UTC),
        ended_at=datetime(2026, 11, 20, 13, tzinfo=UTC),
        pictures=1,
        labels=["person"],
        probability=0.9,
        best_standard_key="standard/1.jpg",
        best_box=[0.1, 0.2, 0.4, 0.9],
        rules_sha256="ab",
        event_key="events/1.json",
        best_standard_sha256="cd",
        state="current",
        absorbed=[],
        revision=1,
    )
    return dataclasses.replace(row, **changes)


def part(*rows: EventRow, **columns: Sequence[object]) -> Any:
    """An Arrow table of events as a later release writes it: with `columns` more."""
    arrow = Content.of(EVENTS, rows).arrow
    for name, values in columns.items():
        arrow = arrow.append_column(name, pa.array(list(values)))
    return arrow


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_every_field_is_a_column_with_a_type_and_a_meaning(table: Table[Any]) -> None:
    assert [f.name for f in dataclasses.fields(table.row)] == schema(table).names
    for field in schema(table):
        notes = field.metadata or {}
        assert notes[b"meaning"]
        if pa.types.is_timestamp(field.type):
            assert (field.type.tz, notes[b"unit"]) == ("UTC", b"UTC, milliseconds")
        assert field.nullable is (field.name != ID)  # a part of another release may lack any other
    assert set(table.order) <= set(schema(table).names)
    assert table.newest_by is None or table.columns[table.newest_by].optional


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_the_documentation_says_what_the_schema_says(table: Table[Any]) -> None:
    text = (ROOT / "docs" / "records.md").read_text()
    assert document([table]).strip() in text


def test_an_empty_table_has_the_schema() -> None:
    empty = Content.of(PICTURES, [])
    assert empty.arrow.schema.equals(schema(PICTURES), check_metadata=True)
    assert (len(empty), empty.rows(), empty.counts("outcome"), empty.distinct("camera")) == (0, [], {}, 0)


def test_rows_come_back_as_they_were_in_order() -> None:
    rows = [an_event(n) for n in (3, 1, 2)]
    assert Content.of(EVENTS, rows).rows() == [an_event(n) for n in (1, 2, 3)]


def test_times_need_no_files_of_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoneinfo, "ZoneInfo", None)
    content = Content.of(EVENTS, [an_event()])
    assert content.values("started_at")[0].tzinfo is UTC
    assert content.rows() == [an_event()]


# Parts of other releases


def test_a_column_that_a_part_lacks_is_null_and_empty_in_a_row_where_it_must_not_be() -> None:
    arrow = part(an_event()).drop_columns(["revision", "rule_name", "pictures", "labels", "started_at"])
    content = Content.conformed(EVENTS, arrow)
    assert content.values("rule_name") == [None]
    (row,) = content.rows()
    assert (row.revision, row.rule_name, row.pictures, row.labels) == (None, "", 0, [])
    assert row.started_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert row.camera == "alice-porch"


def test_a_column_of_a_later_release_is_kept_when_parts_are_put_together() -> None:
    later = Content.conformed(EVENTS, part(an_event(1), zone=["garden"]))
    ours = Content.conformed(EVENTS, part(an_event(2)))
    for both in (Content.newest(EVENTS, [ours, later]), Content.together(EVENTS, [ours, later])):
        assert dict(zip(both.values("id"), both.values("zone"), strict=True)) == {"e1": "garden", "e2": None}
        assert [row.id for row in both.rows()] == ["e1", "e2"]


def test_only_known_columns_are_read_when_columns_are_named() -> None:
    content = Content.conformed(EVENTS, part(an_event(), zone=["garden"]), only=["camera", "revision"])
    assert content.arrow.column_names == ["id", "camera", "revision"]


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [("pictures", pa.int64(), 1), ("pictures", pa.int8(), 1), ("rule_name", pa.large_string(), "intruder")],
)
def test_a_column_of_a_wider_type_is_converted(column: str, kind: Any, expected: object) -> None:
    arrow = part(an_event())
    arrow = arrow.set_column(arrow.column_names.index(column), column, arrow[column].cast(kind))
    assert Content.conformed(EVENTS, arrow).values(column) == [expected]


@pytest.mark.parametrize(
    ("arrow", "error"),
    [
        (pa.table({"camera": ["alice-porch"]}), "expected a column 'id'"),
        (pa.table({"id": pa.array([None], pa.string())}), "a value in every row"),
        (pa.table({"id": ["e1"], "pictures": ["many"]}), "many"),
        (pa.table({"id": ["e1"], "pictures": [2**40]}), "not in range"),
    ],
)
def test_what_cannot_be_a_part_is_refused(arrow: Any, error: str) -> None:
    with pytest.raises((ValueError, pa.ArrowException), match=error):
        Content.conformed(EVENTS, arrow)


# Of several rows with one id


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        ([1, 2], 1),
        ([2, 1], 0),
        ([2, 2], 1),  # of equals the newest part
        ([None, None], 1),  # release 0.1 counted no revisions
        ([1, None], 0),
        ([None, 1, None], 1),
    ],
)
def test_the_row_that_changed_last_counts(revisions: list[int | None], expected: int) -> None:
    contents = [Content.of(EVENTS, [an_event(pictures=n, revision=r)]) for n, r in enumerate(revisions)]
    assert Content.newest(EVENTS, contents).values("pictures") == [expected]


def test_the_newest_of_nothing_is_nothing() -> None:
    assert len(Content.newest(EVENTS, [])) == len(Content.newest(EVENTS, [Content.of(EVENTS, [])])) == 0


# Content


def contents() -> Content[EventRow]:
    cameras = ["alice-porch", "alice-yard", "alice-porch"]
    rows = [an_event(n, camera=c, site=s) for n, (c, s) in enumerate(zip(cameras, ["a", None, "b"], strict=True))]
    return Content.of(EVENTS, rows)


def test_content_counts_and_selects() -> None:
    content = contents()
    assert content.counts("camera") == {"alice-porch": 2, "alice-yard": 1}
    assert (content.counts("site"), content.distinct("site")) == ({"a": 1, "b": 1}, 2)
    assert content.where("camera", ["alice-yard", "bob-shop"]).values("id") == ["e1"]
    assert content.without("camera", ["alice-yard"]).values("id") == ["e0", "e2"]
    assert content.where("site", []).values("id") == []
    assert content.without("site", ["a"]).values("id") == ["e2", "e1"]  # a missing value is none of them
    assert content.where("pictures", [1]).distinct("id") == 3
    assert content.combinations("camera", "site") == {("alice-porch", "a"), ("alice-yard", None), ("alice-porch", "b")}
    assert Content.of(EVENTS, []).combinations("camera", "site") == set()


def test_content_that_matches_in_several_columns() -> None:
    content = contents()
    other = Content.of(EVENTS, [an_event(5, camera="alice-porch", site="b"), an_event(6, site=None)])
    assert content.matching(("camera", "site"), other, ("camera", "site")).values("id") == ["e2"]
    assert len(content.matching(("camera",), Content.of(EVENTS, []), ("camera",))) == 0


# Who knows Arrow


def test_only_contents_and_the_store_of_records_import_pyarrow() -> None:
    sources = [file for part in ("images", "operators", "dags", "local") for file in (ROOT / part).rglob("*.py")]
    importing = {file.name for file in sources if re.search(r"^\s*(import|from) pyarrow\b", file.read_text(), re.M)}
    assert importing == {"contents.py", "records.py"}
