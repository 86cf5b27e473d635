"""The chunks of a PNG and their checksums, which decoders heed for notes and not for pixels: here it is the reverse."""

import struct
import zlib
from collections.abc import Iterator

_SIGNATURE = 8  # bytes
_FRAME = 12  # bytes of a chunk around its data: length, name, checksum
# Those that make pixels; all others are notes.
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


class DamagedPngError(Exception):
    """A chunk that makes pixels is damaged; the message says which, as it follows on "got"."""


def without_damaged_notes(data: bytes, *, notes: bool = True) -> bytes:
    """The PNG in `data` without notes that are damaged, and without any unless `notes`.

    Anything behind its end, or behind the last pixels, is no damage, and neither is an early end: decoding tells
    whether all pixels are there. Raises DamagedPngError.
    """
    kept: list[bytes | memoryview] = [data[:_SIGNATURE]]
    for name, chunk, whole in _chunks(data):
        if name in _PIXELS or (notes and whole):
            kept.append(chunk)
    return b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Name and bytes of each chunk up to the end, and whether it is as it was written."""
    view, at, pixels = memoryview(data), _SIGNATURE, False
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + _FRAME + length
        if not name.isalpha():
            if not pixels:
                raise DamagedPngError(f"a chunk that is called {name!r}")
            return
        whole = end <= len(data) and zlib.crc32(view[at + 4 : end - 4]).to_bytes(4, "big") == view[end - 4 : end]
        if name == b"IEND":
            yield name, memoryview(b"\0\0\0\0IEND\xaeB`\x82"), True
            return
        if name[:1].isupper() and not whole and end <= len(data):
            raise DamagedPngError(f"a wrong checksum of chunk {name.decode()}")
        yield name, view[at:end], whole
        pixels |= name == b"IDAT"
        at = end
