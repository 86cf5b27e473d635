"""Videos of real cameras: their headers and clocks are opinions, and what can be decoded counts."""

import random
import re
from pathlib import Path

import pytest

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Refused
from tests.images.validate.clips import (
    avi_rate,
    beginning_with,
    begun_at,
    clip,
    remuxed,
    reset,
    segments,
    without_brand,
)
from tests.images.validate.decoding import decoded
from tests.images.validate.looks import offsets, smeared

SECONDS = [0, 1000, 2000, 3000, 4000]
DAY = 86_400


# Clocks that do not begin at zero


def test_pieces_of_a_stream(tmp_path: Path) -> None:
    pieces = segments(tmp_path)
    assert [offsets(piece) for piece in pieces] == [([n * 1000 for n in range(10)], [])] * 3


@pytest.mark.parametrize("seconds", [0.04, 3.7, 12_345, 1_795_179_900])
@pytest.mark.parametrize(("container", "codec"), [("matroska", "libx264"), ("mp4", "libx264"), ("mov", "mpeg4")])
def test_a_clock_that_begins_late(container: str, codec: str, seconds: float) -> None:
    assert offsets(begun_at(seconds, container, codec)) == (SECONDS, [])


@pytest.mark.parametrize("b_frames", [False, True])
@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_a_clip_whose_beginning_is_cut_off_by_an_edit_list(container: str, b_frames: bool) -> None:
    data = remuxed(clip("mp4", key_every=50, b_frames=b_frames), container, shift=lambda _: -2.0)
    pictures = decoded(data)
    assert [picture.offset_ms for picture in pictures] == [0, 1000, 2000]
    assert max(smeared(picture, 20 + 10 * number) for number, picture in enumerate(pictures)) < 6


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "avi"])
def test_b_frames(container: str) -> None:
    assert offsets(clip(container, b_frames=True)) == (SECONDS, [])


# Clocks that jump


@pytest.mark.parametrize(
    ("container", "leap"),
    [("mp4", 3600), ("mp4", 26 * 3600), ("mov", 26 * 3600), ("matroska", 2 * 3600), ("matroska", 400 * DAY)],
)
def test_a_clock_that_jumps_ahead(container: str, leap: int) -> None:
    data = remuxed(clip("matroska"), container, shift=lambda number: leap if number >= 25 else 0)
    *pictures, refused = decoded(data)
    assert [picture.offset_ms for picture in pictures] == [0, 1000, 2000]
    assert refused == Refused(
        Reason.CLOCK_JUMP,
        f"expected times that go on evenly, got a clock that jumps by +{leap + 0.1:.1f} s after 2.4 s",
    )


