"""Tables as typed rows: one declaration gives the row, its Parquet schema and the documentation.

Declarations only: a program without Arrow reads them too (see `nightjar.stores.warehouse`). Rows in memory are those of
`nightjar.stores.contents`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, TypeVar, get_type_hints


class Kind(StrEnum):
    """The type of a column, by the name that Arrow gives it."""

    TEXT = "string"
    WHOLE = "int32"
    REAL = "double"
    YES_NO = "bool"
    MOMENT = "timestamp[ms, tz=UTC]"
    TEXTS = "list<item: string>"
    NUMBERS = "list<item: double>"


TEXT, WHOLE, REAL, YES_NO = Kind.TEXT, Kind.WHOLE, Kind.REAL, Kind.YES_NO
MOMENT, TEXTS, NUMBERS = Kind.MOMENT, Kind.TEXTS, Kind.NUMBERS

ID = "id"


@dataclass(frozen=True)
class Column:
    """The `Annotated` part of a field: its type, meaning, unit, and whether a row may go without it."""

    kind: Kind
    meaning: str
    unit: str | None = None
    optional: bool = False


R = TypeVar("R")


@dataclass(frozen=True)
class Table(Generic[R]):
    """A table of the warehouse: `row` is a dataclass whose fields are all annotated with a Column.

    `order` is how rows are sorted, so that equal rows give equal bytes and a reader can skip. Of several rows with the
    same id, the row with the highest value in `newest_by` counts, and among equals the row of the newest part. A part
    tells all about what its rows share in `whole_by`: rows of older parts about the same do not count.
    """

    name: str
    row: type[R]
    order: tuple[str, ...]
    date_of: str  # what decides the partition, for the documentation
    newest_by: str | None = None
    whole_by: str | None = None

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """The columns by name, in their order."""
        hints = get_type_hints(self.row, include_extras=True)
        return {name: next(m for m in hint.__metadata__ if isinstance(m, Column)) for name, hint in hints.items()}


def document(tables: Sequence[Table[Any]]) -> str:
    """The tables as Markdown: docs/records.md holds them between its marks."""
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
