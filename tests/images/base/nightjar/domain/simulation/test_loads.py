"""Shards by their sizes alone are those that the planner makes of the pictures."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar.domain.batch import Footage, NameFields
from nightjar.domain.shards import plan_shards
from nightjar.domain.simulation.loads import shard_loads, split_loads

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def batch(sizes: list[int]) -> list[Footage]:
    """A batch of stills: `sizes` of cameras, in the order of their names."""
    return [
        Footage.model_construct(
            key=f"footage/{camera}/{number}.jpg",
            version_id="v",
            size=100_000,
            sha256="",
            named=NameFields.model_construct(
                user="alice",
                device=f"camera{camera:04}",
                taken_at=datetime.fromtimestamp(NOON.timestamp() + number, UTC),
                extension="jpg",
            ),
            first_version=None,
        )
        for camera, size in enumerate(sizes)
        for number in range(size)
    ]


def planned(sizes: list[int], max_shards: int, max_work: int) -> Counter[int]:
    return Counter(shard.work for shard in plan_shards(batch(sizes), max_shards, max_work))


@pytest.mark.parametrize(
    ("sizes", "max_shards", "max_work"),
    [
        ([], 1, 1),
        ([1], 1, 1),
        ([7], 1, 1),
        ([7], 3, 2),
        ([7], 100, 2),
        ([9], 3, 1),
        ([10, 1, 1], 5, 4),
        ([1, 1, 1], 3, 2000),
        ([1, 1, 1, 1], 3, 2000),
        ([5, 3, 3, 2, 1, 1], 3, 2000),
        ([1] * 50 + [2] * 7 + [30], 10, 20),
        ([40, 40, 40], 10, 7),
    ],
)
def test_as_the_planner_has_it(sizes: list[int], max_shards: int, max_work: int) -> None:
    packed = len(sizes) > max_shards
    found = (shard_loads(Counter(sizes), max_shards, max_work)) if packed else split_loads(sizes, max_shards, max_work)
    assert found == planned(sizes, max_shards, max_work)


@given(
    sizes=st.lists(st.integers(1, 12), max_size=20),
    max_shards=st.integers(1, 24),
    max_work=st.integers(1, 14),
)
def test_of_any_batch(sizes: list[int], max_shards: int, max_work: int) -> None:
    sizes.sort()
    assert shard_loads(Counter(sizes), max_shards, max_work) == planned(sizes, max_shards, max_work)


def test_a_full_batch_of_many_cameras() -> None:
    loads = shard_loads({1: 99_000, 2: 500}, 100, 2000)
    assert sum(loads.values()) == 100
    assert loads == {1000: 100}


@pytest.mark.parametrize(("max_shards", "max_work"), [(0, 1), (1, 0), (-1, 1)])
def test_bounds_below_1_are_refused(max_shards: int, max_work: int) -> None:
    with pytest.raises(ValueError, match="expected max_shards and max_work of at least 1"):
        shard_loads({1: 1}, max_shards, max_work)


def test_cameras_without_pictures_are_none() -> None:
    assert shard_loads({0: 5, 3: 0, 2: 1}, 10, 10) == {2: 1}
