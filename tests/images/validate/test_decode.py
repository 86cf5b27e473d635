"""Decoding of real bytes: the table of good and bad pictures and videos."""

import io
import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFilter

from nightjar.domain.reasons import Reason
from nightjar.settings.validate import ValidateSettings
from nightjar_validate.deciding import limits_of
from nightjar_validate.decode import decode
from nightjar_validate.decoded import Decoded, Job, Refused
from nightjar_validate.formats import HEAD, sniff
from tests.images.validate.pictures import (
    ASTRONAUT,
    BLUE,
    GREY,
    RED,
    bomb,
    chunk,
    damaged,
    halves,
    lost_end,
    moving,
    sound,
    still,
    turned,
    video,
)

LIMITS = limits_of(ValidateSettings())


def decoded(data: bytes, *, allow_grey: bool = False, **limits: Any) -> list[Decoded | Refused]:
    """All that decoding yields for a file with these bytes."""
    kind = sniff(data[:HEAD])
    assert kind is not None, "expected bytes of a known format"
    return list(decode(Job(kind, allow_grey, replace(LIMITS, **limits), 10, 30.0), io.BytesIO(data)))


def opened(picture: Decoded | Refused) -> Image.Image:
    assert isinstance(picture, Decoded), picture
    image = Image.open(io.BytesIO(picture.data))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (picture.width, picture.height))
    return image


