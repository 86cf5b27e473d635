"""The pages over a bucket that has one object of every kind that a release stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from nightjar.runtime.memory import MemoryStore
from nightjar.stores.reports import Reports
from nightjar.stores.warehouse import Warehouse, WarehouseSettings
from tests.golden.test_golden import bucket
from tests.plugins.web_world import OPERATOR, PagesClient, Somebody, make_client

# The day of which the release 0.2 left records, in the afternoon.
NOW = datetime(2026, 11, 26, 15, tzinfo=UTC)
RELEASE = "0.2.0"


@contextmanager
def filled_pages(folder: Path, person: Somebody = OPERATOR, store: MemoryStore | None = None) -> Iterator[PagesClient]:
    """The pages over such a bucket, or over `store`, with a warehouse that keeps its parts in `folder`."""
    if store is None:
        store = bucket(RELEASE)
        Reports(store).publish(NOW.date(), b"<!doctype html><title>A day</title>", {})  # golden files leave them out
    with Warehouse(store, folder, WarehouseSettings()) as warehouse:
        yield make_client(store, person=person, warehouse=warehouse, clock=lambda: NOW)
