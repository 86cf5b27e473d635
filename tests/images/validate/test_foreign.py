"""Words for files that are not decoded."""

import pytest

from nightjar_validate.foreign import described
from tests.images.validate.pictures import ASTRONAUT, still


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "zeros (begins with )"),
        (bytes(64), "zeros (begins with 00 00 00 00 00 00 00 00)"),
        (still(ASTRONAUT, "GIF")[:64], "a GIF (begins with 47 49 46 38 37 61 00 02)"),
        (still(ASTRONAUT, "BMP")[:64], "a BMP picture (begins with 42 4d"),
        (still(ASTRONAUT, "TIFF")[:64], "a TIFF or a raw picture (begins"),
        (b"\0\0\0\x20ftypheic", "a HEIC picture"),
        (b"\0\0\0\x20ftypmif1", "a HEIF picture"),
        (b"\0\0\0\x20ftypavif", "an AVIF picture"),
        (b"\0\0\0\x20ftyp", "an MP4 of another kind"),
        (b"RIFF\0\0\0\0WAVE", "sound (WAV)"),
        (b"RIFF\0\0\0\0ACON", "a RIFF file of another kind"),
        (b"\0\0\0\x01\x67\x42", "a bare H.264 or H.265 stream"),
        (b"\x47\x40\x11\x10", "an MPEG transport stream"),
        (b"<!DOCTYPE html><title>503", "a web page or XML"),
        (b'{"error": "offline"}', "JSON"),
        (b"camera offline", "text"),
        (b"\x93\x00\xfe", "a file of an unknown kind (begins with 93 00 fe)"),
    ],
)
def test_words(head: bytes, words: str) -> None:
    assert described(head).startswith(words)
