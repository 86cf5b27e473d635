"""One picture a moment: stills and clips of the same time, and clips that overlap."""

from pathlib import Path

import pytest

from nightjar.domain.reasons import Reason
from tests.bucket import put_footage
from tests.images.validate.pictures import ASTRONAUT, moving, still, video
from tests.images.validate.shards import (
    AT,
    HISTORY_RUN,
    begin_run,
    memory_store,
    pictures,
    quarantine,
    state,
    validated,
)

GOOD = still(ASTRONAUT)


def test_a_frame_of_the_moment_of_a_still_is_a_duplicate(tmp_path: Path) -> None:
    store = memory_store()
    clip = put_footage(store, f"alice-porch-{AT - 10}.mp4", video(tmp_path / "v.mp4", moving(3), rate=1))
    picture = put_footage(store, f"alice-porch-{AT - 9}.jpg", GOOD)
    begin_run(store, [clip, picture])
    manifest = validated(store)
    assert manifest.counts.outcomes == {"standard": 3, "duplicate": 1}
    assert quarantine(store) == []
    kept = {p.standard_key: p.footage_key for p in pictures(store)}
    assert kept[f"standard/2026/11/20/13/alice-porch/{AT - 9}.jpg"] == picture.key


def test_a_still_that_comes_after_its_clip_is_a_duplicate(tmp_path: Path) -> None:
    store = memory_store()
    clip = put_footage(store, f"alice-porch-{AT}.mp4", video(tmp_path / "v.mp4", moving(3), rate=1))
    begin_run(store, [clip])
    assert validated(store).counts.outcomes == {"standard": 3}
    picture = put_footage(store, f"alice-porch-{AT}.jpg", GOOD)
    for run, footage in ((HISTORY_RUN, [picture]), (HISTORY_RUN, [clip, picture])):
        begin_run(store, footage, run)
        assert validated(store, run).counts.outcomes == (
            {"duplicate": 1} if footage == [picture] else {"standard": 3, "duplicate": 1}
        )
    assert quarantine(store) == []


@pytest.mark.parametrize("kinds", [("jpg", "png"), ("png", "jpg")])
def test_two_stills_of_one_name_are_a_conflict(kinds: tuple[str, str]) -> None:
    """Collect lets in no such pair: they were put there by hand."""
    store = memory_store()
    pair = [
        put_footage(store, f"alice-porch-{AT}.{kind}", still(image))
        for kind, image in zip(kinds, (ASTRONAUT, ASTRONAUT.rotate(90)), strict=True)
    ]
    begin_run(store, pair)
    assert validated(store).counts.outcomes == {"standard": 1, "quarantined:identity-conflict": 1}
    [conflict] = quarantine(store)
    assert conflict.entry.reason is Reason.IDENTITY_CONFLICT
    assert any(footage.key in conflict.entry.found for footage in pair)
    assert conflict.data in (still(ASTRONAUT), still(ASTRONAUT.rotate(90)))


@pytest.mark.parametrize("turned", [0, 90], ids=["the same frames", "other frames"])
def test_clips_that_overlap(turned: int, tmp_path: Path) -> None:
    """Of two frames of one moment either may be the first; the counts, and what a second time gives, are fixed."""
    store, outcomes = memory_store(), {"standard": 4, "duplicate": 2}
    frames = moving(4)
    later = [frame.rotate(turned) for frame in frames[1:]]
    begin_run(
        store,
        [
            put_footage(store, f"alice-porch-{AT - at}.mkv", video(tmp_path / "v.mkv", images, codec="ffv1", rate=1))
            for at, images in ((10, frames[:3]), (9, later))
        ],
    )
    assert validated(store).counts.outcomes == outcomes
    before = state(store)
    for info in store.list_objects("validations/"):
        store.delete(info.key, info.version_id)
    assert validated(store).counts.outcomes == outcomes
    assert [key for key, _ in state(store)] == [key for key, _ in before]
    assert quarantine(store) == []
