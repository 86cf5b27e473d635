"""Videos of real cameras: their headers and clocks are opinions, and what can be decoded counts."""

import random
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Decoded, Refused
from tests.images.validate.clips import (
    avi_rate,
    beginning_with,
    begun_at,
    clip,
    remuxed,
    reset,
    segments,
    tracks,
    without_brand,
)
from tests.images.validate.decoding import decoded, near, opened
from tests.images.validate.pictures import ASTRONAUT, BLUE, RED, damaged, halves, moving

SECONDS = [0, 1000, 2000, 3000, 4000]
DAY = 86_400


def offsets(data: bytes, **limits: Any) -> tuple[list[int], list[Reason]]:
    """The times of the pictures in a clip, and the reasons of what is refused of it."""
    outputs = decoded(data, **limits)
    pictures = [output.offset_ms for output in outputs if isinstance(output, Decoded)]
    return pictures, [output.reason for output in outputs if isinstance(output, Refused)]


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
    found, refused = offsets(data[: len(data) * 3 // 4])
    assert found[:3] == SECONDS[:3]
    assert refused == [Reason.TRUNCATED]


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


# What a decoder makes up is no picture


def smeared(picture: Decoded | Refused, frame: int, size: tuple[int, int] = (320, 240)) -> float:
    """How far a picture is from that frame of the scene, in levels: below 5 where nothing is made up."""
    true = moving(frame + 1)[frame].resize(size)
    return sum(ImageStat.Stat(ImageChops.difference(opened(picture), true)).mean) / 3


@pytest.mark.parametrize(
    ("container", "codec", "missing"),
    [
        ("mp4", "libx264", 20),
        ("mp4", "libx265", 1),
        ("mov", "mpeg4", 20),
        ("matroska", "libx264", 1),
        ("matroska", "libx264", 45),
        ("matroska", "libx265", 20),
        ("matroska", "mpeg4", 1),
        ("matroska", "mpeg4", 45),
        ("matroska", "libvpx", 20),
        ("matroska", "mpeg2video", 20),
        ("avi", "mpeg4", 20),
    ],
)
def test_a_clip_that_begins_between_key_frames(container: str, codec: str, missing: int) -> None:
    data = remuxed(
        clip("matroska", codec, frames=100, key_every=50),
        container,
        keep=lambda number: number >= missing,
        shift=lambda _: -missing / 10 if container == "avi" else 0.0,  # AVI knows no late beginning
    )
    *pictures, refused = decoded(data)
    first, end = 5000 - 100 * missing, 10_000 - 100 * missing
    assert [picture.offset_ms for picture in pictures] == [first, *(n for n in range(0, end, 1000) if n > first)]
    assert max(smeared(picture, missing + (picture.offset_ms or 0) // 100) for picture in pictures) < 6
    lost = f"{50 - missing} frames that build on one before the clip"
    assert refused == Refused(Reason.TRUNCATED, f"expected a key frame first, got {lost}")


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_clip_with_b_frames_that_begins_between_key_frames(codec: str) -> None:
    data = remuxed(
        clip("matroska", codec, frames=100, key_every=50, b_frames=True), "matroska", keep=lambda number: number >= 20
    )
    *pictures, refused = decoded(data)
    assert [round((picture.offset_ms or 0) / 1000) for picture in pictures[:5]] == [3, 4, 5, 6, 7]
    begin = 50 - (pictures[0].offset_ms or 0) // 100
    assert max(smeared(picture, begin + (picture.offset_ms or 0) // 100) for picture in pictures) < 6
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.TRUNCATED
    assert "key frame" in refused.detail


def test_a_clip_without_a_key_frame() -> None:
    data = remuxed(clip("matroska", "mpeg4", key_every=250), "matroska", keep=lambda number: number >= 10)
    lost = "40 frames that build on one before the clip"
    assert decoded(data) == [Refused(Reason.TRUNCATED, f"expected a key frame first, got {lost}")]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mpeg2video"])
def test_damage_in_the_middle_is_left_out_up_to_the_next_key_frame(codec: str, seed: int) -> None:
    data = bytearray(clip("matroska", codec, frames=60, key_every=10))
    at = random.Random(seed).randrange(len(data) // 4, len(data) // 2)
    data[at : at + 200] = random.Random(seed).randbytes(200)
    *pictures, refused = decoded(bytes(data), frames_per_second=10.0)
    assert 30 <= len(pictures) < 60
    assert max(smeared(picture, (picture.offset_ms or 0) // 100) for picture in pictures) < 6
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.offset_ms) == (Reason.CORRUPT, None)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("b_frames", [False, True])
def test_frames_that_are_missing_in_the_middle(codec: str, b_frames: bool) -> None:
    whole = clip("matroska", codec, frames=60, key_every=20, b_frames=b_frames)
    data = remuxed(whole, "matroska", keep=lambda number: not 25 <= number < 29)
    found, refused = offsets(data)
    assert (found, refused) == ([0, 1000, 2000, 4000, 5000], [Reason.CORRUPT])


def test_damage_that_a_decoder_conceals_is_left_out_and_told(tmp_path: Path) -> None:
    *pictures, refused = decoded(damaged(clip("matroska", "mpeg4", frames=60)), frames_per_second=10.0)
    assert max(smeared(picture, (picture.offset_ms or 0) // 100) for picture in pictures) < 5
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.CORRUPT


def torn(data: bytes, frame: int, how: str) -> bytes:
    """An MJPEG clip whose JPEG number `frame` is torn, though it ends as it should."""
    begins = [at.start() for at in re.finditer(b"\xff\xd8\xff", data)]
    begin = begins[frame]
    end = data.index(b"\xff\xd9", begin)
    match how:
        case "zeros":
            hole = slice(begin + (end - begin) // 2, begin + (end - begin) // 2 + 512)
        case "half":
            hole = slice(begin + (end - begin) // 2, end)
        case _:
            hole = slice(begin + 700, begin + 1400)
    length = hole.stop - hole.start
    filler = random.Random(3).randbytes(length) if how == "noise" else bytes(length)
    return data[: hole.start] + filler + data[hole.stop :]


@pytest.mark.parametrize("how", ["zeros", "half", "noise"])
@pytest.mark.parametrize("container", ["avi", "mov", "matroska"])
def test_a_torn_frame_of_mjpeg(container: str, how: str) -> None:
    data = torn(clip(container, "mjpeg"), 20, how)
    *pictures, refused = decoded(data)
    assert [picture.offset_ms for picture in pictures] == [0, 1000, 2100, 3000, 4000], "expected the frame after it"
    assert max(smeared(picture, (picture.offset_ms or 0) // 100) for picture in pictures) < 5
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.offset_ms) == (Reason.CORRUPT, None)
    assert refused.detail.startswith("expected a whole video, got ")


# Tracks


FILM = ("libx264", (640, 360), moving(30))


@pytest.mark.parametrize(
    "films",
    [
        pytest.param([("mjpeg", (160, 120), [ASTRONAUT]), FILM], id="a small preview first"),
        pytest.param([("mjpeg", (1280, 720), [ASTRONAUT]), FILM], id="a large preview first"),
        pytest.param([FILM, ("mjpeg", (1280, 720), [ASTRONAUT])], id="a large preview last"),
        pytest.param([("libx264", (320, 180), moving(30)), FILM], id="the film for phones first"),
        pytest.param([FILM, ("libx264", (320, 180), moving(30))], id="the film for phones last"),
        pytest.param([("mjpeg", (160, 120), [ASTRONAUT]), ("mjpeg", (900, 700), [ASTRONAUT]), FILM], id="two previews"),
        pytest.param([FILM, ("mpeg4", (640, 360), [image.rotate(90) for image in moving(30)])], id="two lenses"),
    ],
)
@pytest.mark.parametrize("container", ["matroska", "mp4"])
def test_the_film_is_looked_at(container: str, films: list[tuple[str, tuple[int, int], list[Image.Image]]]) -> None:
    pictures = decoded(tracks(container, *films))
    assert [picture.offset_ms for picture in pictures] == [0, 1000, 2000]
    assert {opened(picture).size for picture in pictures} == {(640, 360)}
    assert smeared(pictures[0], 0, (640, 360)) < 6


def test_a_video_of_a_single_frame_beside_another() -> None:
    [picture] = decoded(tracks("matroska", ("mjpeg", (160, 120), [ASTRONAUT]), ("mjpeg", (320, 240), [ASTRONAUT])))
    assert opened(picture).size == (320, 240)


# How a frame is shown

ONE = 1 << 16
# By how a player shows it: a matrix a, b, c, d; where red and blue then are in halves().
TURNS = {
    "as it is": ((1, 0, 0, 1), (0.1, 0.5), (0.9, 0.5)),
    "flipped": ((-1, 0, 0, 1), (0.9, 0.5), (0.1, 0.5)),
    "upside down": ((-1, 0, 0, -1), (0.9, 0.5), (0.1, 0.5)),
    "mirrored in water": ((1, 0, 0, -1), (0.1, 0.5), (0.9, 0.5)),
    "transposed": ((0, 1, 1, 0), (0.5, 0.1), (0.5, 0.9)),
    "turned clockwise": ((0, 1, -1, 0), (0.5, 0.1), (0.5, 0.9)),
    "transverse": ((0, -1, -1, 0), (0.5, 0.9), (0.5, 0.1)),
    "turned anticlockwise": ((0, -1, 1, 0), (0.5, 0.9), (0.5, 0.1)),
}


@pytest.mark.parametrize(("turn", "red", "blue"), TURNS.values(), ids=TURNS.keys())
@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_turned_and_mirrored(
    container: str, turn: tuple[int, int, int, int], red: tuple[float, float], blue: tuple[float, float]
) -> None:
    """In two films: one is red on its left, the other on top."""
    a, b, c, d = (ONE * each for each in turn)
    matrix = [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    [picture] = decoded(clip(container, images=[halves()] * 5, matrix=matrix))
    image = opened(picture)
    assert image.size == ((240, 320) if turn[0] == 0 else (320, 240))
    assert near(image, red, RED)
    assert near(image, blue, BLUE)
    top = halves((240, 320)).rotate(-90, expand=True)  # red on top
    [picture] = decoded(clip(container, images=[top] * 5, matrix=matrix))
    image = opened(picture)
    down, across = turn[3] or turn[2], turn[0] or turn[1]
    at = {True: ((0.5, 0.1), (0.5, 0.9)), False: ((0.1, 0.5), (0.9, 0.5))}[turn[0] != 0]
    reverse = down < 0
    assert across
    assert near(image, at[reverse], RED)
    assert near(image, at[not reverse], BLUE)


@pytest.mark.parametrize(
    ("size", "pixel", "shown"),
    [
        ((352, 288), None, (352, 288)),
        ((352, 288), Fraction(1), (352, 288)),
        ((352, 288), Fraction(16, 11), (512, 288)),
        ((352, 288), Fraction(12, 11), (384, 288)),
        ((720, 576), Fraction(16, 15), (768, 576)),
        ((720, 480), Fraction(8, 9), (720, 540)),
        ((960, 1080), Fraction(2), (1280, 720)),
        ((320, 240), Fraction(200), (320, 240)),
    ],
)
@pytest.mark.parametrize(("container", "codec"), [("mp4", "libx264"), ("matroska", "mpeg4"), ("mov", "mpeg4")])
def test_pixels_that_are_not_square(
    container: str, codec: str, size: tuple[int, int], pixel: Fraction | None, shown: tuple[int, int]
) -> None:
    [picture] = decoded(clip(container, codec, frames=3, size=size, pixel=pixel))
    assert opened(picture).size == shown
