"""Decoding of videos: frames at the set rate, and their refusals."""

import io
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Decoded, Refused
from nightjar_validate.trust import DAMAGED
from tests.images.validate.decoding import decoded, near, opened
from tests.images.validate.pictures import (
    BLUE,
    GREY,
    RED,
    damaged,
    halves,
    lost_end,
    moving,
    sound,
    turned,
    video,
)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("v.mp4", "libx264"), ("v.mp4", "mpeg4"), ("v.mkv", "libx264"), ("v.avi", "mpeg4"), ("v.avi", "mjpeg")],
)
def test_videos_give_frames_at_the_set_rate(name: str, codec: str, tmp_path: Path) -> None:
    data = video(tmp_path / name, moving(35), codec=codec)
    frames = decoded(data)
    assert [frame.offset_ms for frame in frames] == [0, 1000, 2000, 3000]
    assert {opened(frame).size for frame in frames} == {(320, 240)}
    assert len({frame.data for frame in frames}) == 4
    assert decoded(data) == frames, "expected the same bytes each time"
    assert len(decoded(data, frames_per_second=5.0)) == 18


def test_frames_at_uneven_times(tmp_path: Path) -> None:
    times = [0.0, 0.4, 1.25, 1.3, 4.0, 4.9, 5.0]
    data = video(tmp_path / "v.mkv", moving(7), times=times)
    assert [frame.offset_ms for frame in decoded(data)] == [0, 1250, 4000, 5000]


def test_frames_go_through_the_same_checks(tmp_path: Path) -> None:
    scene, black, grey = moving(1)[0], Image.new("RGB", (320, 240)), GREY.convert("RGB")
    data = video(tmp_path / "v.mp4", [scene, black, grey, scene], rate=1)
    found = [(f.reason if isinstance(f, Refused) else "good", f.offset_ms) for f in decoded(data)]
    assert found == [("good", 0), (Reason.VOID, 1000), (Reason.GREY, 2000), ("good", 3000)]
    refused = decoded(data)[1]
    assert Image.open(io.BytesIO(refused.data)).size == (320, 240)


def test_a_video_is_turned_upright(tmp_path: Path) -> None:
    data = turned(video(tmp_path / "v.mp4", [halves()] * 3))
    [picture] = decoded(data)
    image = opened(picture)
    assert image.size == (240, 320)
    assert near(image, (0.5, 0.1), RED)
    assert near(image, (0.5, 0.9), BLUE)


def test_a_large_video_is_made_smaller(tmp_path: Path) -> None:
    data = video(tmp_path / "v.mp4", moving(2), size=(1920, 1080))
    assert opened(decoded(data)[0]).size == (1280, 720)


def test_a_video_without_video(tmp_path: Path) -> None:
    [refused] = decoded(sound(tmp_path / "v.mp4"))
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.NO_VIDEO


def test_a_video_with_more_frames_than_the_limit_keeps_the_first(tmp_path: Path) -> None:
    data = video(tmp_path / "v.mp4", moving(35))
    *frames, refused = decoded(data, max_frames=2)
    assert [frame.offset_ms for frame in frames] == [0, 1000]
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.offset_ms) == (Reason.VIDEO_TOO_LONG, None)


CONTAINERS = ["v.mp4", "v.mkv", "v.avi"]


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_video_of_a_frame_every_four_seconds(name: str, codec: str, tmp_path: Path) -> None:
    data = video(tmp_path / name, moving(4), codec=codec, rate=Fraction(1, 4))
    assert [frame.offset_ms for frame in decoded(data)] == [0, 4000, 8000, 12_000]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_sound_track_longer_than_the_picture(name: str, tmp_path: Path) -> None:
    data = video(tmp_path / name, moving(20), codec="mpeg4", sound=6)
    assert [frame.offset_ms for frame in decoded(data)] == [0, 1000]


