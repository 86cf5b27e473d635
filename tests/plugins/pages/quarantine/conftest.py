"""The pages of quarantine over refusals that a test makes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightjar.runtime.memory import MemoryStore
from tests.images.base.nightjar.queries.refusals import NOW, Refusals, warehouse_of
from tests.plugins.pages.one_page import make_client_of
from tests.plugins.web_world import PagesClient


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def refusals(store: MemoryStore) -> Refusals:
    return Refusals(store)


@pytest.fixture
def client(store: MemoryStore, tmp_path: Path) -> Iterator[PagesClient]:
    with warehouse_of(store, tmp_path) as warehouse:
        yield make_client_of("quarantine", store, warehouse=warehouse, clock=lambda: NOW)
