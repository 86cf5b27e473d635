"""Decoding of stills: the table of good and bad pictures."""

import struct
import zlib
from collections.abc import Callable

import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFilter

from nightjar.domain.reasons import Reason
from nightjar_validate.decoded import Decoded, Refused
from tests.images.validate.decoding import decoded, near, opened
from tests.images.validate.pictures import (
    ASTRONAUT,
    BLUE,
    GREY,
    RED,
    bomb,
    chunk,
    halves,
    still,
)


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
    "make",
    [
        pytest.param(lambda: still(ASTRONAUT), id="JPEG"),
        pytest.param(lambda: still(ASTRONAUT, progressive=True), id="progressive JPEG"),
        pytest.param(lambda: still(ASTRONAUT, keep_rgb=True), id="JPEG that stores RGB"),
        pytest.param(lambda: still(ASTRONAUT.convert("CMYK")), id="CMYK JPEG"),
        pytest.param(lambda: still(ASTRONAUT) + bytes(100), id="JPEG, padded"),
        pytest.param(lambda: still(ASTRONAUT, "PNG"), id="PNG"),
        pytest.param(lambda: still(ASTRONAUT.quantize(64), "PNG"), id="PNG with a palette"),
        pytest.param(lambda: still(with_alpha(), "PNG"), id="PNG with alpha"),
        pytest.param(lambda: still(with_alpha().quantize(64), "PNG"), id="PNG with palette and alpha"),
        pytest.param(
            lambda: still(ASTRONAUT, "PNG", save_all=True, append_images=[GREY.convert("RGB")]), id="animated PNG"
        ),
        pytest.param(lambda: still(ASTRONAUT, "WEBP"), id="WebP"),
        pytest.param(lambda: still(ASTRONAUT, "WEBP", lossless=True), id="lossless WebP"),
        pytest.param(lambda: still(with_alpha(), "WEBP"), id="WebP with alpha"),
        pytest.param(
            lambda: still(ASTRONAUT, "WEBP", save_all=True, append_images=[ASTRONAUT.rotate(5)]), id="animated WebP"
        ),
        *(
            pytest.param(lambda name=name: still(Image.fromarray(getattr(skimage.data, name)())), id=f"real: {name}")
            for name in ("chelsea", "coffee", "rocket", "retina")
        ),
    ],
)
def test_good_stills(make: Callable[[], bytes]) -> None:
    data = make()
    [picture] = decoded(data)
    assert opened(picture).size[0] >= 300
    assert decoded(data) == [picture], "expected the same bytes each time"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda: still(ASTRONAUT)[:20_000], Reason.TRUNCATED, id="JPEG cut in the picture"),
        pytest.param(lambda: still(ASTRONAUT)[:100], Reason.TRUNCATED, id="JPEG cut in the head"),
        pytest.param(lambda: still(ASTRONAUT)[:4], Reason.TRUNCATED, id="JPEG of four bytes"),
        pytest.param(
            lambda: still(ASTRONAUT)[:20_000] + bytes(20_000), Reason.TRUNCATED, id="JPEG filled up with zeros"
        ),
        pytest.param(lambda: still(ASTRONAUT)[:20_000] + b"\xff\xd9", Reason.CORRUPT, id="JPEG torn, with an end"),
        pytest.param(lambda: hole(still(ASTRONAUT), 4096), Reason.CORRUPT, id="JPEG with a large hole"),
        pytest.param(
            lambda: hole(still(ASTRONAUT, progressive=True), 512), Reason.CORRUPT, id="progressive JPEG with a hole"
        ),
        pytest.param(lambda: still(ASTRONAUT, "PNG")[:50_000], Reason.TRUNCATED, id="PNG cut"),
        pytest.param(lambda: still(ASTRONAUT, "WEBP")[:5_000], Reason.TRUNCATED, id="WebP cut"),
        pytest.param(
            lambda: b"\xff\xd8\xff" + b"nonsense" * 50 + b"\xff\xd9", Reason.CORRUPT, id="nonsense in a JPEG's clothes"
        ),
        pytest.param(
            lambda: still(ASTRONAUT, "PNG")[:90_000] + b"damage" + still(ASTRONAUT, "PNG")[90_006:],
            Reason.CORRUPT,
            id="PNG damaged",
        ),
        pytest.param(
            lambda: b"RIFF\x20\x00\x00\x00WEBPVP8 " + b"nonsense" * 6, Reason.CORRUPT, id="nonsense in a WebP's clothes"
        ),
        pytest.param(lambda: still(ASTRONAUT.resize((63, 200))), Reason.TOO_SMALL, id="a side of 63 pixels"),
        pytest.param(lambda: still(ASTRONAUT.resize((1, 1))), Reason.TOO_SMALL, id="one pixel"),
        pytest.param(lambda: bomb(10_000, 10_000), Reason.TOO_MANY_PIXELS, id="PNG of 100 megapixels"),
        pytest.param(
            lambda: claiming(still(ASTRONAUT), 20_000, 20_000), Reason.TOO_MANY_PIXELS, id="JPEG of 400 megapixels"
        ),
        pytest.param(lambda: still(GREY), Reason.GREY, id="grey JPEG"),
        pytest.param(lambda: still(GREY.convert("RGB"), quality=60), Reason.GREY, id="grey in a colour JPEG"),
        pytest.param(lambda: still(noisy_grey(), quality=60), Reason.GREY, id="grey with chroma noise"),
        pytest.param(lambda: still(GREY, "PNG"), Reason.GREY, id="grey PNG"),
        pytest.param(lambda: still(GREY.convert("1"), "PNG"), Reason.GREY, id="black and white PNG"),
        pytest.param(lambda: still(sixteen_bits(), "PNG"), Reason.GREY, id="16-bit PNG"),
        pytest.param(lambda: still(Image.new("RGB", (640, 480))), Reason.VOID, id="black"),
        pytest.param(lambda: still(Image.new("RGB", (640, 480), "white")), Reason.VOID, id="white"),
        pytest.param(lambda: still(Image.new("RGB", (640, 480), "orange")), Reason.VOID, id="one colour"),
        pytest.param(
            lambda: still(Image.new("RGBA", (640, 480), (255, 0, 0, 0)), "PNG"), Reason.VOID, id="all transparent"
        ),
        pytest.param(
            lambda: still(Image.effect_noise((640, 480), 6).point(lambda n: max(0, n - 118)).convert("RGB")),
            Reason.VOID,
            id="black with sensor noise",
        ),
        pytest.param(
            lambda: still(Image.blend(ASTRONAUT, Image.new("RGB", (512, 512), "#bbb"), 0.93)),
            Reason.LOW_CONTRAST,
            id="fog",
        ),
    ],
)
def test_refused_stills(make: Callable[[], bytes], reason: Reason) -> None:
    [refused] = decoded(make())
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


