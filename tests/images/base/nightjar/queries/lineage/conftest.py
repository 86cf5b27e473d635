"""The bucket that the tests of lineages ask."""

import pytest

from tests.images.base.nightjar.queries.lineage.lineage_world import Lineages, lineages


@pytest.fixture
def world() -> Lineages:
    """A bucket with one alert, for this test alone."""
    return lineages()
