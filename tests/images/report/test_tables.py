"""Rows, their Arrow schema, and what the documentation says of them."""

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightjar_report.columns import Table, document
from nightjar_report.pictures import row_id
from nightjar_report.tables import PICTURES, TABLES

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_every_field_is_a_column_with_a_type_and_a_meaning(table: Table[Any]) -> None:
    assert [f.name for f in dataclasses.fields(table.row)] == table.schema.names
    for field in table.schema:
        assert field.metadata[b"meaning"]
        if pa.types.is_timestamp(field.type):
            assert (field.type.tz, field.metadata[b"unit"]) == ("UTC", b"UTC, milliseconds")
    assert table.schema.field("id").nullable is False
    assert set(table.order) <= set(table.schema.names)


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_the_documentation_says_what_the_schema_says(table: Table[Any]) -> None:
    text = (ROOT / "docs" / "records.md").read_text()
    assert document([table]).strip() in text


def test_an_empty_table_has_the_schema() -> None:
    assert PICTURES.arrow([]).schema.equals(PICTURES.schema, check_metadata=True)
    assert PICTURES.rows(PICTURES.arrow([])) == []


def test_ids_depend_on_every_part_and_on_where_parts_end() -> None:
    assert row_id("a", "b") == row_id("a", "b")
    assert len({row_id("a", "b"), row_id("ab"), row_id("b", "a"), row_id("a", "b", 0), row_id("a", "b", None)}) == 5
