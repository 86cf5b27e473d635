"""Objects of one picture on both sides: the same by label and overlap, the most probable first."""

import pytest

from nightjar.domain.comparison.boxes import match_objects
from nightjar.domain.sights import Thing

HERE, NEAR, FAR = (0.1, 0.1, 0.3, 0.5), (0.12, 0.1, 0.32, 0.5), (0.6, 0.1, 0.8, 0.5)
COUNTED = {"person": 0.5, "car": 0.6}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], [], {}),
        ([Thing("person", 0.9, HERE)], [Thing("person", 0.7, NEAR)], {"person": (1, 0, 0)}),
        ([Thing("person", 0.9, HERE)], [Thing("person", 0.7, FAR)], {"person": (0, 1, 1)}),
        ([Thing("person", 0.9, HERE)], [Thing("car", 0.7, HERE)], {"car": (0, 0, 1), "person": (0, 1, 0)}),
        ([Thing("person", 0.5, HERE)], [], {"person": (0, 1, 0)}),  # the boundary counts
        ([Thing("person", 0.49, HERE)], [Thing("person", 0.49, HERE)], {}),
        ([Thing("person", 0.9, HERE)], [Thing("person", 0.49, HERE)], {"person": (0, 1, 0)}),
        ([Thing("zebra", 0.9, HERE)], [Thing("zebra", 0.9, HERE)], {}),  # of a label that nobody counts
        (
            [Thing("person", 0.9, HERE)],
            [Thing("person", 0.6, HERE), Thing("person", 0.95, NEAR)],
            {"person": (1, 0, 1)},  # found twice: one is the same, the other is new
        ),
        ([Thing("person", 0.9, HERE), Thing("person", 0.8, FAR)], [Thing("person", 0.9, FAR)], {"person": (1, 1, 0)}),
    ],
)
def test_match(before: list[Thing], after: list[Thing], expected: dict[str, tuple[int, int, int]]) -> None:
    found = match_objects(before, after, COUNTED)
    assert {label: (each.same, len(each.lost), len(each.gained)) for label, each in found.items()} == expected
