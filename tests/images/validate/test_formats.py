"""Formats by content, and files that end too early."""

import io
from pathlib import Path

import pytest

from nightjar_validate.formats import HEAD, Format, is_cut, sniff, webp_size
from tests.images.validate.pictures import ASTRONAUT, moving, still, video


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", None),
        (b"\xff", None),
        (b"\xff\xd8\xff", Format.JPEG),
        (b"\x89PNG\r\n\x1a\n", Format.PNG),
        (b"\x89PNG\n\x1a\n", None),
        (b"RIFF\0\0\0\0WEBP", Format.WEBP),
        (b"RIFF\0\0\0\0AVI ", Format.AVI),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"\0\0\0\x20ftypisom", Format.MP4),
        (b"\0\0\0\x20ftypqt  ", Format.MP4),
        (b"\0\0\0\x20ftypheic", None),
        (b"\0\0\0\x20ftypavif", None),
        (b"\x1a\x45\xdf\xa3", Format.MKV),
        (b"GIF89a", None),
        (b"BM", None),
        (b"%PDF-1.7", None),
        (b"#EXTM3U\nfile:///etc/passwd", None),
        (b"ffconcat version 1.0", None),
        (b"<svg xmlns=", None),
    ],
)
def test_sniff(head: bytes, kind: Format | None) -> None:
    assert sniff(head) is kind


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
@pytest.mark.parametrize("size", [(1, 1), (640, 480), (16_383, 2)])
def test_webp_size(size: tuple[int, int], options: dict[str, object]) -> None:
    data = still(ASTRONAUT.resize(size), "WEBP", **options)
    assert webp_size(data[:HEAD]) == size
    assert webp_size(data[:20]) is None


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_stills_that_are_cut(kind: str) -> None:
    data, format_ = still(ASTRONAUT, kind), Format(kind)
    for cut, expected in ((len(data), False), (len(data) - 20, True), (len(data) // 2, True), (13, True)):
        assert is_cut(io.BytesIO(data[:cut]), format_) is expected, f"cut at {cut} of {len(data)}"


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi"])
def test_videos_that_are_cut(name: str, tmp_path: Path) -> None:
    data = video(tmp_path / name, moving(20), codec="mpeg4")
    kind = sniff(data[:HEAD])
    assert kind is not None
    for cut, expected in ((len(data), False), (len(data) - 1, True), (len(data) // 2, True), (16, True)):
        assert is_cut(io.BytesIO(data[:cut]), kind) is expected, f"cut at {cut} of {len(data)}"
