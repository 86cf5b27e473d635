"""SQL over the Parquet parts of `records/`, with DuckDB, for pages and other readers without Arrow.

The rows are those of `nightjar.stores.records`: each once, whichever parts it stands in. Parts are read from local disk
(see `nightjar.stores.part_cache`); a part that is none is left out and told.

    with warehouse.select([PICTURES, EVENTS], days) as selected:
        selected.rows("SELECT count(*) AS n FROM pictures WHERE outcome = $outcome", {"outcome": "failed"})

Values go into parameters, never into the text; the column "user" needs its quotes, being a word of SQL. A time in SQL
is a TIMESTAMP in UTC, as a result an aware datetime. DuckDB reads nothing but the folder of parts: no network, no
extension, no setting that SQL could change.
"""

import logging
import shutil
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from itertools import count, groupby
from pathlib import Path
from typing import Annotated, Any, Self

import duckdb
from pydantic import Field

from nightjar.errors import TryAgainError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.settings import Settings
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.stores.columns import Table
from nightjar.stores.part_blocks import Part, as_one, blocks_of
from nightjar.stores.part_cache import PartCache, PartChangedError
from nightjar.stores.part_sql import problems_of_parts, put_together
from nightjar.stores.record_keys import day_of_part, oldest_first, partition_prefix, table_prefix
from nightjar.stores.selection import PartProblem, Selection

log = logging.getLogger(__name__)

_LISTINGS = 8  # at once
_LISTED_ALONE = 2  # days of a month; for more of them the month is listed
_TRIES = 3  # while parts go into day.parquet under our hands
_ROWS = "rows"


class WarehouseSettings(Settings):
    """How much of the machine the warehouse may take in each process; the disk is shared by processes."""

    warehouse_disk_mib: Annotated[int, Field(ge=16, le=1 << 20, description="parts kept on local disk, MiB")] = 2048
    warehouse_memory_mib: Annotated[int, Field(ge=64, le=1 << 16, description="memory of queries, MiB")] = 256
    warehouse_threads: Annotated[int, Field(ge=1, le=64, description="threads of queries")] = 2
    warehouse_queries: Annotated[int, Field(ge=1, le=64, description="queries at once; others wait")] = 4