@pytest.mark.parametrize("sound", [0, 6])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_video_that_is_shorter_than_it_says(name: str, sound: int, tmp_path: Path) -> None:
    options = {"movflags": "faststart"} if name == "v.mp4" else {}
    data = video(tmp_path / name, moving(60), codec="mjpeg", options=options, sound=sound)
    *frames, refused = decoded(lost_end(data, len(data) // 2))
    assert 1 <= len(frames) <= 4
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.TRUNCATED
    assert refused.detail.startswith("expected 6.")


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_a_video_cut_short_keeps_its_frames(name: str, tmp_path: Path) -> None:
    options = {"movflags": "faststart"} if name == "v.mp4" else {}
    data = video(tmp_path / name, moving(60), options=options)
    *frames, refused = decoded(data[: len(data) // 2])
    assert 2 <= len(frames) <= 4
    assert all(isinstance(frame, Decoded) for frame in frames)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.offset_ms) == (Reason.TRUNCATED, None)


@pytest.mark.parametrize(
    ("cut", "reason"), [(0.5, Reason.TRUNCATED), (0.999, Reason.TRUNCATED)], ids=["in the middle", "at the very end"]
)
def test_an_mp4_cut_before_its_index_has_no_frames(cut: float, reason: Reason, tmp_path: Path) -> None:
    data = video(tmp_path / "v.mp4", moving(30))
    [refused] = decoded(data[: int(len(data) * cut)])
    assert isinstance(refused, Refused)
    assert refused.reason is reason


@pytest.mark.parametrize("options", ["faststart", "frag_keyframe+empty_moov"])
@pytest.mark.parametrize("kept", [40, 100, 440, 700])
def test_an_mp4_cut_within_its_index_is_truncated(options: str, kept: int, tmp_path: Path) -> None:
    data = video(tmp_path / "v.mp4", moving(3), options={"movflags": options})
    [refused] = decoded(data[:kept])
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.TRUNCATED


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        pytest.param(
            b"\x00\x00\x00\x10ftypisom" + bytes(4) + b"\x00\x00\x00\x10moov" + b"nonsense",
            Reason.NO_VIDEO,
            "expected video, got no video (0 tracks of other kinds)",
            id="MP4",
        ),
        pytest.param(
            b"\x1a\x45\xdf\xa3\x84" + b"nonsense" * 100,
            Reason.CORRUPT,
            "expected a readable matroska file, got one that cannot be read (Invalid data found when processing input)",
            id="MKV",
        ),
        pytest.param(
            b"RIFF\x20\0\0\0AVI " + b"nonsense" * 6,
            Reason.NO_VIDEO,
            "expected video, got no video (0 tracks of other kinds)",
            id="AVI",
        ),
    ],
)
def test_a_video_of_nonsense(data: bytes, reason: Reason, detail: str) -> None:
    assert decoded(data) == [Refused(reason, detail)]


@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "mpeg4"), ("v.mp4", "libx264"), ("v.mkv", "libx264")])
def test_damage_in_the_middle_of_a_video_is_told_and_keeps_the_rest(name: str, codec: str, tmp_path: Path) -> None:
    *frames, refused = decoded(damaged(video(tmp_path / name, moving(60), codec=codec, is_quick=False)))
    assert len(frames) >= 3
    assert all(isinstance(frame, Decoded) for frame in frames)
    # Which of these depends on where the frames are that have to be decoded.
    details = [f"expected a whole video, got {came}" for came in ("Invalid data found when processing input", DAMAGED)]
    assert refused in [Refused(Reason.CORRUPT, detail) for detail in details]


@pytest.mark.parametrize("size", [(32, 240), pytest.param((8000, 8000), marks=pytest.mark.slow)])
def test_frames_of_the_wrong_size(size: tuple[int, int], tmp_path: Path) -> None:
    data = video(tmp_path / "v.avi", [Image.new("RGB", (16, 16))], codec="mpeg4", size=size)
    [refused] = decoded(data)
    assert isinstance(refused, Refused)
    assert refused.reason is (Reason.TOO_SMALL if size[0] == 32 else Reason.TOO_MANY_PIXELS)
