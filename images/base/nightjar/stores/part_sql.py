"""The SQL that makes a table of its parts: columns in the types of this release, each row once.

A part's file is named `<table>-YYYY-MM-DD-<number>.parquet`, numbers growing with age within a day, so that names in
order are parts in order. Paths are ours; nothing else goes into these texts.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from nightjar.errors import TryAgainError
from nightjar.stores.columns import ID, Kind, Table

DAY = "day"
_PART, _PLACE = "_part", "file_row_number"
_DAY_AND_NUMBER = len("YYYY-MM-DD-000000.parquet")

# As a part has them, so that types of parts go together, and as SQL of ours reads them: times without their zone.
_STORED: Mapping[Kind, str] = {
    Kind.TEXT: "VARCHAR",
    Kind.WHOLE: "INTEGER",
    Kind.REAL: "DOUBLE",
    Kind.YES_NO: "BOOLEAN",
    Kind.MOMENT: "TIMESTAMP WITH TIME ZONE",
    Kind.TEXTS: "VARCHAR[]",
    Kind.NUMBERS: "DOUBLE[]",
}
_READ: Mapping[Kind, str] = {**_STORED, Kind.MOMENT: "TIMESTAMP"}


def problems_of_parts(
    connection: duckdb.DuckDBPyConnection, table: Table[Any], paths: Sequence[Path], *, whole: bool = False
) -> dict[Path, str]:
    """Which of the files are no parts of `table`, and why. `whole`: read every value, not just those that decide.

    Raises TryAgainError when there is no memory for it.
    """
    if len(paths) > 1 and _problem(connection, table, paths, whole) is None:
        return {}
    problems = {path: _problem(connection, table, [path], whole) for path in paths}
    return {path: problem for path, problem in problems.items() if problem}


def _problem(
    connection: duckdb.DuckDBPyConnection, table: Table[Any], paths: Sequence[Path], whole: bool
) -> str | None:
    source = _parquet(paths)
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        kinds = {str(name): str(kind) for name, kind, *_ in described}
        if ID not in kinds:
            return f"expected a column {ID!r}, got {sorted(kinds)}"
        known = {name: column.kind for name, column in table.columns.items() if name in kinds}
        looked_at = [
            f"max(hash(CAST({_quoted(name)} AS {_STORED[kind]})))"  # counting alone would not read the values
            for name, kind in known.items()
            if whole or kinds[name] != _STORED[kind]
        ]
        query = f"SELECT {', '.join([f'count(*) - count({ID})', *looked_at])} FROM {source}"
        (without_id, *_) = connection.execute(query).fetchall()[0]
    except duckdb.OutOfMemoryException as error:  # other queries have it just now: it says nothing of the part
        raise TryAgainError(f"parts of {table.name} cannot be looked at: {error}") from None
    except duckdb.Error as error:
        return str(error).partition("\n")[0]
    return f"expected a value of {ID!r} in every row, it lacks in {without_id}" if without_id else None


def put_together(connection: duckdb.DuckDBPyConnection, table: Table[Any], parts: Sequence[Path], target: Path) -> None:
    """Write the rows of a day's `parts` that count into one file, which then counts as they did among other parts."""
    columns = ", ".join(map(_quoted, table.columns))
    counting = f"ANTI JOIN ({_losers(table, parts)}) AS lost USING ({_PART}, {_PLACE})"
    rows = f"SELECT {columns} FROM {_padded(table, parts)} {counting}"
    connection.execute(f"COPY ({rows}) TO {_text(target)} (FORMAT parquet)")


def create_table(
    connection: duckdb.DuckDBPyConnection, table: Table[Any], name: str, days: Sequence[Sequence[Path]]
) -> None:
    """Make the view `name` of the rows in `days`, each day the files of its parts.

    A row that stands in one part alone is read straight from there: only days of several parts are looked through for
    rows that do not count, in memory that grows with their rows (or else on disk), before any query.
    """
    several = [path for parts in days if len(parts) > 1 for path in parts]
    columns = ", ".join(
        f"CAST({_quoted(column)} AS {_READ[said.kind]}) AS {_quoted(column)}" for column, said in table.columns.items()
    )
    source = _padded(table, [path for parts in days for path in parts])
    counting = ""
    if several:
        connection.execute(f"CREATE TEMP TABLE {_lost(name)} AS {_losers(table, several)}")
        counting = f" ANTI JOIN {_lost(name)} USING ({_PART}, {_PLACE})"
    day = f"CAST(substr({_PART}, -{_DAY_AND_NUMBER}, 10) AS DATE) AS {DAY}"
    connection.execute(f"CREATE TEMP VIEW {_quoted(name)} AS SELECT {columns}, {day} FROM {source}{counting}")


def drop_table(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Undo `create_table`."""
    connection.execute(f"DROP VIEW IF EXISTS {_quoted(name)}")
    connection.execute(f"DROP TABLE IF EXISTS {_lost(name)}")


def _losers(table: Table[Any], paths: Sequence[Path]) -> str:
    """The places of the rows that do not count, by the rules of `nightjar.stores.columns.Table`."""
    shared = _quoted(table.whole_by) if table.whole_by else "NULL"
    newest = f"{_quoted(table.newest_by)} DESC NULLS LAST, " if table.newest_by else ""
    changed = f", {_quoted(table.newest_by)}" if table.newest_by else ""
    day = f"substr({_PART}, -{_DAY_AND_NUMBER}, 10)"
    return f"""
        WITH listed AS (
            SELECT {_PART}, {_PLACE}, {day} AS _day, {ID}, {shared} AS _shared{changed} FROM {_padded(table, paths)}
        ), told AS (
            SELECT *, _shared IS NULL OR {_PART} = max({_PART}) OVER (PARTITION BY _day, _shared) AS _told FROM listed
        ), ranked AS (
            SELECT {_PART}, {_PLACE}, _told, row_number() OVER (
                PARTITION BY _day, _told, {ID} ORDER BY {newest}{_PART} DESC, {_PLACE} DESC
            ) AS _rank FROM told
        )
        SELECT {_PART}, {_PLACE} FROM ranked WHERE NOT _told OR _rank > 1"""


def _padded(table: Table[Any], paths: Sequence[Path]) -> str:
    """The rows of the parts, with every column of the table, and the part and place of each row."""
    missing = ", ".join(f"CAST(NULL AS {_STORED[c.kind]}) AS {_quoted(name)}" for name, c in table.columns.items())
    empty = f"SELECT {missing}, '' AS {_PART}, CAST(0 AS BIGINT) AS {_PLACE} WHERE false"
    parts = f" UNION ALL BY NAME SELECT *, {_PLACE} FROM {_parquet(paths, named=True)}" if paths else ""
    return f"({empty}{parts})"


def _parquet(paths: Sequence[Path], *, named: bool = False) -> str:
    texts = ", ".join(map(_text, paths))
    more = f", filename = '{_PART}'" if named else ""
    return f"read_parquet([{texts}], union_by_name = true, hive_partitioning = false{more})"


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _lost(name: str) -> str:
    return _quoted(f"_lost_{name}")


def _quoted(name: str) -> str:
    return f'"{name}"'
