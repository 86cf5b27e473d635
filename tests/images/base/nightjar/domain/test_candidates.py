"""Pictures cut into shards: a camera each, in parts where there is room, together where there is none."""

from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.candidates import cut
from nightjar.domain.detections import ListedPicture
from nightjar.domain.names import Camera
from tests.bucket import picture_of

START = datetime(2026, 11, 20, tzinfo=UTC)


def pictures(**cameras: int) -> list[ListedPicture]:
    return [
        ListedPicture.of(picture_of(Camera(user, "cam"), START + timedelta(seconds=n), "a" * 64))
        for user, number in cameras.items()
        for n in range(number)
    ]


@pytest.mark.parametrize(
    ("cameras", "shards", "most", "expected"),
    [
        ({}, 5, 10, []),
        ({"a": 1}, 1, 1, [("a-cam", 1)]),
        ({"a": 3, "b": 2}, 5, 10, [("a-cam", 3), ("b-cam", 2)]),
        ({"a": 20}, 5, 10, [("a-cam.1", 10), ("a-cam.2", 10)]),
        ({"a": 21}, 5, 10, [("a-cam.1", 7), ("a-cam.2", 7), ("a-cam.3", 7)]),
        ({"a": 20, "b": 1}, 2, 10, [("a-cam", 20), ("b-cam", 1)]),  # no shard to spare
        ({"a": 3, "b": 2, "c": 2}, 2, 10, [("pack-0001", 3), ("pack-0002", 4)]),
    ],
)
def test_cut(cameras: dict[str, int], shards: int, most: int, expected: list[tuple[str, int]]) -> None:
    given = pictures(**cameras)
    found = cut(given, shards, most)
    assert [(each.name, len(each.pictures)) for each in found] == expected
    assert sorted(p.standard_key for each in found for p in each.pictures) == sorted(p.standard_key for p in given)
    assert cut([*reversed(given), *given], shards, most) == found  # the order, and what is named twice, do not matter


@pytest.mark.parametrize(("shards", "most"), [(0, 1), (1, 0)])
def test_bounds(shards: int, most: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        cut([], shards, most)