@pytest.mark.parametrize(
    ("jump", "b_frames"),
    [(20, False), (25, False), (48, False), (20, True), (25, True), (40, True)],
)
@pytest.mark.parametrize(
    ("days", "options"),
    [
        pytest.param(40, {}, id="MP4"),
        pytest.param(1.1, {"video_track_timescale": "90000"}, id="a fine timescale"),
        pytest.param(300, {"movflags": "frag_keyframe+empty_moov"}, id="fragments"),
    ],
)
def test_a_jump_that_mp4_has_no_number_for(jump: int, days: float, options: dict[str, str], b_frames: bool) -> None:
    whole = clip("matroska", b_frames=b_frames)
    data = remuxed(whole, "mp4", shift=lambda number: days * DAY if number >= jump else 0.0, options=options)
    found, refused = offsets(data)
    assert found == [1000 * n for n in range(len(found))]
    assert len(found) == -(-jump // 10)
    assert refused == [Reason.CLOCK_JUMP]


@pytest.mark.parametrize("to", [0, 1000])
def test_a_clock_that_jumps_back(to: int) -> None:
    data = reset(clip("matroska", frames=60, key_every=30, options={"cluster_time_limit": "3000"}), to=to)
    assert offsets(data) == ([0, 1000, 2000], [Reason.CLOCK_JUMP])


def test_a_clock_that_does_not_get_on() -> None:
    data = clip("matroska", frames=60, options={"cluster_time_limit": "900"})
    for number in range(1, 6):
        data = reset(data, number)
    assert offsets(data) == ([0], [Reason.CLOCK_JUMP])


@pytest.mark.parametrize(
    ("times", "pictures", "jumps"),
    [
        pytest.param([60 * n for n in range(120)], 120, False, id="a frame a minute"),
        pytest.param([600 * n for n in range(20)], 20, False, id="a frame every ten minutes"),
        pytest.param([3 * 3600 * n for n in range(9)], 9, False, id="a frame every three hours"),
        pytest.param([60 * n for n in range(9)] + [26 * 3600 + 60 * n for n in range(9)], 9, True, id="and a jump"),
        pytest.param([0, 0.1, 0.2, 900, 900.1, 900.2], 2, False, id="a pause of a quarter of an hour"),
        pytest.param([0, 0.1, 0.2, 3599, 3599.1, 7190, 7190.1], 3, False, id="pauses of nearly an hour"),
        pytest.param([0, 0.1, 0.2, 3700, 3700.1], 1, True, id="to summer time"),
        pytest.param([0, 36_000], 1, True, id="two frames, ten hours apart"),
        pytest.param([0, 36_000, 36_000.1], 1, True, id="a jump after the first frame"),
        pytest.param([DAY * n for n in range(40)], 32, True, id="no camera takes longer than a month"),
        pytest.param([0], 1, False, id="a single frame"),
        pytest.param([0, 0.9, 1.8, 1.804], 2, False, id="a frame soon after the one before"),
    ],
)
@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_steps(container: str, times: list[float], pictures: int, jumps: bool) -> None:
    found, refused = offsets(clip(container, frames=len(times), times=times))
    assert len(found) == pictures
    assert found == [round(1000 * time) for time in dict.fromkeys(times) if round(1000 * time) in found]
    assert refused == [Reason.CLOCK_JUMP] * jumps


# Bounds


@pytest.mark.parametrize(
    ("limits", "pictures"),
    [
        ({"max_frames": 3}, 3),
        ({"max_video_seconds": 2.0}, 2),
        ({"max_video_seconds": 0.1}, 1),
        ({"max_video_seconds": 2.0, "frames_per_second": 5.0}, 10),
    ],
)
def test_a_video_with_more_pictures_than_the_limit(limits: dict[str, float], pictures: int) -> None:
    found, refused = offsets(clip("mp4"), **limits)
    assert (len(found), refused) == (pictures, [Reason.VIDEO_TOO_LONG])


def test_a_time_lapse_counts_by_its_pictures() -> None:
    data = clip("mp4", frames=20, times=[600 * n for n in range(20)])
    assert offsets(data, max_video_seconds=20.0) == ([600_000 * n for n in range(20)], [])


# Headers that were never finished


UNFINISHED = [
    ("avi", "mjpeg", {}),
    ("avi", "mpeg4", {}),
    ("avi", "libx264", {}),
    ("matroska", "libx264", {}),
    ("matroska", "libx265", {}),
    ("matroska", "mjpeg", {"live": "1"}),
    ("webm", "libvpx", {"live": "1"}),
    ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
    ("mov", "mjpeg", {"movflags": "frag_keyframe+empty_moov"}),
]


@pytest.mark.parametrize(("container", "codec", "options"), UNFINISHED)
def test_a_header_that_was_never_finished(container: str, codec: str, options: dict[str, str]) -> None:
    data = clip(container, codec, options=options, unseekable=True)
    assert offsets(data) == (SECONDS, [])
    assert offsets(data + b"by a maker of cameras" * 5) == (SECONDS, [])


@pytest.mark.parametrize(("container", "codec", "options"), UNFINISHED)
def test_a_recording_that_broke_off(container: str, codec: str, options: dict[str, str]) -> None:
    data = clip(container, codec, options=options, unseekable=True)
    cut = data[: len(data) * 3 // 4]
    found, refused = offsets(cut)
    assert found[:3] == SECONDS[:3]
    assert refused == [Reason.TRUNCATED]
    [told] = (output.detail for output in decoded(cut) if isinstance(output, Refused))
    claimed = re.match(r"expected (?:a whole video|([0-9.]+) s of video), got an end after [34]\.[0-9] s", told)
    assert claimed, told
    assert claimed[1] is None or float(claimed[1]) <= 5, "expected no length that the header made up"


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
@pytest.mark.parametrize(
    ("scale", "rate", "microseconds"),
    [(0, 0, 100_000), (1, 0, 100_000), (1, 1_000_000, 100_000), (93_600, 1, 100_000), (0xFFFF_FFFF, 1, 100_000)],
)
def test_an_avi_file_whose_rate_is_nonsense(codec: str, scale: int, rate: int, microseconds: int) -> None:
    assert offsets(avi_rate(clip("avi", codec), scale, rate, microseconds)) == (SECONDS, [])


def test_an_avi_file_whose_rates_are_all_nonsense() -> None:
    found, refused = offsets(avi_rate(clip("avi", "mjpeg"), 1, 1_000_000, 1))
    assert (found, refused) == ([0, 1000], []), "expected 25 frames a second"


# Bytes behind the end


TRAILERS = {
    "text": b"Camera 12, firmware 3.4.1, front door. " * 3,
    "short": b"end",
    "zeros": bytes(5000),
    "binary": random.Random(8).randbytes(3000),
    "a still": b"\xff\xd8\xff\xe0" + bytes(60),
    "a box of the maker": b"\x00\x01\x00\x00skyc" + bytes(40),
}


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS.keys())
@pytest.mark.parametrize(
    ("container", "options"),
    [("mp4", {}), ("mp4", {"movflags": "faststart"}), ("mov", {}), ("avi", {}), ("matroska", {}), ("webm", {})],
)
def test_bytes_of_a_maker_behind_the_end(container: str, options: dict[str, str], trailer: bytes) -> None:
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(container, "libx264")
    data = clip(container, codec, options=options)
    assert decoded(data + trailer) == decoded(data)
    assert offsets(data + trailer) == (SECONDS, [])


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}], ids=["index last", "index first"])
@pytest.mark.parametrize("kind", [b"free", b"skip", b"uuid", b"udta"])
def test_a_box_of_a_maker_that_is_cut(kind: bytes, options: dict[str, str]) -> None:
    trailer = b"\x00\x10\x00\x00" + kind + b"Camera 12, firmware"
    assert offsets(clip("mp4", options=options) + trailer) == (SECONDS, [])


