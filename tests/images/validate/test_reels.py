"""Which pictures go into which reel, and that doing it again changes nothing."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from nightjar.domain.detections import Picture
from nightjar.domain.layout import REELS
from nightjar.domain.reels import Reel
from nightjar.errors import TryAgainError
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.memory import MemoryStore
from nightjar_validate.reels import Fresh, Reels
from tests.images.validate.pictures import ASTRONAUT, GREY, moving, still, video
from tests.images.validate.shards import (
    AT,
    NOW,
    Failing,
    begin_run,
    context,
    memory_store,
    pictures,
    put_footage,
    validated,
)
from tests.images.validate.shards import state as versions

GOOD, OTHER = still(ASTRONAUT), still(ASTRONAUT.rotate(180))
PREFIX = "runs/nightjar_live/b1/validate/alice-porch/"


def fresh(number: int, data: bytes = b"") -> Fresh:
    """A picture, `number` seconds into the shard."""
    picture = Picture(
        user="alice",
        device="porch",
        taken_at=NOW + timedelta(seconds=number),
        footage_key=f"footage/{number}",
        footage_version="v1",
        standard_key=f"standard/{number:03}.jpg",
        standard_sha256=f"{number:064}",
        width=640,
        height=480,
    )
    return picture, data or f"jpeg {number} ".encode()


def index(store: MemoryStore, prefix: str = PREFIX) -> list[Reel]:
    """The published reels, by their first picture; each is held against its object."""
    if store.head(f"{prefix}{REELS}") is None:
        return []
    reels, _ = read_lines(store, f"{prefix}{REELS}", Reel)
    for reel in reels:
        data, info = store.get(reel.object.key)
        assert (len(data), info.version_id) == (reel.object.size, reel.object.version_id)
    return sorted(reels, key=lambda reel: reel.pictures[0].standard_key)


def numbers(reel: Reel) -> list[int]:
    return [int(picture.standard_key[9:12]) for picture in reel.pictures]


@pytest.mark.parametrize(
    ("stills", "without", "reels"),
    [
        pytest.param(0, [], [], id="no stills"),
        pytest.param(7, [], [], id="too few"),
        pytest.param(8, [], [range(8)], id="just enough"),
        pytest.param(8, [3], [], id="too few that are fresh"),
        pytest.param(32, [], [range(32)], id="a full one"),
        pytest.param(33, [], [range(32)], id="one more is too few for another"),
        pytest.param(72, [], [range(32), range(32, 64), range(64, 72)], id="three"),
        pytest.param(40, range(25), [range(32, 40)], id="a group of its own stays one"),
    ],
)
@pytest.mark.parametrize("order", [1, -1], ids=["first to last", "last to first"])
def test_stills_that_follow_each_other_share_a_reel(
    stills: int, without: Iterable[int], reels: Sequence[Iterable[int]], order: int
) -> None:
    store = MemoryStore()
    writer = Reels(store, PREFIX, stills)
    missing = set(without)
    for number in range(stills)[::order]:
        writer.still(number, [] if number in missing else [fresh(number)])
    refs = writer.publish()
    found = index(store)
    assert [numbers(reel) for reel in found] == [list(reel) for reel in reels]
    for reel in found:
        data, _ = store.get(reel.object.key)
        assert data == b"".join(fresh(number)[1] for number in numbers(reel))
        assert [data[place] for _, place in reel.places()] == [fresh(number)[1] for number in numbers(reel)]
    assert {ref.key for ref in refs} == {info.key for info in store.list_objects("")}


def test_the_same_pictures_at_another_time_have_a_reel_of_their_own() -> None:
    """A camera that sees a still scene."""
    store = MemoryStore()
    writer = Reels(store, PREFIX, 64)
    for number in range(64):
        writer.still(number, [fresh(number, b"the same")])
    writer.publish()
    assert [len(numbers(reel)) for reel in index(store)] == [32, 32]


def test_another_try_keeps_what_the_first_published() -> None:
    store = MemoryStore()
    first = Reels(store, PREFIX, 16)
    first.write([fresh(number) for number in range(8)])
    before = first.publish()
    assert Reels(store, PREFIX, 0).publish() == before
    again = Reels(store, PREFIX, 16)
    again.write([fresh(number) for number in range(8)])
    again.write([fresh(number) for number in range(8, 16)])
    again.publish()
    assert [numbers(reel) for reel in index(store)] == [list(range(8)), list(range(8, 16))]
    assert len(list(store.list_versions(f"{PREFIX}reels/"))) == 2


def test_a_reel_whose_pictures_do_not_add_up_is_none() -> None:
    store = MemoryStore()
    writer = Reels(store, PREFIX, 8)
    writer.write([fresh(number) for number in range(8)])
    writer.publish()
    [reel] = index(store)
    with pytest.raises(ValueError, match=r"expected pictures of 56 bytes in runs/.*, got 49"):
        Reel.model_validate(reel.model_dump() | {"pictures": reel.pictures[:-1]})


def test_a_shard_of_stills_and_videos_twice(tmp_path: Path) -> None:
    """What is refused is in no reel; a video has its own."""
    store = memory_store()
    stills = [put_footage(store, f"alice-porch-{AT - n}.jpg", OTHER if n % 2 else GOOD) for n in range(9)]
    grey = put_footage(store, f"alice-porch-{AT - 4}500.jpg", still(GREY))
    frames = [*moving(20), Image.new("RGB", (320, 240)), *moving(20)]
    clip = put_footage(store, f"alice-porch-{AT - 900}.mp4", video(tmp_path / "v.mp4", frames, rate=1))
    short = put_footage(store, f"alice-porch-{AT - 1900}.mp4", video(tmp_path / "s.mp4", moving(7), rate=1))
    begin_run(store, [*stills, grey, clip, short])
    first = validated(store)
    assert first.counts.outcomes == {"standard": 56, "quarantined:grey": 1, "quarantined:void": 1}
    found = index(store, context(store).output_prefix)
    assert sorted(len(reel.pictures) for reel in found) == [8, 9, 32]
    listed = {picture.standard_key: picture.standard_sha256 for picture in pictures(store)}
    for reel in found:
        data, _ = store.get(reel.object.key)
        for picture, place in reel.places():
            assert listed[picture.standard_key] == picture.sha256
            assert data[place] == store.get(picture.standard_key)[0]
    named = {ref.key for ref in first.objects}
    assert named >= {reel.object.key for reel in found} | {f"{context(store).output_prefix}{REELS}"}

    before = versions(store)
    again = validated(store)
    assert versions(store) == before
    assert again.objects == first.objects


def test_reels_of_a_try_that_was_stopped_are_not_lost() -> None:
    store = Failing(clock=lambda: NOW)
    footage = [put_footage(store, f"alice-porch-{AT + n}.jpg", GOOD) for n in range(-33, 0)]
    begin_run(store, footage)
    store.failing = f"standard/2026/11/20/13/alice-porch/{AT - 1}.jpg"
    with pytest.raises(TryAgainError):
        validated(store)
    [reel] = index(store, context(store).output_prefix)
    assert len(reel.pictures) == 32
    store.failing = "nothing"
    assert validated(store).counts.details["reused"] == 32
    assert index(store, context(store).output_prefix) == [reel]
