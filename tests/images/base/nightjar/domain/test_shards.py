import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar.domain.batch import Footage
from nightjar.domain.shards import most_pictures, plan_shards, work


def still(camera: str, n: int, extension: str = "jpg", size: int = 60_000) -> Footage:
    key = f"footage/2023/11/14/22/{camera}-{1_700_000_000 + n}.{extension}"
    return Footage.model_validate({"key": key, "version_id": f"v{n}", "size": size, "sha256": ""})


def video(camera: str, n: int, size: int) -> Footage:
    return still(camera, n, "mp4", size)


@pytest.mark.parametrize(
    ("footage", "max_shards", "max_work", "names"),
    [
        ([], 10, 10, []),
        ([still("a-x", 1)], 1, 1, ["a-x"]),
        ([still("b-x", 1), still("a-x", 2), still("a-x", 1)], 10, 10, ["a-x", "b-x"]),
        ([still("a-x", n) for n in range(25)], 10, 10, ["a-x.1", "a-x.2", "a-x.3"]),
        ([still("a-x", n) for n in range(25)] + [still("b-x", 1)], 3, 10, ["a-x.1", "a-x.2", "b-x"]),
        ([still("a-x", n) for n in range(25)] + [still("b-x", 1)], 2, 10, ["a-x", "b-x"]),
        ([still(f"u{n}-x", 1) for n in range(5)], 2, 10, ["pack-0001", "pack-0002"]),
        ([video("a-x", 1, 10_000_000_000)], 4, 10, ["a-x"]),
    ],
)
def test_shards(footage: list[Footage], max_shards: int, max_work: int, names: list[str]) -> None:
    assert [shard.name for shard in plan_shards(footage, max_shards, max_work)] == names


def test_footage_is_sorted_as_its_names_are() -> None:
    mixed = [
        still(camera, n, ext) for camera in ("b-a", "a-b", "a-a", "aa-a") for n in (10, 9) for ext in ("png", "jpg")
    ]
    assert sorted(mixed, key=lambda f: f.place) == sorted(mixed, key=lambda f: (f.name, f.key, f.version_id))
    assert [f.is_video for f in (still("a-a", 1), video("a-a", 1, 1))] == [False, True]


@pytest.mark.parametrize(
    ("footage", "pictures"),
    [
        ([], 0),
        ([still("a-x", n) for n in range(7)], 7),
        pytest.param([video("a-x", 1, 1)], 450, id="a short or quiet video"),
        pytest.param([video("a-x", 1, 500_000_000)], 2001, id="a long one"),
        ([still("a-x", 1), video("a-x", 1, 0), video("a-x", 2, 0)], 901),
    ],
)
def test_most_pictures(footage: list[Footage], pictures: int) -> None:
    assert most_pictures(footage) == pictures


@pytest.mark.parametrize(("max_shards", "max_work"), [(0, 1), (1, 0), (-1, -1)])
def test_bounds_below_one_are_refused(max_shards: int, max_work: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        plan_shards([], max_shards, max_work)


def test_a_video_is_more_work_than_a_still() -> None:
    assert work(video("a-x", 1, 25_000_000)) == 101
    assert work(still("a-x", 1)) == 1


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 500)), max_size=120, unique=True),
    st.integers(1, 12),
    st.integers(1, 20),
)
def test_every_footage_is_in_exactly_one_shard_whatever_the_order(
    cameras: list[tuple[int, int]], max_shards: int, max_work: int
) -> None:
    footage = [still(f"u{camera}-x", n) for camera, n in cameras]
    shards = plan_shards(footage, max_shards, max_work)
    assert len(shards) <= max_shards
    assert len({shard.name for shard in shards}) == len(shards)
    assert sorted(f.key for shard in shards for f in shard.footage) == sorted(f.key for f in footage)
    assert all(shard.footage for shard in shards)
    assert shards == plan_shards(footage[::-1], max_shards, max_work)
    if len({camera for camera, _ in cameras}) > max_shards:
        holders = {f.camera: shard.name for shard in shards for f in shard.footage}
        assert all(holders[f.camera] == shard.name for shard in shards for f in shard.footage)


def test_packs_are_balanced() -> None:
    footage = [still(f"u{camera}-x", n) for camera in range(40) for n in range(camera + 1)]
    loads = [shard.work for shard in plan_shards(footage, 4, 1000)]
    assert max(loads) - min(loads) <= 40
