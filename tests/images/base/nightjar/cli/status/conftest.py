"""An empty bucket, and its clock."""

import pytest

from nightjar.runtime.memory import MemoryStore
from tests.images.base.nightjar.cli.status.world import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)
