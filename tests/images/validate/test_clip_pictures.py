"""Pictures from videos of real cameras: of the film, as it is to be shown, and nothing that a decoder made up."""

import io
import random
import re
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Refused
from tests.images.validate.clips import (
    clip,
    remuxed,
    tracks,
)
from tests.images.validate.decoding import decoded, near, opened
from tests.images.validate.looks import offsets, smeared
from tests.images.validate.pictures import ASTRONAUT, BLUE, RED, damaged, halves, moving

# A frame that a decoder makes up is no picture


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


@pytest.mark.parametrize("codec", ["mpeg4", "mpeg2video"])
@pytest.mark.parametrize("missing", [1, 2, 3, 7])
def test_a_clip_begins_with_the_first_frame_that_is_shown_though_another_is_decoded_before(
    codec: str, missing: int
) -> None:
    whole = clip("matroska", codec, frames=100, key_every=50, b_frames=True)
    *pictures, refused = decoded(remuxed(whole, "matroska", keep=lambda number: number >= missing))
    with av.open(io.BytesIO(whole), "r") as file:
        times = [packet.pts * packet.time_base for packet in file.demux(video=0) if packet.pts is not None]
    begin = round(min(times[missing:]) * 10)
    assert max(smeared(picture, begin + (picture.offset_ms or 0) // 100) for picture in pictures) < 6
    assert isinstance(refused, Refused)


def test_a_clip_without_a_key_frame() -> None:
    data = remuxed(clip("matroska", "mpeg4", key_every=250), "matroska", keep=lambda number: number >= 10)
    lost = "40 frames that build on one before the clip"
    assert decoded(data) == [Refused(Reason.TRUNCATED, f"expected a key frame first, got {lost}")]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4", "mpeg2video"])
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
