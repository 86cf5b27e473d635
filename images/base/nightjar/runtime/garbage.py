"""How often a process looks for garbage: stages, what measures them, and Airflow (airflow_local_settings.py) alike."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def look_seldom() -> None:
    """Objects in memory now are never looked through again, later ones a seventieth as often as by default.

    A run of 100,000 pictures holds millions of small objects of which none refers to itself. By default they are looked
    through again and again as they become more, so that a picture of a large run cost half as much again.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # objects that come on top before the youngest are looked through; by default 700
    gc.enable()


class _Pause:
    """Counts the threads within: the first one ends the looking for garbage, the last one begins it again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._was_on = False

    def begin(self) -> None:
        with self._lock:
            if self._number == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._number += 1

    def end(self) -> None:
        with self._lock:
            self._number -= 1
            if self._number == 0 and self._was_on:
                gc.enable()


_pause = _Pause()


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """For work on millions of small objects, none of which refers to itself: looking for such takes long.

    It is off for the whole process until the last thread within is done.
    """
    _pause.begin()
    try:
        yield
    finally:
        _pause.end()
