"""The past that a false box would have covered: the same overlap in SQL as when pictures are judged."""

from datetime import timedelta
from random import Random

import pytest

from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.sights import Thing
from nightjar.queries.false_box_cover import DAYS, Cover, cover_of
from nightjar.runtime.memory import MemoryStore
from tests.bucket import PORCH, YARD
from tests.images.base.nightjar.queries.event_world import (
    BOX,
    NOON,
    NOW,
    Box,
    a_warehouse,
    detection_row,
    record_detections,
)

_MOVES = Random(1)


def _near() -> Box:
    """A box at about the overlap that is asked."""
    x_min, y_min, x_max, y_max = (round(min(1.0, max(0.0, side + _MOVES.uniform(-0.06, 0.06))), 4) for side in BOX)
    return x_min, y_min, x_max, y_max


NEAR = [_near() for _ in range(60)]


def test_nothing_is_recorded() -> None:
    with a_warehouse(MemoryStore()) as warehouse:
        assert cover_of(warehouse, PORCH, "cat", BOX, 0.7, NOW.date()) == Cover()


@pytest.mark.parametrize("overlap", [0.5, 0.7, 0.9, 1.0])
def test_the_overlap_is_that_of_judging(overlap: float) -> None:
    boxes: list[Box] = [BOX, (0.0, 0.0, 0.1, 0.1), (0.25, 0.25, 0.25, 0.75), *NEAR]
    store = MemoryStore()
    record_detections(store, *(detection_row(n, box=box) for n, box in enumerate(boxes)))
    false = FalseBox(label="cat", box=BOX, overlap=overlap, confirmed_by="olga", confirmed_at=NOW)
    covered = [box for box in boxes if false.holds(Thing("cat", 0.8, box))]
    with a_warehouse(store) as warehouse:
        cover = cover_of(warehouse, PORCH, "cat", BOX, overlap, NOW.date())
    assert (cover.pictures, cover.threats, cover.threats_of_label) == (len(covered), len(covered), len(boxes))
    assert 0 < len(covered) < len(boxes)
    assert {example.box for example in cover.examples} <= set(covered)


def test_examples_are_of_different_days_first() -> None:
    store = MemoryStore()
    rows = [detection_row(n, taken_at=NOON - timedelta(days=n % 3, seconds=n)) for n in range(30)]
    record_detections(store, *rows, detection_row(40, camera="alice-yard"), detection_row(41, label="dog"))
    with a_warehouse(store) as warehouse:
        cover = cover_of(warehouse, PORCH, "cat", BOX, 0.7, NOW.date())
        assert cover_of(warehouse, YARD, "cat", BOX, 0.7, NOW.date()).pictures == 1
    assert (cover.pictures, cover.days) == (30, 3)
    assert len({example.taken_at.date() for example in cover.examples[:3]}) == 3


def test_so_many_days_are_looked_through() -> None:
    store = MemoryStore()
    record_detections(store, *(detection_row(n, taken_at=NOON - timedelta(days=n)) for n in range(DAYS + 2)))
    with a_warehouse(store) as warehouse:
        cover = cover_of(warehouse, PORCH, "cat", BOX, 0.7, NOW.date())
    assert (cover.days, cover.last) == (DAYS, NOON.date())
    assert cover.first == (NOON - timedelta(days=DAYS - 1)).date()
