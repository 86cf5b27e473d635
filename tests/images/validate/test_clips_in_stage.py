"""Videos of real cameras through the stage: pictures at their true times, and a refusal that says what is lost."""

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from nightjar.domain.reasons import Reason
from tests.bucket import put_footage
from tests.images.validate.clips import clip, remuxed, segments, tracks, without_brand
from tests.images.validate.pictures import ASTRONAUT, moving
from tests.images.validate.shards import AT, NOW, begin_run, memory_store, pictures, quarantine, validated

SECONDS = [0, 1, 2, 3, 4]
# By kind: the extension and the bytes, the seconds of its pictures, and the refusal of the rest, if any.
CLIPS: dict[str, tuple[str, Callable[[Path], bytes], list[int], tuple[Reason, str] | None]] = {
    "a piece of a stream": ("mkv", lambda folder: segments(folder)[1], list(range(10)), None),
    "a clock that begins late": ("mp4", lambda _: remuxed(clip("mp4"), "mp4", shift=lambda _: 12_345), SECONDS, None),
    "a clock that jumps": (
        "mp4",
        lambda _: clip("mp4", times=[n / 10 + 93_600 * (n >= 25) for n in range(50)]),
        [0, 1, 2],
        (Reason.CLOCK_JUMP, "a clock that jumps by +93600.1 s after 2.4 s"),
    ),
    "an unfinished header": ("avi", lambda _: clip("avi", "mjpeg", unseekable=True), SECONDS, None),
    "bytes behind the end": ("mp4", lambda _: clip("mp4") + b"made by a camera. " * 6, SECONDS, None),
    "QuickTime without a brand": ("mov", lambda _: without_brand(clip("mov")), SECONDS, None),
    "between key frames": (
        "mkv",
        lambda _: remuxed(clip("matroska", frames=100, key_every=50), "matroska", keep=lambda n: n >= 20),
        [3, 4, 5, 6, 7],
        (Reason.TRUNCATED, "30 frames that build on one before the clip"),
    ),
    "a preview beside the film": (
        "mkv",
        lambda _: tracks("matroska", ("mjpeg", (160, 120), [ASTRONAUT]), ("libx264", (1280, 720), moving(20))),
        [0, 1],
        None,
    ),
    "oblong pixels": (
        "mp4",
        lambda _: clip("mp4", frames=10, size=(352, 288), pixel=Fraction(16, 11)),
        [0],
        None,
    ),
    "a time lapse": (
        "mp4",
        lambda _: clip("mp4", frames=120, times=[60 * n for n in range(120)]),
        [60 * n for n in range(120)],
        None,
    ),
}


@pytest.mark.parametrize(("extension", "made", "seconds", "refused"), CLIPS.values(), ids=CLIPS.keys())
def test_videos_of_real_cameras(
    extension: str,
    made: Callable[[Path], bytes],
    seconds: list[int],
    refused: tuple[Reason, str] | None,
    tmp_path: Path,
) -> None:
    store = memory_store()
    data = made(tmp_path)
    begin_run(store, [put_footage(store, f"alice-porch-{AT}.{extension}", data)])
    counts = validated(store).counts
    assert [picture.taken_at for picture in pictures(store)] == [NOW + timedelta(seconds=each) for each in seconds]
    expected = {"standard": len(seconds)}
    if refused:
        expected[f"quarantined:{refused[0]}"] = 1
    assert counts.outcomes == expected
    kept = quarantine(store)
    assert [(each.entry.reason, each.data == data) for each in kept] == ([(refused[0], True)] if refused else [])
    assert [each.entry.found for each in kept] == ([refused[1]] if refused else [])
