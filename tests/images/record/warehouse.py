"""A look into the warehouse, and at objects and their versions."""

from datetime import date
from typing import Any

from nightjar.runtime.store import ObjectStore
from nightjar.stores.records import Records
from nightjar.stores.tables import TABLES
from tests.images.record.world import DAY


def rows(store: ObjectStore, day: date = DAY) -> dict[str, list[dict[str, Any]]]:
    """The rows of a day by table, each once."""
    return {table.name: Records(store).read(table, day).content.lines() for table in TABLES}


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return sorted(info.key for info in store.list_objects(prefix))


def parts(store: ObjectStore, table: str, day: date = DAY) -> list[str]:
    """The names of the parts of a table and day."""
    return [key.rpartition("/")[2] for key in keys(store, f"records/{table}/date={day}/")]


def versions(store: ObjectStore, *prefixes: str) -> list[Any]:
    return [v for p in prefixes for v in store.list_versions(p)]
