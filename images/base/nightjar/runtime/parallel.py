"""Doing many small things at once that mostly wait, such as calls to S3."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(function: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """`function` of each of `items`, in their order, from up to `threads` threads.

    The first error is raised; what has not begun then never begins, and what runs is not waited for: in an outage that
    would hold back the error for as long as every call retries.
    """
    executor = ThreadPoolExecutor(threads)
    try:
        futures = [executor.submit(function, item) for item in items]
        for future in futures:
            yield future.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