def packed(rows: int, interlaced: bool = False) -> bytes:
    """The first `rows` of a PNG of 70 x 64 pixels, in a stream that ends properly."""
    pixels = ASTRONAUT.resize((70, 64)).tobytes()
    if not interlaced:
        lines = [pixels[at : at + 210] for at in range(0, len(pixels), 210)]
    else:
        steps = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        lines = [
            b"".join(pixels[3 * (70 * y + x) : 3 * (70 * y + x) + 3] for x in range(left, 70, across))
            for left, top, across, down in steps
            for y in range(top, 64, down)
        ]
    data = b"".join(b"\0" + line for line in lines[:rows])
    head = struct.pack(">IIBBBBB", 70, 64, 8, 2, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (packed(64), []),
        (packed(63), [Reason.CORRUPT]),
        (packed(32), [Reason.CORRUPT]),
        (packed(1000, interlaced=True), []),
        (packed(119, interlaced=True), [Reason.CORRUPT]),
        *((still(ASTRONAUT.convert(mode), "PNG"), []) for mode in ("P", "RGBA", "L", "LA", "1")),
    ],
    ids=["whole", "a row missing", "half", "interlaced", "interlaced, a row missing", "P", "RGBA", "L", "LA", "1"],
)
def test_rows_of_a_png_that_are_missing_are_damage(data: bytes, refused: list[Reason]) -> None:
    assert [output.reason for output in decoded(data, allow_grey=True) if isinstance(output, Refused)] == refused


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
    [picture] = decoded(still(ASTRONAUT.resize(size), kind, compress_level=1))  # which only a PNG has
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