def test_an_mp4_file_whose_frames_are_all_there_though_it_was_to_be_longer() -> None:
    data = bytearray(clip("mp4", options={"movflags": "faststart"}))
    at = data.index(b"mdat") - 4
    data[at : at + 4] = (200_000_000).to_bytes(4, "big")
    assert offsets(bytes(data)) == (SECONDS, [])


# QuickTime


@pytest.mark.parametrize("codec", ["mpeg4", "libx264", "mjpeg"])
@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}], ids=["moov last", "moov first"])
def test_quicktime_without_a_brand(codec: str, options: dict[str, str]) -> None:
    assert offsets(without_brand(clip("mov", codec, options=options))) == (SECONDS, [])


@pytest.mark.parametrize("box", [b"wide", b"free", b"skip", b"pnot"])
def test_quicktime_that_begins_with(box: bytes) -> None:
    assert offsets(beginning_with(box, clip("mov", "mpeg4"))) == (SECONDS, [])


# Sizes that a header claims


@pytest.mark.parametrize("side", [0, 16, 255])
@pytest.mark.parametrize(("container", "codec"), [("matroska", "libx264"), ("matroska", "mjpeg"), ("webm", "libvpx")])
def test_a_size_that_is_not_that_of_the_frames(container: str, codec: str, side: int) -> None:
    data = bytearray(clip(container, codec))
    width, height = data.index(b"\xb0\x82\x01\x40"), data.index(b"\xba\x81\xf0")  # 320 and 240
    data[width + 2 : width + 4] = side.to_bytes(2, "big")
    data[height + 2] = side
    assert offsets(bytes(data)) == (SECONDS, [])
