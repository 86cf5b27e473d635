"""Calls that are made ahead of need: in order, bounded, and truly ahead."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from nightjar_detect.work import batched, prefetched


class Recording(Executor):
    """Makes each call at once and remembers what for."""

    def __init__(self) -> None:
        self.begun: list[int] = []

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.begun.append(args[0])
        future: Future[Any] = Future()
        future.set_result(call(*args, **kwargs))
        return future


@pytest.mark.parametrize(
    ("number", "ahead", "burst", "begun"),
    [
        pytest.param(0, 4, 2, [], id="nothing"),
        pytest.param(1, 4, 2, [1], id="one"),
        pytest.param(6, 2, 1, [2, 3, 4, 5, 6, 6], id="one by one, one ahead"),
        pytest.param(9, 4, 2, [4, 4, 6, 6, 8, 8, 9, 9, 9], id="two by two"),
        pytest.param(5, 3, 3, [3, 3, 3, 5, 5], id="a burst is all that may wait"),
    ],
)
def test_how_many_are_begun_when_each_is_asked_for(number: int, ahead: int, burst: int, begun: list[int]) -> None:
    pool = Recording()
    answers = prefetched(pool, lambda n: -n, range(number), ahead, burst)
    seen = []
    for place, answer in enumerate(answers):
        assert answer == -place
        seen.append(len(pool.begun))
    assert seen == begun
    assert pool.begun == list(range(number))


def test_an_error_comes_in_its_turn() -> None:
    class Failing(Recording):
        def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            try:
                future.set_result(call(*args, **kwargs))
            except ZeroDivisionError as error:
                future.set_exception(error)
            return future

    answers = prefetched(Failing(), lambda n: 6 // n, [3, 2, 0, 1], ahead=4, burst=1)
    assert [next(answers), next(answers)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(answers)


@pytest.mark.parametrize(
    ("number", "size", "lists"),
    [(0, 3, []), (2, 3, [[0, 1]]), (3, 3, [[0, 1, 2]]), (7, 3, [[0, 1, 2], [3, 4, 5], [6]])],
)
def test_batched(number: int, size: int, lists: list[list[int]]) -> None:
    assert list(batched(range(number), size)) == lists
