"""The structure of a JPEG: its frame, its scans and its end, read from the markers alone.

Kept is what makes pixels; left out is what makers add (notes, previews, colour profiles, bytes between segments and
behind the end). A decoder that is strict about the rest is then strict about pixels and nothing else.
"""

import re
from dataclasses import dataclass, field

_START, _END = b"\xff\xd8", b"\xff\xd9"
# In the head: any marker that has a length, or the end. Fill bytes, stuffed bytes and a second start are passed over.
_SEGMENT = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]")
# In a scan: any marker but a restart.
_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SEQUENTIAL, _PROGRESSIVE = frozenset({0xC0, 0xC1, 0xC9}), frozenset({0xC2, 0xCA})
_HUFFMAN_CODED = frozenset({0xC0, 0xC1, 0xC2})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DHT, _DAC, _EOI, _SOS, _DQT, _DRI = 0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDD
_APP0, _APP1, _APP14 = 0xE0, 0xE1, 0xEE
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
# Storage and networks put zeros in place of what they lose. A picture's own data has no such run, unless zeros are its
# code for a plain area (see `Scan.may_be_zeros`).
_LOST_BYTES = 32
_COEFFICIENTS = 64  # of a block
_USUAL_AC = 0x01  # the first symbol of the usual table, which MJPEG leaves out


@dataclass(frozen=True)
class Scan:
    """A scan: the coefficients `first` to `last` of some components, down to the bit `low`.

    `tables` are the Huffman tables (DC, AC) by the component's id; `refines` tells that it adds to an earlier scan.
    """

    tables: dict[int, tuple[int, int]]
    first: int
    last: int
    refines: bool
    low: int

    def may_be_zeros(self, dc: dict[int, int], ac: dict[int, int]) -> bool:
        """Whether a run of zero bits in it can be a plain area, each block as the one before.

        Zeros are the code for the first symbol of a Huffman table: `dc` and `ac` have it by the table's number.
        """
        if self.refines and self.first == 0:
            return True  # bare bits, of little weight
        for dc_table, ac_table in self.tables.values():
            if self.first == 0 and dc.get(dc_table, 0) != 0:
                return False
            if self.last > 0 and not _ends_block(ac.get(ac_table, _USUAL_AC)):
                return False
        return True


def _ends_block(symbol: int) -> bool:
    """Whether an AC symbol says that all further coefficients of a block (or of many) are zero."""
    return symbol & 15 == 0 and symbol != 0xF0


@dataclass
class JpegStructure:
    """A JPEG: `data` is what a decoder needs of it, with an end in any case; `ended` tells if it came with one.

    `frame` is the marker that names its kind of coding; `damage` is the first fault that the structure itself shows, or
    empty. `exif` and `xmp` are the notes that tell how it is turned.
    """

    data: bytes = b""
    frame: int = 0
    bits: int = 0
    width: int = 0
    height: int = 0
    components: tuple[int, ...] = ()
    scans: list[Scan] = field(default_factory=list)
    ended: bool = False
    damage: str = ""
    exif: bytes = b""
    xmp: bytes = b""

    @property
    def can_scale(self) -> bool:
        """Whether its kind of coding can be decoded at a fraction of its size."""
        return self.frame in _SEQUENTIAL | _PROGRESSIVE

    def note(self, damage: str) -> None:
        """Note a fault, if it is the first."""
        self.damage = self.damage or damage

    def missing(self) -> str:
        """The part of the picture that no scan brings, in words; empty if all is there."""
        if self.frame in _SEQUENTIAL:
            brought = {component for scan in self.scans for component in scan.tables}
            return "" if brought >= set(self.components) else "no data for some of its colours"
        if self.frame in _PROGRESSIVE and not all(self._is_whole(component) for component in self.components):
            return "the coarse part of it alone"
        return ""

    def _is_whole(self, component: int) -> bool:
        """Whether the scans bring every coefficient of a component to its last bit."""
        low = [-1] * _COEFFICIENTS
        for scan in self.scans:
            if component in scan.tables:
                for coefficient in range(scan.first, min(scan.last + 1, _COEFFICIENTS)):
                    low[coefficient] = scan.low
        return not any(low)


def structure_of(data: bytes) -> JpegStructure:
    """The structure of the JPEG that `data` begins with, however damaged."""
    return _Reader(data).read()