class Warehouse:
    """The tables of the warehouse, for SQL. Safe to use from threads; several processes may share `folder`.

    Raises UsageError when `folder` cannot be written.
    """

    def __init__(self, store: ObjectStore, folder: Path, settings: WarehouseSettings) -> None:
        self._store = store
        self._cache = PartCache(store, folder.absolute(), settings.warehouse_disk_mib << 20)
        self._settings = settings
        self._database: duckdb.DuckDBPyConnection | None = None  # opened by the first query; many pages need none
        self._connecting = threading.Lock()
        self._slots = threading.BoundedSemaphore(settings.warehouse_queries)
        self._numbers = count()

    def rows(
        self, table: Table[Any], days: Iterable[date], sql: str, parameters: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """The answer to `sql`, which reads FROM rows: the rows of a table and days, each with its `day`.

        Parts that are none are left out; `select` tells of them. Raises InputError when the query needs more memory
        than it may have, and otherwise as `select` does.
        """
        with self.select([table], days, _ROWS) as selected:
            return selected.rows(sql, parameters)

    @contextmanager
    def select(
        self,
        tables: Sequence[Table[Any]],
        days: Iterable[date],
        name: str | None = None,
        *,
        reaching: Collection[Table[Any]] = (),
    ) -> Iterator[Selection]:
        """Tables of some days, as they are now, for any number of queries; `name` is another one for a single table.

        Of tables in `reaching` it has the days before and after as well: a picture shortly after midnight may belong to
        an event of the day before, and an event that was extended backwards has pictures of the day before its own.

        Raises TryAgainError when parts keep changing while they are fetched, and as the store does.
        """
        names = {name or table.name: table for table in tables}
        asked = set(days)
        around = {day + timedelta(days=n) for day in asked for n in (-1, 0, 1)}
        wanted = {each: sorted(around if table in reaching else asked) for each, table in names.items()}
        folder = self._cache.own / f"selection-{next(self._numbers)}"
        connection = self._connection()
        try:
            _make(folder)
            parts, problems = self._parts(names, wanted, folder)
            yield Selection(connection, names, parts, problems, self._cache, self._slots)
        finally:
            connection.close()
            shutil.rmtree(folder, ignore_errors=True)

    def days(self, table: Table[Any], first: date, last: date) -> list[date]:
        """The days from `first` to `last` that have parts, newest first; one listing of folders."""
        shared = f"{first:%Y-}" if first.year == last.year else ""
        folders = self._store.list_folders(f"{table_prefix(table.name)}date={shared}")
        return sorted({day for each in folders if (day := _day(each)) and first <= day <= last}, reverse=True)

    def close(self) -> None:
        """Give memory and working files back; parts stay on disk for the next process."""
        with self._connecting:
            if self._database is not None:
                self._database.close()
        self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        with self._connecting:
            if self._database is None:
                self._database = _database(self._cache.own, self._settings)
            return self._database.cursor()

    def _parts(
        self, tables: Mapping[str, Table[Any]], days: Mapping[str, Sequence[date]], folder: Path
    ) -> tuple[list[Part], list[PartProblem]]:
        """The parts, oldest first in each day, with their files in `folder`, and those that are none."""
        for attempt in range(_TRIES):
            listed = self._listed(tables, days)
            there = folder / str(attempt)
            _make(there)
            parts = [
                Part(name, table, info, there / f"{name}-{day_of_part(info.key)}-{number:06d}.parquet")
                for name, table in tables.items()
                for number, info in enumerate(listed[name])
            ]
            try:
                return self._linked(parts)
            except PartChangedError:
                continue
        raise TryAgainError(f"expected parts that stay while they are read, they changed {_TRIES} times")

    def _linked(self, parts: Sequence[Part]) -> tuple[list[Part], list[PartProblem]]:
        """`parts`, or what stands for a block of them, with their files; and those that are none."""
        blocks = blocks_of(parts)
        is_known = [len(block) > 1 and self._cache.link_known(as_one(block).info, block[0].path) for block in blocks]
        new = {part.path: part for block, known in zip(blocks, is_known, strict=True) if not known for part in block}
        problems = self._cache.link({path: part.info for path, part in new.items()}, partial(self._check, new))
        linked: list[Part] = []
        for block, known in zip(blocks, is_known, strict=True):
            if known:
                linked.append(as_one(block))
            elif len(block) == 1 or any(part.path in problems for part in block):
                linked += [part for part in block if part.path not in problems]
            else:
                linked += self._put_together(block)
        return linked, [PartProblem(new[path].info.key, problem) for path, problem in problems.items()]

    def _put_together(self, block: Sequence[Part]) -> Sequence[Part]:
        """The part that stands for the block, or the block as it is when a part is damaged, which shows later."""
        one, target = as_one(block), block[0].path.with_name("together.parquet")
        try:
            with self._slots, self._connection() as connection:
                put_together(connection, one.table, [part.path for part in block], target)
        except duckdb.Error as error:
            log.warning("parts of %s are not put together: %s", one.info.key, error)
            return block
        for part in block:
            part.path.unlink()
        target.rename(one.path)
        try:
            self._cache.keep(one.info, one.path)
        except TryAgainError as error:
            log.warning("%s: parts are put together again the next time", error)
        return [one]

    def _check(self, parts: Mapping[Path, Part], paths: Sequence[Path]) -> dict[Path, str]:
        problems: dict[Path, str] = {}
        with self._connection() as connection:
            for _, of_table in groupby(paths, key=lambda path: parts[path].name):
                some = list(of_table)
                problems |= problems_of_parts(connection, parts[some[0]].table, some)
        return problems

    def _listed(
        self, tables: Mapping[str, Table[Any]], days: Mapping[str, Sequence[date]]
    ) -> dict[str, list[ObjectInfo]]:
        """The parts of each table by day and age: a listing for a day, or for a month with several of the days."""
        prefixes = [(name, prefix) for name, table in tables.items() for prefix in _prefixes(table, days[name])]
        listings = in_parallel(lambda each: list(self._store.list_objects(each[1])), prefixes, _LISTINGS)
        found: dict[str, list[ObjectInfo]] = {name: [] for name in tables}
        for (name, _), infos in zip(prefixes, listings, strict=True):
            found[name] += infos
        return {
            name: oldest_first(info for info in infos if _day(info.key) in wanted)
            for name, infos in found.items()
            for wanted in [set(days[name])]
        }


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)  # somebody may have emptied the folder of parts
    except OSError as error:
        raise TryAgainError(f"expected a folder on local disk for the parts of a query: {error}") from None


def _prefixes(table: Table[Any], days: Sequence[date]) -> Iterator[str]:
    for month, of_month in groupby(days, key=lambda day: f"{day:%Y-%m}"):
        listed = list(of_month)
        if len(listed) > _LISTED_ALONE:
            yield f"{table_prefix(table.name)}date={month}-"
        else:
            yield from (partition_prefix(table.name, day) for day in listed)


def _day(key: str) -> date | None:
    """The day of a part, or of the folder of parts; None for an object in a folder that is no day."""
    try:
        return day_of_part(key)
    except (ValueError, IndexError):
        return None


def _database(own: Path, settings: WarehouseSettings) -> duckdb.DuckDBPyConnection:
    """A database in memory that reaches nothing but the folder `own`; SQL cannot undo that."""
    database = duckdb.connect(
        ":memory:",
        config={
            "threads": settings.warehouse_threads,
            "memory_limit": f"{settings.warehouse_memory_mib}MiB",
            "temp_directory": str(own / "spilled"),
            "max_temp_directory_size": f"{settings.warehouse_disk_mib}MiB",
            "enable_external_file_cache": False,  # the files of a selection are gone after it
            "python_enable_replacements": False,  # a name in SQL is a table, never a variable of Python
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
        },
    )
    database.execute("SET TimeZone = 'UTC'")
    allowed = f"{own}/".replace("'", "''")
    database.execute(f"SET allowed_directories = ['{allowed}']")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database
