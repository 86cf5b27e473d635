"""Strict decoding of JPEG: whatever pixels it lacks is damage, and whatever else is wrong with it is none."""

import io
import struct

import pytest
from PIL import Image, ImageChops

from nightjar_validate.jpeg import DamagedJpegError, damage, decode
from nightjar_validate.jpeg_structure import JpegStructure, Scan, structure_of
from tests.images.validate.pictures import ASTRONAUT, GREY, still

SCENE = ASTRONAUT.resize((640, 480))
KINDS = {
    "baseline": still(SCENE),
    "progressive": still(SCENE, progressive=True),
    "optimised": still(SCENE, optimize=True),
    "with restarts": still(SCENE, restart_marker_rows=1),
    "full colour": still(SCENE, subsampling=0, quality=92),
    "progressive, full colour": still(SCENE, subsampling=0, quality=92, progressive=True),
    "grey": still(GREY),
    "CMYK": still(SCENE.convert("CMYK")),
}
JPEG = KINDS["baseline"]
END = b"\xff\xd9"


def middle(data: bytes, lost: int, fill: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + fill + data[at + lost :]


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def first_scan(data: bytes) -> int:
    return data.index(b"\xff\xda")


def behind_start(data: bytes, more: bytes) -> bytes:
    return data[:2] + more + data[2:]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("lost", "fill"),
    [
        (4096, bytes(4096)),
        (512, bytes(512)),
        (64, bytes(64)),
        (4096, b""),
        (512, b""),
        (0, bytes(512)),
        (0, b"\xff\xd9"),
    ],
)
def test_a_hole_in_the_middle_is_damage(kind: str, lost: int, fill: bytes) -> None:
    assert damage(middle(KINDS[kind], lost, fill))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", [b"", END, bytes(5000), bytes(5000) + END, b"\xff" * 5000])
@pytest.mark.parametrize("part", [0.03, 0.3, 0.5, 0.9])
def test_a_part_is_damage(kind: str, end: bytes, part: float) -> None:
    data = KINDS[kind]
    assert damage(data[: round(len(data) * part)] + end)


def test_a_progressive_picture_that_ends_between_two_scans_is_damage() -> None:
    data = KINDS["progressive"]
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) == 10
    for at in scans[1:]:
        assert damage(data[:at] + END) == "the coarse part of it alone"


def test_restarts_that_are_missing_are_damage() -> None:
    data = KINDS["with restarts"]
    at = data.index(b"\xff\xd3", first_scan(data))
    assert damage(data[:at] + data[at + 2 :])
    rows = data.index(b"\xff\xd4", at)
    assert damage(data[:at] + data[rows:])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no picture in it"),
        (b"\xff\xd8\xff", "no picture in it"),
        (b"\xff\xd8\xff\xd9", "no picture in it"),
        (b"\xff\xd8" + JPEG[first_scan(JPEG) :], "no picture in it"),
        (JPEG[: first_scan(JPEG) + 6], "no picture in it"),
        (JPEG.replace(segment(0xDB, b"\0")[:2], b"\xff\xef"), "damaged data (Quantization table 0x00 was not defined)"),
        (b"\xff" * 100_000, "no picture in it"),
        (b"\xff\x00" * 50_000, "no picture in it"),
        (b"\xff\xd8" + segment(0xC0, struct.pack(">BHHB", 8, 0, 640, 0)) + JPEG[-5000:], "a head without a size"),
        (behind_start(JPEG, segment(0xC0, b"\x08\0\0")), "a head that is too short"),
        (behind_start(JPEG, JPEG[JPEG.index(b"\xff\xc0") :][:19]), "two pictures in one"),
        (behind_start(JPEG, segment(0xDB, bytes(65))), "a table of divisors with a zero"),
        (JPEG.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), "12 bits a colour (only 8 can be decoded)"),
    ],
)
def test_damage_in_the_head(data: bytes, said: str) -> None:
    assert damage(data) == said


def mpo() -> bytes:
    file = io.BytesIO()
    SCENE.save(file, "MPO", save_all=True, append_images=[SCENE.rotate(3)])
    return file.getvalue()


