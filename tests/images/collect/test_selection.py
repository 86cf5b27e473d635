"""The versions that a batch takes."""

import weakref
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.batch import ReceivedVersion
from nightjar_collect.selection import select

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def version(name: str, size: int = 1, seconds: int = 0) -> ReceivedVersion:
    return ReceivedVersion(
        key=f"incoming/{name}", version_id="v", size=size, received_at=NOON + timedelta(seconds=seconds)
    )


def footage(number: int, size: int = 1, seconds: int = 0) -> ReceivedVersion:
    return version(f"alice-porch-{1_790_000_000 + number}.jpg", size, seconds)


def bad(number: int) -> ReceivedVersion:
    return version(f"bad {number}")


@pytest.mark.parametrize(
    ("waiting", "objects", "size", "chosen"),
    [
        pytest.param([], 10, 100, [], id="nothing"),
        pytest.param([footage(1)], 10, 100, [footage(1)], id="one"),
        pytest.param([footage(1), footage(3), footage(2)], 2, 100, [footage(3), footage(2)], id="freshest first"),
        pytest.param([footage(1, 60), footage(2, 60)], 9, 100, [footage(2, 60)], id="bound by bytes"),
        pytest.param([footage(1, 40), footage(2, 60)], 9, 100, [footage(2, 60), footage(1, 40)], id="bytes just fit"),
        pytest.param([footage(1, 500)], 9, 100, [footage(1, 500)], id="one larger than a batch still is a batch"),
        pytest.param([bad(1), footage(1)], 1, 100, [footage(1)], id="a batch of one goes to footage"),
        pytest.param([bad(1), bad(2)], 1, 100, [bad(1)], id="a batch of one, only bad names"),
        pytest.param(
            [*map(footage, range(50)), bad(1), bad(2)],
            10,
            100,
            [bad(1), *map(footage, range(49, 40, -1))],
            id="steady footage does not starve bad names",
        ),
        pytest.param(
            [footage(1), *map(bad, range(5))], 4, 100, [footage(1), *map(bad, range(3))], id="bad names fill up"
        ),
        pytest.param(
            [footage(1, seconds=9), footage(1, seconds=1)],
            1,
            100,
            [footage(1, seconds=1)],
            id="versions of a name in the order received",
        ),
    ],
)
def test_select(waiting: list[ReceivedVersion], objects: int, size: int, chosen: list[ReceivedVersion]) -> None:
    assert select(waiting, objects, size) == chosen


def test_select_keeps_only_a_batch_in_memory_and_takes_the_freshest_of_many() -> None:
    alive: weakref.WeakSet[ReceivedVersion] = weakref.WeakSet()
    most = 0

    def listed() -> Iterator[ReceivedVersion]:
        nonlocal most
        for n in range(20_011):
            one = footage(n * 7919 % 20_011)
            alive.add(one)
            most = max(most, len(alive))
            yield one

    assert select(listed(), 5, 10**9) == [footage(n) for n in range(20_010, 20_005, -1)]
    assert most < 2 * 5 + 1000 + 5, "expected to hold a batch, and what is sorted out at once"
