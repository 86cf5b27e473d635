"""Many calls at once, a few ahead of the result that is asked for."""

import threading
import time
import weakref
from collections.abc import Iterator
from itertools import count

import pytest

from nightjar.runtime.parallel import in_parallel


@pytest.mark.parametrize("items", [[], [1], list(range(50))])
@pytest.mark.parametrize("threads", [1, 4, 100])
def test_order_is_kept(items: list[int], threads: int) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    assert list(in_parallel(slow_first, items, threads)) == [item * item for item in items]


def test_things_happen_at_once() -> None:
    together = threading.Barrier(4, timeout=20)
    assert len(list(in_parallel(lambda _: together.wait(), range(4), 4))) == 4


def test_the_first_error_is_raised_and_what_has_not_begun_never_does() -> None:
    begun: list[int] = []
    hold = threading.Event()

    def work(item: int) -> None:
        begun.append(item)
        if item == 1:
            raise OSError("outage")
        if item > 1:
            hold.wait(20)

    with pytest.raises(OSError, match="outage"):
        list(in_parallel(work, range(100), 2))
    hold.set()
    time.sleep(0.1)
    assert len(begun) <= 4


@pytest.mark.parametrize(
    ("threads", "ahead", "most"), [(1, None, 4), (2, None, 8), (2, 3, 3), (4, 1, 4), (3, 100, 100)]
)
def test_only_a_few_are_under_way_ahead_of_the_result_that_is_asked_for(
    threads: int, ahead: int | None, most: int
) -> None:
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        for item in count():
            taken += 1
            yield item

    results = in_parallel(lambda item: item, endless(), threads, ahead=ahead)
    for number in range(500):
        assert next(results) == number
        assert taken <= number + most
    results.close()


def test_results_that_were_given_are_not_kept() -> None:
    class Large:
        pass

    alive: weakref.WeakSet[Large] = weakref.WeakSet()

    def make(_item: int) -> Large:
        large = Large()
        alive.add(large)
        return large

    for _ in in_parallel(make, range(1000), 2):
        assert len(alive) <= 2 * 4 + 2


def test_an_error_of_the_items_is_raised() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("listing failed")

    with pytest.raises(OSError, match="listing failed"):
        list(in_parallel(lambda item: item, items(), 2))
