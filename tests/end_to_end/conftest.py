"""A deployment that several files share: its start takes 20 CPU seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.end_to_end.local_runtime import Local


@pytest.fixture(scope="package")
def small_stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A deployment of small stages, for the files that tests/conftest.py gives to one worker (ON_SMALL_STAGES)."""
    from tests.end_to_end.local_runtime import running_small  # half a second, which `make quick` can do without

    with running_small(tmp_path_factory.mktemp("small")) as local:
        yield local
