"""Doing many small things at once that mostly wait, such as calls to S3."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4  # results, for each thread, that may wait for an earlier item which takes long


def in_parallel(
    function: Callable[[T], R], items: Iterable[T], threads: int, *, ahead: int | None = None
) -> Generator[R, None, None]:
    """`function` of each of `items`, in their order, from up to `threads` threads.

    At most `ahead` items (by default four for each thread) are under way or wait for an earlier one, so `items` may be
    endless and memory is bounded. `items` is read in the thread that asks for the results; a lone item is done there.

    The first error is raised; items that have not begun then never begin, and those that run are not waited for: in an
    outage that would hold back the error for as long as every call retries.
    """
    window = max(threads, ahead or _AHEAD * threads)
    rest = iter(items)
    first = list(islice(rest, window))
    if len(first) == 1 < window:  # the only one there is: starting a thread would take longer than most calls
        yield function(first[0])
        return
    executor = ThreadPoolExecutor(threads)
    try:
        pending: deque[Future[R]] = deque(executor.submit(function, item) for item in first)
        del first  # or it would keep what has been given
        while pending:
            yield pending.popleft().result()
            pending.extend(executor.submit(function, item) for item in islice(rest, 1))
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
