"""Tables as typed rows: one declaration gives the row, the Parquet schema and the documentation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar, get_type_hints

import pyarrow as pa

TEXT = pa.string()
WHOLE = pa.int32()
REAL = pa.float64()
YES_NO = pa.bool_()
MOMENT = pa.timestamp("ms", tz="UTC")
TEXTS = pa.list_(pa.string())
NUMBERS = pa.list_(pa.float64())


@dataclass(frozen=True)
class Column:
    """What `Annotated` says of a field: its Arrow type, what it means, its unit, and whether it may be missing."""

    kind: Any
    meaning: str
    unit: str | None = None
    optional: bool = False

    def field(self, name: str) -> Any:
        """The Arrow field; meaning and unit are in its metadata, where any Parquet reader finds them."""
        notes = {"meaning": self.meaning, **({"unit": self.unit} if self.unit else {})}
        return pa.field(name, self.kind, nullable=self.optional, metadata=notes)


R = TypeVar("R")


@dataclass(frozen=True)
class Table(Generic[R]):
    """A table of the warehouse: `row` is a dataclass whose fields are all annotated with a Column."""

    name: str
    row: type[R]
    order: tuple[str, ...]  # how rows are sorted, so that equal rows give equal bytes and a reader can skip
    date_of: str  # what decides the partition, for the documentation

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """The columns by name, in their order."""
        hints = get_type_hints(self.row, include_extras=True)
        return {name: next(m for m in hint.__metadata__ if isinstance(m, Column)) for name, hint in hints.items()}

    @cached_property
    def schema(self) -> Any:
        """The Arrow schema."""
        return pa.schema([column.field(name) for name, column in self.columns.items()])

    def arrow(self, rows: Iterable[R]) -> Any:
        """The rows as an Arrow table."""
        listed = list(rows)
        schema = self.schema
        return pa.table({name: [getattr(row, name) for row in listed] for name in schema.names}, schema=schema)

    def ordered(self, table: Any) -> Any:
        """An Arrow table of this kind in its order."""
        return table.sort_by([(name, "ascending") for name in self.order]).combine_chunks()

    def rows(self, table: Any) -> list[R]:
        """The inverse of `arrow`."""
        return [self.row(**line) for line in table.to_pylist()]


def document(tables: Sequence[Table[Any]]) -> str:
    """The tables as Markdown: what docs/records.md holds between its marks."""
    return "\n".join(line for table in tables for line in _markdown(table))


def _markdown(table: Table[Any]) -> Iterable[str]:
    yield f"### `{table.name}`"
    yield ""
    yield f"{(table.row.__doc__ or '').strip()} `date`: {table.date_of}."
    yield ""
    yield "| column | type | unit | missing | meaning |"
    yield "|---|---|---|---|---|"
    for name, said in table.columns.items():
        yield f"| `{name}` | {said.kind} | {said.unit or ''} | {'may be' if said.optional else ''} | {said.meaning} |"
    yield ""
