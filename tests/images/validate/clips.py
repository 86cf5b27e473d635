"""Videos as cameras in the field write them: clocks, headers and tracks that are not by the book."""

import io
import itertools
import struct
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tests.images.validate.pictures import QUICKLY, moving

RATE = 10  # frames a second of all these clips


class Unseekable:
    """A file that can be written once from the start to the end, as a pipe can."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        """Append `data`."""
        self.data += bytes(data)
        return len(data)


@dataclass(frozen=True)
class _Made:
    """The recipe of a clip, so that tests that want the same one encode it once."""

    container: str
    codec: str
    key_every: int
    b_frames: bool
    size: tuple[int, int]
    pixel: Fraction | None
    matrix: tuple[int, ...]
    options: tuple[tuple[str, str], ...]
    unseekable: bool
    times: tuple[float, ...]


def clip(
    container: str,
    codec: str = "libx264",
    *,
    frames: int = 50,
    images: Iterable[Image.Image] | None = None,
    key_every: int = 10,
    times: Sequence[float] | None = None,
    size: tuple[int, int] = (320, 240),
    pixel: Fraction | None = None,
    matrix: Sequence[int] = (),
    options: dict[str, str] | None = None,
    unseekable: bool = False,
    b_frames: bool = False,
) -> bytes:
    """A clip of a scene that moves, or of `images`, in a container of FFmpeg's; each frame at its second in `times`."""
    pictures = tuple(images or ())
    made = _Made(
        container,
        codec,
        key_every,
        b_frames,
        size,
        pixel,
        tuple(matrix),
        tuple((options or {}).items()),
        unseekable,
        tuple(times or (number / RATE for number in range(len(pictures) or frames))),
    )
    return _encoded(made, pictures) if pictures else _encoded_once(made)


@cache
def _encoded_once(made: _Made) -> bytes:
    return _encoded(made, moving(len(made.times)))


def _encoded(made: _Made, images: Iterable[Image.Image]) -> bytes:
    out = Unseekable() if made.unseekable else tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed when it is let go
    name = out if isinstance(out, Unseekable) else out.name  # faststart opens it by its name once more
    with av.open(name, "w", format=made.container, options=dict(made.options)) as file:
        stream = file.add_stream(made.codec, rate=RATE)
        assert isinstance(stream, av.VideoStream)
        _set_up(stream, made.size, made.key_every, made.b_frames)
        if made.pixel:
            stream.codec_context.sample_aspect_ratio = made.pixel
        if made.matrix:
            stream.set_display_matrix(made.matrix)
        for seconds, image in zip(made.times, images, strict=False):
            frame = av.VideoFrame.from_ndarray(np.asarray(image.resize(made.size)))
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(seconds / frame.time_base)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return bytes(out.data) if isinstance(out, Unseekable) else Path(out.name).read_bytes()


def _set_up(stream: av.VideoStream, size: tuple[int, int], key_every: int, b_frames: bool) -> None:
    stream.width, stream.height = size
    codec = stream.codec_context.name
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    # MPEG-4's encoder knows a fixed rate only, and is given finer times where it can take them.
    stream.codec_context.time_base = Fraction(1, 1000) if codec in {"libx264", "libx265"} else Fraction(1, RATE)
    stream.codec_context.gop_size = key_every
    if codec == "libx265":
        b = "" if b_frames else ":bframes=0"
        stream.options = {
            "preset": "ultrafast",
            "x265-params": f"keyint={key_every}:min-keyint={key_every}:hash=1:log-level=none{b}",
        }
    elif codec in {"mpeg4", "mpeg2video", "libvpx", "mjpeg"}:
        stream.codec_context.bit_rate = 4_000_000
        if b_frames:
            stream.codec_context.max_b_frames = 2
        stream.options = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else {}
    elif codec == "libx264":
        stream.options = {
            **QUICKLY,
            "g": str(key_every),
            "keyint_min": str(key_every),
            "sc_threshold": "0",
            "bf": "3" if b_frames else "0",
        }


