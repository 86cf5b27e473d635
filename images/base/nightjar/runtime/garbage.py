"""How often a process looks for garbage: stages, what measures them, and Airflow (airflow_local_settings.py) alike."""

import gc
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


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """For work on millions of small objects, none of which refers to itself: looking for such takes long."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
