"""Places of tags: in the picture, on no other box, at their own box where there is room."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.runtime.tag_places import Area, tag_places

PICTURE = Area(0, 0, 640, 480)
TAG = Area(0, 0, 130, 30)
SMALL = Area(0, 0, 85, 20)


@pytest.mark.parametrize(
    ("boxes", "places"),
    [
        ([], []),
        ([Area(100, 100, 200, 300)], [(100, 70)]),  # above
        ([Area(600, 100, 640, 300)], [(510, 70)]),  # above, moved into the picture
        ([Area(100, 0, 200, 300)], [(200, 0)]),  # no room above: beside
        ([Area(550, 0, 640, 300)], [(420, 0)]),  # on the other side
        ([Area(0, 0, 640, 400)], [(0, 400)]),  # below
        ([Area(0, 0, 640, 480)], [(0, 450)]),  # inside, at the foot
        ([Area(0.4, 0.4, 639.6, 479.6)], [(0, 449)]),  # nor is there room above half a pixel
        ([Area(100, 100, 200, 300), Area(100, 60, 400, 90)], [(200, 100), (100, 30)]),  # not on the box above
        ([Area(100, 100, 200, 300), Area(100, 100, 200, 300)], [(100, 70), (200, 100)]),  # the same box twice
    ],
)
def test_a_tag_stands_at_its_box(boxes: list[Area], places: list[tuple[float, float]]) -> None:
    made = tag_places(PICTURE, boxes, [[TAG, SMALL] for _ in boxes])
    assert [(place.left, place.top) for place in made if place] == places


def test_a_box_in_the_middle_of_another_has_its_tag_outside_of_both() -> None:
    around, inner = Area(150, 100, 500, 400), Area(300, 200, 340, 300)
    [_, place] = tag_places(PICTURE, [around, inner], [[TAG, SMALL]] * 2)
    assert place is not None
    assert not place.overlaps(around)


def test_where_everything_is_covered_there_is_no_place() -> None:
    whole = [PICTURE, Area(0, 0, 640, 479)]
    assert tag_places(PICTURE, whole, [[TAG, SMALL]] * 2) == [None, None]
    assert tag_places(Area(0, 0, 50, 50), [Area(10, 10, 20, 20)], [[TAG, SMALL]]) == [None]


def test_a_smaller_tag_is_taken_where_the_large_one_has_no_room() -> None:
    boxes = [Area(0, 25, 640, 480), Area(0, 450, 640, 480)]
    [place, _] = tag_places(PICTURE, boxes, [[TAG, SMALL]] * 2)
    assert place is not None
    assert (place.width, place.height) == (SMALL.width, SMALL.height)


sides = st.tuples(st.floats(0, 640), st.floats(0, 640), st.floats(0, 480), st.floats(0, 480))
areas = sides.map(lambda s: Area(min(s[:2]), min(s[2:]), max(s[:2]), max(s[2:])))


@settings(deadline=None)
@given(st.lists(areas, max_size=16))
def test_no_tag_covers_another_box_or_tag_or_leaves_the_picture(boxes: list[Area]) -> None:
    places = tag_places(PICTURE, boxes, [[TAG, SMALL] for _ in boxes])
    assert len(places) == len(boxes)
    for n, place in enumerate(places):
        if place is not None:
            assert place.is_within(PICTURE)
            assert not any(place.overlaps(box) for m, box in enumerate(boxes) if m != n)
    assert not any(a.overlaps(b) for a, b in combinations([place for place in places if place], 2))