def without_tables(data: bytes) -> bytes:
    """As in MJPEG, whose Huffman tables go without saying."""
    while (at := data.find(b"\xff\xc4")) >= 0:
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    return data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(JPEG[:-2], id="no end"),
        pytest.param(JPEG[:-1], id="half an end"),
        pytest.param(JPEG[:-2] + bytes(5000), id="zeros in place of its end"),
        pytest.param(JPEG + END, id="two ends"),
        pytest.param(JPEG + bytes(5000), id="zeros behind it"),
        pytest.param(JPEG + b"a maker's words" * 500 + END, id="words behind it"),
        pytest.param(JPEG + JPEG[:3000], id="another one behind it, torn"),
        pytest.param(JPEG[:-2] + bytes(3) + END, id="padded before its end"),
        pytest.param(b"\xff\xd8" + JPEG, id="two starts"),
        pytest.param(behind_start(JPEG, b"\xff" * 10), id="fill bytes"),
        pytest.param(behind_start(JPEG, bytes(600) + b"lost \xff\x00\xff\xd0 words"), id="bytes between segments"),
        pytest.param(behind_start(JPEG, segment(0xE1, b"Exif\0\0" + JPEG)), id="with a preview"),
        pytest.param(behind_start(JPEG, segment(0xE1, b"Exif\0\0" + JPEG[:9000])), id="with half a preview"),
        pytest.param(behind_start(JPEG, segment(0xE2, b"ICC_PROFILE\0\x07\x02profile")), id="half a colour profile"),
        pytest.param(behind_start(JPEG, segment(0xFE, b"")), id="an empty comment"),
        pytest.param(JPEG.replace(b"JFIF\0\x01\x01", b"JFIF\0\x07\x07"), id="a later JFIF"),
        pytest.param(JPEG.replace(b"\x03\x11\x00\x3f\x00", b"\x03\x11\x00\x00\x00"), id="a scan of no coefficients"),
        pytest.param(without_tables(JPEG), id="without Huffman tables"),
    ],
)
def test_no_pixel_is_missing(data: bytes) -> None:
    assert damage(data) == ""
    assert decode(structure_of(data), (640, 480)).tobytes() == decode(structure_of(JPEG), (640, 480)).tobytes()


def test_the_first_picture_of_several() -> None:
    assert damage(mpo()) == ""
    assert decode(structure_of(mpo()), (640, 480)).size == (640, 480)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [1, 2])
def test_a_missing_end_is_no_damage(kind: str, cut: int) -> None:
    assert damage(KINDS[kind][:-cut]) == ""


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (1920, 1080)),
        Image.new("RGB", (1920, 1080), "orange"),
        Image.linear_gradient("L").resize((1920, 1080)),
        Image.effect_noise((640, 480), 2).point(lambda level: level // 40),
    ],
)
@pytest.mark.parametrize(
    "options", [{}, {"optimize": True}, {"progressive": True}, {"progressive": True, "quality": 5}]
)
def test_plain_pictures_are_not_taken_for_lost_data(image: Image.Image, options: dict[str, object]) -> None:
    assert damage(still(image, "JPEG", **options)) == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(640, 480), (321, 240), (320, 240), (160, 120), (100, 100), (80, 60), (1, 1)])
def test_pixels_are_those_that_pillow_gives(kind: str, size: tuple[int, int]) -> None:
    data = KINDS[kind]
    with Image.open(io.BytesIO(data)) as expected:
        expected.draft(None, size)
        expected.load()
    mode = "CMYK" if kind == "CMYK" else "RGB"
    assert ImageChops.difference(decode(structure_of(data), size), expected.convert(mode)).getbbox() is None


def test_sampling_that_simplejpeg_does_not_know() -> None:
    data = bytearray(KINDS["full colour"])
    at = data.index(b"\xff\xc0") + 11
    data[at] = 0x31  # colour at a third of the width
    structure = structure_of(bytes(data))
    with Image.open(io.BytesIO(data)) as expected:
        assert decode(structure, (640, 480)).tobytes() == expected.convert("RGB").tobytes()
    assert decode(structure, (160, 120)).size == (160, 120)


def test_decoding_what_is_damaged_raises() -> None:
    with pytest.raises(DamagedJpegError, match="less data than the picture needs"):
        decode(structure_of(JPEG[:9000] + END), (640, 480))


@pytest.mark.parametrize(
    ("frame", "scans", "missing"),
    [
        (0xC0, [Scan({1: (0, 0), 2: (1, 1), 3: (1, 1)}, 0, 63, False, 0)], ""),
        (0xC0, [Scan({1: (0, 0)}, 0, 63, False, 0), Scan({2: (1, 1), 3: (1, 1)}, 0, 63, False, 0)], ""),
        (0xC0, [Scan({1: (0, 0)}, 0, 63, False, 0), Scan({2: (1, 1)}, 0, 63, False, 0)], "no data for some"),
        (0xC2, [Scan({1: (0, 0), 2: (0, 0), 3: (0, 0)}, 0, 63, False, 0)], ""),
        (0xC2, [Scan({1: (0, 0), 2: (0, 0), 3: (0, 0)}, 0, 0, False, 0)], "the coarse part"),
        (0xC2, [Scan({1: (0, 0), 2: (0, 0), 3: (0, 0)}, 0, 63, False, 1)], "the coarse part"),
        (0xC2, [], "the coarse part"),
        (0xC3, [], ""),  # lossless: a decoder's word has to do
    ],
)
def test_scans_that_are_missing(frame: int, scans: list[Scan], missing: str) -> None:
    said = JpegStructure(frame=frame, components=(1, 2, 3), scans=scans).missing()
    assert said.startswith(missing) and bool(said) is bool(missing)


@pytest.mark.parametrize(
    ("data", "ended"),
    [(JPEG, True), (JPEG + b"more" * 900, True), (JPEG[:-2], False), (JPEG[:9000], False), (JPEG[:9000] + END, True)],
)
def test_whether_it_has_an_end(data: bytes, ended: bool) -> None:
    assert structure_of(data).ended is ended
