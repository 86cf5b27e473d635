"""Many things at once."""

import threading
import time

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
