"""The chunks of a PNG and their checksums, which decoders heed for notes and not for pixels: here it is the reverse."""

import struct
import zlib
from collections.abc import Iterator

_SIGNATURE = 8  # bytes
_FRAME = 12  # bytes of a chunk around its data: length, name, checksum
# Those that make pixels; all others are notes.
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the kind of colour
# Of an interlaced picture: the first column and row of each pass, and its steps.
_ADAM7 = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_STEP = 1 << 20  # bytes


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


def check_rows(data: bytes) -> None:
    """Raise DamagedPngError where the compressed data of a PNG that can be decoded ends before its last row.

    Decoders show black in place of such rows. The data is unpacked in steps that fit memory.
    """
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, _SIGNATURE + 8)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    wanted = 0
    for left, top, across, down in passes:
        columns, rows = -((left - width) // across), -((top - height) // down)
        wanted += rows * (1 + (columns * bits * _CHANNELS[colour] + 7) // 8) if columns > 0 and rows > 0 else 0
    unpacking, got = zlib.decompressobj(), 0
    try:
        for name, chunk, _ in _chunks(data):
            rest = bytes(chunk[8 : 8 + int.from_bytes(chunk[:4], "big")]) if name == b"IDAT" else b""
            while rest and not unpacking.eof and got < wanted:
                got += len(unpacking.decompress(rest, _STEP))
                rest = unpacking.unconsumed_tail
        while got < wanted and (more := unpacking.decompress(b"", _STEP)):
            got += len(more)
    except zlib.error as error:
        if "data check" in str(error):  # of a wrong sum, all rows stand before it
            return
        raise DamagedPngError(f"pixels that cannot be unpacked ({error})") from error
    if got < wanted:
        raise DamagedPngError(f"{got:,} bytes of pixels instead of {wanted:,}")


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
