"""The pages over a bucket that has one object of every kind that a release stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from nightjar.runtime.memory import MemoryStore
from nightjar.stores.reports import Reports
from nightjar.stores.warehouse import Warehouse, WarehouseSettings
from plugins.pages.runs.page import airflow_state
from tests.golden.test_golden import bucket
from tests.plugins.pages.runs.airflow_fake import FakeAirflow, live_run, shard_tasks
from tests.plugins.web_world import OPERATOR, PagesClient, Somebody, make_client

# The day of which the release 0.2 left records, in the afternoon.
NOW = datetime(2026, 11, 26, 15, tzinfo=UTC)
RELEASE = "0.2.0"
RUN = "20261126T024601Z-a6736f636d35"  # its live run
SHARD = "alice-yard"


@contextmanager
def filled_pages(folder: Path, person: Somebody = OPERATOR, store: MemoryStore | None = None) -> Iterator[PagesClient]:
    """The pages over such a bucket, or over `store`, with a warehouse that keeps its parts in `folder`."""
    if store is None:
        store = bucket(RELEASE)
        Reports(store).publish(NOW.date(), b"<!doctype html><title>A day</title>", {})  # golden files leave them out
    known = FakeAirflow([live_run(RUN)], shard_tasks(0, "success", "success", "success", "success"), [SHARD])
    with Warehouse(store, folder, WarehouseSettings()) as warehouse:
        client = make_client(store, person=person, warehouse=warehouse, clock=lambda: NOW)
        client.app.dependency_overrides[airflow_state] = lambda: known
        yield client
