"""Rows of a table in memory, by column, with Arrow: read from parts of any release, put together, each once.

Parts of a table outlive releases. A column that a part lacks reads as null; a column that this release does not know
stays with its rows when parts are read whole, put together and written again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from nightjar.stores.columns import ID, Column, Kind, Table

_ARROW: Mapping[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.WHOLE: pa.int32(),
    Kind.REAL: pa.float64(),
    Kind.YES_NO: pa.bool_(),
    Kind.MOMENT: pa.timestamp("ms", tz="UTC"),
    Kind.TEXTS: pa.list_(pa.string()),
    Kind.NUMBERS: pa.list_(pa.float64()),
}
# For a Python row: the value of a column that always has a value in this release, in a part that lacks the column.
_EMPTY: Mapping[Kind, Any] = {
    Kind.TEXT: "",
    Kind.WHOLE: 0,
    Kind.REAL: 0.0,
    Kind.YES_NO: False,
    Kind.MOMENT: datetime.fromtimestamp(0, UTC),
    Kind.TEXTS: [],
    Kind.NUMBERS: [],
}
_AGE = "_age"
_SEPARATOR = "\n"

R = TypeVar("R")


def schema(table: Table[Any]) -> pa.Schema:
    """The Arrow schema of a table: meaning and unit are in the metadata of each field, where Parquet readers find them.

    Only the id must have a value: a part of another release may lack any other column.
    """
    return pa.schema([_field(name, column) for name, column in table.columns.items()])


def _field(name: str, column: Column) -> "pa.Field[Any]":
    notes = {"meaning": column.meaning, **({"unit": column.unit} if column.unit else {})}
    return pa.field(name, _ARROW[column.kind], nullable=name != ID, metadata=notes)


class Content(Generic[R]):
    """Rows of a table in memory, kept by column: a hundred times smaller than as Python objects. Immutable."""

    def __init__(self, table: Table[R], arrow: pa.Table) -> None:
        self.table, self.arrow = table, arrow

    @classmethod
    def of(cls, table: Table[R], rows: Iterable[R]) -> "Content[R]":
        """The rows, in the order of the table."""
        listed = list(rows)
        fields = schema(table)
        columns = {name: [getattr(row, name) for row in listed] for name in fields.names}
        return cls(table, pa.table(columns, schema=fields)).ordered()

    @classmethod
    def conformed(cls, table: Table[R], arrow: pa.Table, only: Collection[str] | None = None) -> "Content[R]":
        """The content of a part of any release, in the types of this one; with `only`, just these known columns.

        Raises ValueError when rows have no id, and pyarrow.ArrowException when a column is of a type that cannot be
        converted.
        """
        if ID not in arrow.column_names or arrow[ID].null_count:
            raise ValueError(f"expected a column {ID!r} with a value in every row, got columns {arrow.column_names}")
        fields = [field for field in schema(table) if only is None or field.name in {ID, *only}]
        known = [
            arrow[field.name].cast(field.type) if field.name in arrow.column_names else pa.nulls(len(arrow), field.type)
            for field in fields
        ]
        unknown = [field for field in arrow.schema if only is None and field.name not in table.columns]
        conforming = pa.schema([*fields, *(field.with_nullable(True) for field in unknown)])
        return cls(table, pa.table([*known, *(arrow[field.name] for field in unknown)], schema=conforming))

    @classmethod
    def together(cls, table: Table[R], contents: Sequence["Content[R]"]) -> "Content[R]":
        """All rows of `contents`, in the order of the table.

        Raises pyarrow.ArrowException when columns that this release does not know are of types that do not go together.
        """
        arrows = [content.arrow for content in contents] or [schema(table).empty_table()]
        return cls(table, pa.concat_tables(arrows, promote_options="permissive")).ordered()

    @classmethod
    def newest(cls, table: Table[R], contents: Sequence["Content[R]"]) -> "Content[R]":
        """Each row of `contents`, given oldest first, once; raises as `together` does."""
        numbered = [
            content.arrow.append_column(_AGE, pa.array([age] * len(content), pa.int32()))
            for age, content in enumerate(contents)
        ]
        if not numbered:
            return cls.of(table, [])
        rows = pa.concat_tables(numbered, promote_options="permissive")
        rows = _of_newest_parts(table, rows)
        age = [table.newest_by] if table.newest_by in rows.column_names else []
        keys: list[Any] = [(name, "ascending", "at_start") for name in (ID, *age, _AGE)]
        rows = rows.sort_by(keys)
        ids = rows[ID].combine_chunks()
        if len(ids) > 1:
            is_last = pa.concat_arrays([pc.not_equal(ids[:-1], ids[1:]), pa.array([True])])
            rows = rows.filter(is_last)
        return cls(table, rows.drop_columns([_AGE])).ordered()

    def __len__(self) -> int:
        return len(self.arrow)

    def ordered(self) -> "Content[R]":
        """The same rows in the order of their table; as they are where a column of the order was not read."""
        keys: list[Any] = [(name, "ascending") for name in self.table.order]
        if not all(name in self.arrow.column_names for name in self.table.order):
            return self
        return Content(self.table, self.arrow.sort_by(keys).combine_chunks())

    def values(self, column: str) -> list[Any]:
        """The value of `column` in every row; None where it is missing."""
        return _python(self.arrow[column])

    def counts(self, column: str) -> dict[str, int]:
        """How often each text stands in `column`; missing values do not count."""
        counted: Any = pc.value_counts(self.arrow[column].combine_chunks().drop_null())
        return {str(each["values"]): int(each["counts"]) for each in counted.to_pylist()}

    def distinct(self, column: str) -> int:
        """The number of different values in `column`; missing values do not count."""
        return int(pc.count_distinct(self.arrow[column], mode="only_valid").as_py())

    def combinations(self, *columns: str) -> set[tuple[Any, ...]]:
        """The combinations of values that stand in `columns` together; None where one is missing."""
        groups = self.arrow.group_by(list(columns)).aggregate([])
        return set(zip(*(_python(groups[name]) for name in columns), strict=True))

    def where(self, column: str, values: Iterable[object]) -> "Content[R]":
        """The rows that have one of `values` in `column`."""
        return Content(self.table, self.arrow.filter(self._has(column, values)))

    def without(self, column: str, values: Iterable[object]) -> "Content[R]":
        """The rows that have none of `values` in `column`."""
        return Content(self.table, self.arrow.filter(pc.invert(self._has(column, values))))

    def matching(self, columns: Sequence[str], other: "Content[Any]", others: Sequence[str]) -> "Content[R]":
        """The rows whose text in `columns` stands in a row of `other` in `others`, column by column."""
        mine, theirs = _joined(self.arrow, columns), _joined(other.arrow, others)
        return Content(self.table, self.arrow.filter(pc.is_in(mine, theirs, skip_nulls=True)))

    def lines(self) -> list[dict[str, Any]]:
        """The rows as dictionaries, without columns that this release does not know."""
        names = [name for name in self.arrow.column_names if name in self.table.columns]
        columns = [_python(self.arrow[name]) for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    def rows(self) -> list[R]:
        """The rows as Python objects; a column without a value is None if it is optional, else empty."""
        columns = self.table.columns
        empty = {name: None if column.optional else _EMPTY[column.kind] for name, column in columns.items()}
        given = ({name: value for name, value in line.items() if value is not None} for line in self.lines())
        return [self.table.row(**(empty | line)) for line in given]

    def _has(self, column: str, values: Iterable[object]) -> Any:
        wanted = pa.array(list(values), _ARROW[self.table.columns[column].kind])
        return pc.is_in(self.arrow[column], wanted, skip_nulls=True)


def _python(column: Any) -> list[Any]:
    """The values of an Arrow column. Times are in UTC: asked for with their zone, Python wants files of zones."""
    if not pa.types.is_timestamp(column.type):
        values: list[Any] = column.to_pylist()
        return values
    naive = column.cast(pa.timestamp(column.type.unit)).to_pylist()
    return [moment.replace(tzinfo=UTC) if moment else None for moment in naive]


def _joined(arrow: pa.Table, columns: Sequence[str]) -> Any:
    texts: list[Any] = [arrow[name].combine_chunks() for name in columns]
    return pc.binary_join_element_wise(*texts, _SEPARATOR)


def _of_newest_parts(table: Table[Any], rows: pa.Table) -> pa.Table:
    """`rows`, with their part's number in `_AGE`, without those about which a newer part tells all."""
    if table.whole_by is None or table.whole_by not in rows.column_names:
        return rows
    newest: Any = rows.group_by(table.whole_by).aggregate([(_AGE, "max")])
    shared: Any = rows[table.whole_by]
    places = pc.index_in(shared, value_set=newest[table.whole_by].combine_chunks())
    ages = newest[f"{_AGE}_max"].take(places)
    return rows.filter(pc.or_(pc.is_null(shared), pc.equal(rows[_AGE], ages)))
