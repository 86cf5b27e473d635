"""Tables of some days as SQL reads them: `Warehouse.select` gives one."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import duckdb

from nightjar.errors import InputError, TryAgainError
from nightjar.stores.columns import Table
from nightjar.stores.part_blocks import Part
from nightjar.stores.part_cache import PartCache
from nightjar.stores.part_sql import create_table, drop_table, problems_of_parts


@dataclass(frozen=True)
class PartProblem:
    """A part that was left out, and why, in a sentence."""

    key: str
    why: str

    def __str__(self) -> str:
        return f"{self.key}: {self.why}"


class Selection:
    """Rows of some days. For one thread; `slots` bounds how many queries run at once in the process."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[str, Table[Any]],
        parts: Sequence[Part],
        problems: Sequence[PartProblem],
        cache: PartCache,
        slots: threading.Semaphore,
    ) -> None:
        self._connection, self._tables, self._parts = connection, tables, list(parts)
        self._problems, self._cache, self._slots = list(problems), cache, slots
        self._is_made = False

    @property
    def problems(self) -> tuple[PartProblem, ...]:
        """The parts that were left out so far, by key: those that are no Parquet, and not of their table."""
        return tuple(sorted(self._problems, key=lambda each: each.key))

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """The answer to a query over the tables, which have a column `day` more than their documentation says.

        A part that turns out to be damaged is left out, and the query is run again. Raises InputError when the query
        needs more memory than it may have, TryAgainError when the local disk is full.
        """
        with self._slots:
            try:
                return self._answer(sql, parameters)
            except duckdb.OutOfMemoryException as error:
                raise InputError(f"expected a query that fits into memory, try fewer days: {error}") from None
            except _OF_THE_QUERY:
                raise
            except duckdb.Error as error:  # DuckDB has no class of its own for a damaged page
                if not self._leave_out_damaged():
                    if isinstance(error, duckdb.IOException):  # no part is damaged: the local disk
                        raise TryAgainError(f"the local disk does not take what a query spills: {error}") from None
                    raise
            return self._answer(sql, parameters)

    def _answer(self, sql: str, parameters: Mapping[str, object] | None) -> list[dict[str, Any]]:
        if not self._is_made:
            self._make()
        cursor = self._connection.execute(sql, dict(parameters or {}))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, map(_in_utc, row), strict=True)) for row in cursor.fetchall()]

    def _make(self) -> None:
        for name, table in self._tables.items():
            drop_table(self._connection, name)
            mine = (part for part in self._parts if part.name == name)
            days = [[part.path for part in parts] for _, parts in groupby(mine, key=lambda part: part.day)]
            create_table(self._connection, table, name, days)
        self._is_made = True

    def _leave_out_damaged(self) -> bool:
        """Look through every value of the parts; whether any is left out now."""
        before = len(self._problems)
        for part in tuple(self._parts):
            for problem in problems_of_parts(self._connection, part.table, [part.path], whole=True).values():
                self._cache.condemn(part.info, problem)
                self._parts.remove(part)
                self._problems.append(PartProblem(part.info.key, problem))
        self._is_made = False
        return len(self._problems) > before


_OF_THE_QUERY = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)


def _in_utc(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