class _Reader:
    """Walks from marker to marker: first through the head, then through the scans."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._jpeg = JpegStructure()
        self._head: list[bytes] = [_START]
        self._patches: dict[int, bytes] = {}
        self._first_dc: dict[int, int] = {}  # symbols, by table
        self._first_ac: dict[int, int] = {}

    def read(self) -> JpegStructure:
        jpeg, data = self._jpeg, self._data
        first_scan = self._walk_head()
        if first_scan is None:
            jpeg.note("no picture in it")
            jpeg.ended = data.rstrip(b"\0").endswith(_END)
            return jpeg
        end = self._walk_scans(first_scan)
        jpeg.data = self._patched(first_scan, end)
        jpeg.note(jpeg.missing())
        return jpeg

    def _patched(self, first_scan: int, end: int) -> bytes:
        """The segments of the head, then the scans; a file may be large, so that it is copied once."""
        whole, at = memoryview(self._data), first_scan
        parts: list[bytes | memoryview] = [*self._head]
        for position, patch in sorted(self._patches.items()):
            parts += [whole[at:position], patch]
            at = position + len(patch)
        return b"".join((*parts, whole[at:end], _END))

    def _walk_head(self) -> int | None:
        """Gather the segments that make pixels; returns where the first scan begins, None if there is none."""
        at = len(_START)
        while match := _SEGMENT.search(self._data, at):
            at, marker = match.start(), match.group()[1]
            end = self._segment_end(at)
            if marker == _EOI or end is None:
                return None
            if marker == _SOS:
                return at if self._jpeg.frame else None
            self._take(marker, self._data[at:end])
            at = end
        return None

    def _walk_scans(self, at: int) -> int:
        """Look at each scan, and at what stands between them; returns where the picture ends."""
        data = self._data
        while True:
            end = self._segment_end(at)
            if end is None:
                self._jpeg.note("an end in the head of a scan")
                return len(data)
            marker = data[at + 1]
            if marker == _SOS:
                scan = self._scan(at, end)
            else:
                self._look_at_tables(marker, data[at + 4 : end])
            match = _SCAN_END.search(data, end)
            stop = match.start() if match else self._written(end)
            if marker == _SOS:
                self._look_for_zeros(scan, end, stop)
            if match is None:
                return stop
            at = match.start()
            if data[at + 1] == _EOI:
                self._jpeg.ended = True
                return at

    def _written(self, start: int) -> int:
        """Where the data from `start` on ends: zeros up to the end of a file are room that was never written to."""
        size = len(self._data.rstrip(b"\0"))
        stuffed = self._data[size - 1 : size + 1] == b"\xff\0"
        return max(start, size + stuffed)

    def _segment_end(self, at: int) -> int | None:
        """Where the segment at `at` ends; None if the file ends before it."""
        end = at + 2 + max(2, int.from_bytes(self._data[at + 2 : at + 4], "big"))
        return end if end <= len(self._data) else None

    def _take(self, marker: int, segment: bytes) -> None:
        """Keep a segment of the head if it makes pixels."""
        jpeg, body = self._jpeg, segment[4:]
        if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14:
            self._head.append(_JFIF)
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            self._head.append(segment)
        elif marker == _APP1 and body.startswith(b"Exif\0\0"):
            jpeg.exif += body[6:] if jpeg.exif else body
        elif marker == _APP1 and body.startswith(_XMP):
            jpeg.xmp = body.removeprefix(_XMP)
        elif marker in _FRAMES:
            self._take_frame(marker, body)
            self._head.append(segment)
        elif marker in {_DHT, _DAC, _DQT, _DRI}:
            self._look_at_tables(marker, body)
            self._head.append(segment)

    def _take_frame(self, marker: int, body: bytes) -> None:
        jpeg = self._jpeg
        if jpeg.frame:
            jpeg.note("two pictures in one")
        elif len(body) < 6 or len(body) < 6 + 3 * body[5]:
            jpeg.note("a head that is too short")
        else:
            jpeg.frame, jpeg.bits = marker, body[0]
            jpeg.height, jpeg.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            jpeg.components = tuple(body[6 + 3 * number] for number in range(body[5]))
            if not jpeg.height or not jpeg.width:
                jpeg.note("a head without a size")

    def _look_at_tables(self, marker: int, body: bytes) -> None:
        if marker == _DQT and _has_zero(body):
            self._jpeg.note("a table of divisors with a zero")
        while marker == _DHT and len(body) > 17:
            kind, number, symbols = body[0] >> 4, body[0] & 15, sum(body[1:17])
            if symbols:
                (self._first_ac if kind else self._first_dc)[number] = body[17]
            body = body[17 + symbols :]

    def _scan(self, at: int, end: int) -> Scan | None:
        """The scan whose head is at `at`; None if that is damaged."""
        body, jpeg = self._data[at + 4 : end], self._jpeg
        if not body or len(body) < 4 + 2 * body[0]:
            jpeg.note("the head of a scan that is too short")
            return None
        tables = {body[at]: (body[at + 1] >> 4, body[at + 1] & 15) for at in range(1, 1 + 2 * body[0], 2)}
        first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
        if jpeg.frame in _SEQUENTIAL and (first, last, bits) != (0, _COEFFICIENTS - 1, 0):
            # They say nothing here. Some cameras write zeros all the same, which a decoder calls an error.
            first, last, bits = 0, _COEFFICIENTS - 1, 0
            self._patches[at + 5 + 2 * body[0]] = bytes([first, last, bits])
        scan = Scan(tables, first, last, bool(bits >> 4), bits & 15)
        jpeg.scans.append(scan)
        return scan

    def _look_for_zeros(self, scan: Scan | None, start: int, end: int) -> None:
        if scan is None or self._jpeg.frame not in _HUFFMAN_CODED:
            return
        at = self._data.find(bytes(_LOST_BYTES), start, end)
        if at >= 0 and not scan.may_be_zeros(self._first_dc, self._first_ac):
            self._jpeg.note(f"zeros in place of data from byte {at} on")


def _has_zero(body: bytes) -> bool:
    """Whether a table of divisors (DQT) has a zero, which no encoder writes."""
    while body:
        size = 2 if body[0] >> 4 else 1
        table = body[1 : 1 + _COEFFICIENTS * size]
        if any(not any(table[at : at + size]) for at in range(0, len(table), size)):
            return True
        body = body[1 + _COEFFICIENTS * size :]
    return False