def near(image: Image.Image, at: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    pixel = image.getpixel((int(at[0] * image.width), int(at[1] * image.height)))
    assert isinstance(pixel, tuple)
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 40


def noisy_grey() -> Image.Image:
    """A grey scene whose chroma is a few levels off here and there, as JPEG leaves it."""
    luma = GREY.resize((640, 480))
    noise = Image.effect_noise((640, 480), 3)
    return Image.merge("YCbCr", (luma, noise, noise.transpose(Image.Transpose.ROTATE_180))).convert("RGB")


def sixteen_bits() -> Image.Image:
    return GREY.convert("I").point(lambda level: level * 257).convert("I;16")


def with_alpha() -> Image.Image:
    image = ASTRONAUT.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def hole(data: bytes, size: int) -> bytes:
    """`data` with zeros in its middle."""
    at = len(data) // 2
    return data[:at] + bytes(size) + data[at + size :]


def claiming(data: bytes, width: int, height: int) -> bytes:
    """A JPEG that claims to be so large."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(still(ASTRONAUT), id="JPEG"),
        pytest.param(still(ASTRONAUT, progressive=True), id="progressive JPEG"),
        pytest.param(still(ASTRONAUT, keep_rgb=True), id="JPEG that stores RGB"),
        pytest.param(still(ASTRONAUT.convert("CMYK")), id="CMYK JPEG"),
        pytest.param(still(ASTRONAUT) + bytes(100), id="JPEG, padded"),
        pytest.param(still(ASTRONAUT, "PNG"), id="PNG"),
        pytest.param(still(ASTRONAUT.quantize(64), "PNG"), id="PNG with a palette"),
        pytest.param(still(with_alpha(), "PNG"), id="PNG with alpha"),
        pytest.param(still(with_alpha().quantize(64), "PNG"), id="PNG with palette and alpha"),
        pytest.param(still(ASTRONAUT, "PNG", save_all=True, append_images=[GREY.convert("RGB")]), id="animated PNG"),
        pytest.param(still(ASTRONAUT, "WEBP"), id="WebP"),
        pytest.param(still(ASTRONAUT, "WEBP", lossless=True), id="lossless WebP"),
        pytest.param(still(with_alpha(), "WEBP"), id="WebP with alpha"),
        pytest.param(still(ASTRONAUT, "WEBP", save_all=True, append_images=[ASTRONAUT.rotate(5)]), id="animated WebP"),
        *(
            pytest.param(still(Image.fromarray(getattr(skimage.data, name)())), id=f"real: {name}")
            for name in ("chelsea", "coffee", "rocket", "retina")
        ),
    ],
)
def test_good_stills(data: bytes) -> None:
    [picture] = decoded(data)
    assert opened(picture).size[0] >= 300
    assert decoded(data) == [picture], "expected the same bytes each time"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(still(ASTRONAUT)[:20_000], Reason.TRUNCATED, id="JPEG cut in the picture"),
        pytest.param(still(ASTRONAUT)[:100], Reason.TRUNCATED, id="JPEG cut in the head"),
        pytest.param(still(ASTRONAUT)[:4], Reason.TRUNCATED, id="JPEG of four bytes"),
        pytest.param(still(ASTRONAUT)[:20_000] + bytes(20_000), Reason.TRUNCATED, id="JPEG filled up with zeros"),
        pytest.param(still(ASTRONAUT)[:20_000] + b"\xff\xd9", Reason.CORRUPT, id="JPEG torn, with an end"),
        pytest.param(hole(still(ASTRONAUT), 4096), Reason.CORRUPT, id="JPEG with a large hole"),
        pytest.param(hole(still(ASTRONAUT, progressive=True), 512), Reason.CORRUPT, id="progressive JPEG with a hole"),
        pytest.param(still(ASTRONAUT, "PNG")[:50_000], Reason.TRUNCATED, id="PNG cut"),
        pytest.param(still(ASTRONAUT, "WEBP")[:5_000], Reason.TRUNCATED, id="WebP cut"),
        pytest.param(
            b"\xff\xd8\xff" + b"nonsense" * 50 + b"\xff\xd9", Reason.CORRUPT, id="nonsense in a JPEG's clothes"
        ),
        pytest.param(
            still(ASTRONAUT, "PNG")[:90_000] + b"damage" + still(ASTRONAUT, "PNG")[90_006:],
            Reason.CORRUPT,
            id="PNG damaged",
        ),
        pytest.param(
            b"RIFF\x20\x00\x00\x00WEBPVP8 " + b"nonsense" * 6, Reason.CORRUPT, id="nonsense in a WebP's clothes"
        ),
        pytest.param(still(ASTRONAUT.resize((63, 200))), Reason.TOO_SMALL, id="a side of 63 pixels"),
        pytest.param(still(ASTRONAUT.resize((1, 1))), Reason.TOO_SMALL, id="one pixel"),
        pytest.param(bomb(10_000, 10_000), Reason.TOO_MANY_PIXELS, id="PNG of 100 megapixels"),
        pytest.param(claiming(still(ASTRONAUT), 20_000, 20_000), Reason.TOO_MANY_PIXELS, id="JPEG of 400 megapixels"),
        pytest.param(still(GREY), Reason.GREY, id="grey JPEG"),
        pytest.param(still(GREY.convert("RGB"), quality=60), Reason.GREY, id="grey in a colour JPEG"),
        pytest.param(still(noisy_grey(), quality=60), Reason.GREY, id="grey with chroma noise"),
        pytest.param(still(GREY, "PNG"), Reason.GREY, id="grey PNG"),
        pytest.param(still(GREY.convert("1"), "PNG"), Reason.GREY, id="black and white PNG"),
        pytest.param(still(sixteen_bits(), "PNG"), Reason.GREY, id="16-bit PNG"),
        pytest.param(still(Image.new("RGB", (640, 480))), Reason.VOID, id="black"),
        pytest.param(still(Image.new("RGB", (640, 480), "white")), Reason.VOID, id="white"),
        pytest.param(still(Image.new("RGB", (640, 480), "orange")), Reason.VOID, id="one colour"),
        pytest.param(still(Image.new("RGBA", (640, 480), (255, 0, 0, 0)), "PNG"), Reason.VOID, id="all transparent"),
        pytest.param(
            still(Image.effect_noise((640, 480), 6).point(lambda n: max(0, n - 118)).convert("RGB")),
            Reason.VOID,
            id="black with sensor noise",
        ),
        pytest.param(
            still(Image.blend(ASTRONAUT, Image.new("RGB", (512, 512), "#bbb"), 0.93)), Reason.LOW_CONTRAST, id="fog"
        ),
    ],
)
def test_refused_stills(data: bytes, reason: Reason) -> None:
    [refused] = decoded(data)
    assert isinstance(refused, Refused), "expected a refusal"
    assert (refused.reason, refused.offset_ms, refused.data) == (reason, None, b"")
    assert refused.detail.startswith("expected ")
    assert ", got " in refused.detail


def test_a_jpeg_of_108_megapixels() -> None:
    large = still(ASTRONAUT.resize((12_000, 9_000)), quality=60)
    [picture] = decoded(large)
    assert isinstance(picture, Decoded)
    assert (picture.width, picture.height) == (1280, 960)
    [refused] = decoded(large[: len(large) // 2])
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.TRUNCATED


PNG = still(ASTRONAUT.resize((160, 120)), "PNG")
IDAT = PNG.index(b"IDAT")  # the only one
IDAT_END = len(PNG) - 12  # behind its checksum; the end chunk has 12 bytes


def noted(note: bytes) -> bytes:
    """PNG with a note before its pixels."""
    return PNG[: IDAT - 4] + note + PNG[IDAT - 4 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        *((PNG[:at] + bytes([PNG[at] ^ 16]) + PNG[at + 1 :], Reason.CORRUPT) for at in range(IDAT + 4, IDAT_END, 1499)),
        *((PNG[:at], Reason.TRUNCATED) for at in range(IDAT + 4, IDAT_END - 4, 1499)),
        pytest.param(PNG[: IDAT_END - 4] + b"\0\0\0\0" + PNG[IDAT_END:], Reason.CORRUPT, id="wrong checksum"),
        pytest.param(
            PNG[:9_000] + PNG[9_012:], Reason.CORRUPT, id="12 bytes missing: the end chunk stands in for them"
        ),
        pytest.param(PNG[:9_000] + b"twelve bytes" + PNG[9_000:], Reason.CORRUPT, id="12 bytes too many"),
        pytest.param(PNG[:9_000] + bytes(100) + PNG[9_100:], Reason.CORRUPT, id="a hole"),
        pytest.param(PNG[:9_000] + b"#" + PNG[9_001:-30], Reason.TRUNCATED, id="damaged, and cut"),
        pytest.param(PNG[: IDAT + 3] + b"#" + PNG[IDAT + 4 :], Reason.CORRUPT, id="name of its data"),
        pytest.param(PNG[: IDAT_END - 2], None, id="cut in the checksum: the picture is whole"),
        *(pytest.param(PNG[:-cut], None, id=f"cut by {cut}: the picture is whole") for cut in (1, 4, 7, 9, 12)),
        pytest.param(PNG + b"appended", None, id="more behind its end"),
        pytest.param(PNG[:-4] + b"####", None, id="wrong checksum of its end"),
        pytest.param(noted(chunk(b"tEXt", b"Title\0porch")), None, id="a text"),
        pytest.param(noted(chunk(b"tEXt", b"Title\0porch")[:-1] + b"#"), None, id="wrong checksum of a text"),
        pytest.param(noted(chunk(b"iCCP", b"")[:-1] + b"#"), None, id="wrong checksum of a colour profile"),
        pytest.param(noted(chunk(b"pHYs", b"\0")), None, id="a note that is too short"),
        pytest.param(noted(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9 << 20)))), None, id="a bomb in a note"),
        pytest.param(
            PNG[:IDAT_END] + chunk(b"tEXt", b"Title\0porch")[:-1] + b"#" + PNG[IDAT_END:],
            None,
            id="wrong checksum of a text behind the pixels",
        ),
        pytest.param(PNG[:IDAT_END] + chunk(b"tEXt", b"Title\0porch")[:-9], None, id="cut in a text behind the pixels"),
        pytest.param(PNG[:29] + b"####" + PNG[33:], Reason.CORRUPT, id="wrong checksum of its head"),
    ],
)
def test_pngs_with_damage(data: bytes, reason: Reason | None) -> None:
    [output] = decoded(data)
    assert (output.reason if isinstance(output, Refused) else None) is reason
    if reason is None:
        assert output == decoded(PNG)[0]


@pytest.mark.parametrize("data", [still(GREY), still(sixteen_bits(), "PNG"), still(GREY.convert("LA"), "PNG")])
def test_grey_is_allowed_where_the_camera_may(data: bytes) -> None:
    [picture] = decoded(data, allow_grey=True)
    image = opened(picture).convert("L").resize((64, 64))
    expected = GREY.resize((64, 64))
    differences = [abs(a - b) for a, b in zip(image.tobytes(), expected.tobytes(), strict=True)]
    assert sum(differences) / len(differences) < 4


def test_a_damaged_note_takes_no_other_with_it() -> None:
    """Its orientation is in `eXIf`."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = still(halves(), "PNG", exif=exif)
    at = data.index(b"IDAT") - 4
    [picture] = decoded(data[:at] + chunk(b"tEXt", b"Title\0porch")[:-1] + b"#" + data[at:])
    assert opened(picture).size == (240, 320)


def test_a_lamp_at_night_is_something_to_see() -> None:
    night = Image.new("RGB", (640, 480), (4, 4, 6))
    ImageDraw.Draw(night).ellipse((300, 200, 380, 280), fill=(240, 180, 90))
    [picture] = decoded(still(night.filter(ImageFilter.GaussianBlur(3))))
    assert isinstance(picture, Decoded)


@pytest.mark.parametrize(
    ("size", "standard"),
    [
        ((64, 64), (64, 64)),
        ((1280, 720), (1280, 720)),
        ((1281, 720), (1280, 719)),
        ((1920, 1080), (1280, 720)),
        ((3840, 2160), (1280, 720)),
        ((720, 1920), (480, 1280)),
        ((6000, 65), (1280, 14)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_size(size: tuple[int, int], standard: tuple[int, int], kind: str) -> None:
    [picture] = decoded(still(ASTRONAUT.resize(size), kind))
    assert opened(picture).size == standard


@pytest.mark.parametrize(
    ("orientation", "red", "blue"),
    [
        (1, (0.1, 0.5), (0.9, 0.5)),
        (2, (0.9, 0.5), (0.1, 0.5)),
        (3, (0.9, 0.5), (0.1, 0.5)),
        (4, (0.1, 0.5), (0.9, 0.5)),
        (5, (0.5, 0.1), (0.5, 0.9)),
        (6, (0.5, 0.1), (0.5, 0.9)),
        (7, (0.5, 0.9), (0.5, 0.1)),
        (8, (0.5, 0.9), (0.5, 0.1)),
        (9, (0.1, 0.5), (0.9, 0.5)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_upright(orientation: int, red: tuple[float, float], blue: tuple[float, float], kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    [picture] = decoded(still(halves(), kind, exif=exif))
    image = opened(picture)
    assert near(image, red, RED)
    assert near(image, blue, BLUE)
    assert image.size == ((240, 320) if 5 <= orientation <= 8 else (320, 240))


def test_no_metadata_survives() -> None:
    exif = Image.Exif()
    exif[0x010E] = "at my home address"
    data = still(ASTRONAUT, exif=exif, comment=b"private", dpi=(300, 300), icc_profile=b"profile" * 20)
    [picture] = decoded(data)
    assert isinstance(picture, Decoded)
    assert not any(word in picture.data for word in (b"address", b"private", b"profile", b"Exif"))
    assert opened(picture).info.keys() == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # decoders run with warnings off
def test_damaged_exif_does_not_refuse_the_picture() -> None:
    [picture] = decoded(still(ASTRONAUT, exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    assert isinstance(picture, Decoded)


# Videos


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
    *frames, refused = decoded(damaged(video(tmp_path / name, moving(60), codec=codec)))
    assert len(frames) >= 3
    assert all(isinstance(frame, Decoded) for frame in frames)
    detail = "expected a whole video, got Invalid data found when processing input"
    assert refused == Refused(Reason.CORRUPT, detail)


@pytest.mark.parametrize("size", [(32, 240), (8000, 8000)])
def test_frames_of_the_wrong_size(size: tuple[int, int], tmp_path: Path) -> None:
    data = video(tmp_path / "v.avi", moving(1), codec="mpeg4", size=size)
    [refused] = decoded(data)
    assert isinstance(refused, Refused)
    assert refused.reason is (Reason.TOO_SMALL if size[0] == 32 else Reason.TOO_MANY_PIXELS)