def remuxed(
    data: bytes,
    container: str,
    keep: Callable[[int], bool] = lambda number: True,
    shift: Callable[[int], float] = lambda number: 0.0,
    options: dict[str, str] | None = None,
) -> bytes:
    """The clip `data` in `container`: only the packets for which `keep` is true, each moved by `shift` seconds."""
    out = io.BytesIO()
    with av.open(io.BytesIO(data), "r") as source, av.open(out, "w", format=container, options=options or {}) as file:
        stream = source.streams.video[0]
        copy = file.add_stream_from_template(stream)
        for number, packet in enumerate(packet for packet in source.demux(stream) if packet.size):
            if keep(number):
                ticks = round(shift(number) / packet.time_base)
                packet.pts = None if packet.pts is None else packet.pts + ticks
                packet.dts = None if packet.dts is None else packet.dts + ticks
                packet.stream = copy
                file.mux(packet)
    return out.getvalue()


def begun_at(seconds: float, container: str, codec: str = "libx264", frames: int = 50) -> bytes:
    """A clip whose clock says `seconds` at its first frame."""
    return remuxed(clip("matroska", codec, frames=frames), container, shift=lambda _: seconds)


def reset(data: bytes, number: int = 1, to: int = 0) -> bytes:
    """A Matroska clip in which the clock of cluster `number` says `to` milliseconds."""
    clusters = [at for at in _all(data, b"\x1f\x43\xb6\x75") if b"\xe7" in data[at : at + 16]]
    at = data.index(b"\xe7", clusters[number]) + 1
    width = data[at] & 0x7F
    return data[: at + 1] + to.to_bytes(width, "big") + data[at + 1 + width :]


def _all(data: bytes, mark: bytes) -> Iterable[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


def segments(folder: Path, seconds: int = 30, each: int = 10) -> list[bytes]:
    """Matroska pieces of one recording whose clock goes on from piece to piece, as FFmpeg's segmenter cuts them."""
    whole = clip("matroska", frames=seconds * RATE)
    with (
        av.open(io.BytesIO(whole), "r") as source,
        av.open(
            str(folder / "piece%d.mkv"),
            "w",
            format="segment",
            options={"segment_time": str(each), "segment_format": "matroska"},
        ) as file,
    ):
        copy = file.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = copy
                file.mux(packet)
    return [path.read_bytes() for path in sorted(folder.glob("piece*.mkv"))]


def without_brand(mov: bytes) -> bytes:
    """A MOV file without its first box, which names its brand; the frames' places are moved with it."""
    length = int.from_bytes(mov[:4], "big")
    rest = bytearray(mov[length:])
    for at in _all(bytes(rest), b"stco"):
        (count,) = struct.unpack(">I", rest[at + 8 : at + 12])
        offsets = struct.unpack(f">{count}I", rest[at + 12 : at + 12 + 4 * count])
        rest[at + 12 : at + 12 + 4 * count] = struct.pack(f">{count}I", *(offset - length for offset in offsets))
    return bytes(rest)


def beginning_with(box: bytes, mov: bytes) -> bytes:
    """A MOV file without a brand that begins with an empty box of this kind, of 8 bytes."""
    length = int.from_bytes(mov[:4], "big")
    assert length >= 16
    filler = struct.pack(">I", length - 8) + b"free" + bytes(length - 16)
    return struct.pack(">I", 8) + box + filler + mov[length:]


def tracks(container: str, *films: tuple[str, tuple[int, int], list[Image.Image]]) -> bytes:
    """A file of several video tracks, each of a codec, a size, and frames."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        streams = []
        for codec, size, _ in films:
            stream = file.add_stream(codec, rate=RATE)
            assert isinstance(stream, av.VideoStream)
            _set_up(stream, size, 10, False)
            streams.append(stream)
        for number, images in enumerate(itertools.zip_longest(*(images for _, _, images in films))):
            for stream, image in zip(streams, images, strict=True):
                if image is None:
                    continue
                frame = av.VideoFrame.from_ndarray(np.asarray(image.resize((stream.width, stream.height))))
                frame.time_base = stream.codec_context.time_base
                frame.pts = round(number / RATE / frame.time_base)
                file.mux(stream.encode(frame))
        for stream in streams:
            file.mux(stream.encode(None))
    return out.getvalue()


def avi_rate(data: bytes, scale: int, rate: int, microseconds: int | None = None) -> bytes:
    """An AVI file that claims this rate of its track, and this length of a frame in its head."""
    patched = bytearray(data)
    track = data.index(b"vids") + 20
    patched[track : track + 8] = struct.pack("<II", scale, rate)
    if microseconds is not None:
        head = data.index(b"avih") + 8
        patched[head : head + 4] = struct.pack("<I", microseconds)
    return bytes(patched)
