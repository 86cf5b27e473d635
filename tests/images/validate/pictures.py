"""Real bytes to validate: pictures and videos, good and bad, made with Pillow and PyAV."""

import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import skimage
from av.container import OutputContainer
from PIL import Image

_PICTURES = Path(skimage.__file__).parent / "data"
ASTRONAUT = Image.fromarray(np.asarray(Image.open(_PICTURES / "astronaut.png")))  # without the notes of the file
GREY = Image.fromarray(np.asarray(Image.open(_PICTURES / "camera.png")))
NONSENSE = b"\xff\xd8\xff" + b"nonsense" * 9 + b"\xff\xd9"  # the beginning and the end of a JPEG
_HERTZ = 44_100
# A quarter of the time of x264's usual work, for a larger file of the same pictures.
QUICKLY = {"preset": "ultrafast"}
RED, BLUE = (200, 30, 30), (30, 30, 200)


def still(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """`image` as a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def halves(size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Left red, right blue: tells how it is turned."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image


def bomb(width: int, height: int) -> bytes:
    """A black PNG that takes 24 bits a pixel when decoded and next to nothing as a file; `height` in hundreds.

    A hundred rows are compressed once and repeated, since tests make it while they are collected.
    """
    deflate, rows = zlib.compressobj(9, wbits=-15), bytes(100 * (1 + 3 * width))
    band = deflate.compress(rows) + deflate.flush(zlib.Z_FULL_FLUSH)
    checksum = len(rows) * (height // 100) % 65_521 << 16 | 1  # Adler-32 of as many zeros
    data = b"\x78\xda" + band * (height // 100) + deflate.flush() + struct.pack(">I", checksum)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def video(
    path: Path,
    images: Iterable[Image.Image],
    *,
    codec: str = "libx264",
    rate: int | Fraction = 10,
    size: tuple[int, int] = (320, 240),
    options: dict[str, str] | None = None,
    times: Sequence[float] | None = None,
    sound: int = 0,
    is_quick: bool = True,
) -> bytes:
    """A video of `images`, each shown for 1 / `rate` seconds or from its time in `times`; by the ending of `path`.

    `sound` is the seconds of its sound track. `is_quick`: x264 compresses less.
    """
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if codec == "libx264" and is_quick:
            stream.options = {**QUICKLY}
        stream.time_base = Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000) if codec == "libx264" else 1 / Fraction(rate)
        track = container.add_stream("mp2", rate=_HERTZ, layout="mono") if sound else None
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.asarray(image.resize(size)))
            seconds = times[number] if times else number / rate
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(seconds / frame.time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if isinstance(track, av.AudioStream):
            _silence(container, track, sound)
    return path.read_bytes()


def lost_end(data: bytes, cut: int) -> bytes:
    """A video but for its last `cut` bytes, of which nothing but its duration tells: as a power cut leaves it."""
    kept = bytearray(data[:-cut])
    if kept[4:8] == b"ftyp":
        at = kept.index(b"mdat")
        kept[at - 4 : at] = bytes(4)  # until the end of the file
    elif kept[:4] == b"RIFF":
        kept[4:8] = struct.pack("<I", len(kept) - 8)
    else:
        at = kept.index(b"\x18\x53\x80\x67") + 4  # the segment
        kept[at : at + 8] = b"\x01" + b"\xff" * 7  # of unknown length
    return bytes(kept)


def damaged(data: bytes) -> bytes:
    """A video with a hole in its middle."""
    middle = len(data) // 2
    return data[:middle] + bytes(3000) + data[middle + 3000 :]


def moving(frames: int) -> list[Image.Image]:
    """A scene that moves a little from frame to frame."""
    return [moved(number) for number in range(frames)]


def moved(number: int) -> Image.Image:
    """A frame of the scene that moves."""
    return _scene().rotate(number)


@cache
def _scene() -> Image.Image:
    return ASTRONAUT.resize((320, 240))


def sound(path: Path) -> bytes:
    """A file with a second of sound and no video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp2", rate=_HERTZ, layout="mono")
        assert isinstance(stream, av.AudioStream)
        _silence(container, stream, 1)
    return path.read_bytes()


def _silence(container: OutputContainer, stream: av.AudioStream, seconds: int) -> None:
    for number in range(seconds * _HERTZ // 1152):
        frame = av.AudioFrame(format="s16", layout="mono", samples=1152)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = _HERTZ, number * 1152
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def turned(mp4: bytes) -> bytes:
    """`mp4` as a phone held upright writes it: to be shown turned by 90 degrees clockwise."""
    at = mp4.index(b"tkhd") + 4 + 40
    matrix = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    return mp4[:at] + matrix + mp4[at + 36 :]
