"""The pause in looking for garbage lasts until the last thread is out of it."""

import gc
import threading
from collections.abc import Iterator

import pytest

from nightjar.runtime.garbage import no_garbage_collection


@pytest.fixture(params=[True, False])
def was_on(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether garbage was looked for before."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield bool(request.param)
    (gc.enable if before else gc.disable)()


def test_the_last_thread_begins_it_again(was_on: bool) -> None:
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with no_garbage_collection():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=work)
    with no_garbage_collection():
        thread.start()
        inside.wait(10)
        with no_garbage_collection():
            assert not gc.isenabled()
    assert not gc.isenabled(), "expected the other thread to be within"
    leave.set()
    thread.join()
    assert gc.isenabled() == was_on


def test_an_error_ends_it_too(was_on: bool) -> None:
    with pytest.raises(KeyError), no_garbage_collection():
        raise KeyError
    assert gc.isenabled() == was_on
