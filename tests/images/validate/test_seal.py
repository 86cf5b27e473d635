"""The seal of decoders: nothing outside is in reach of a hostile file, and decoding gives the same as without it."""

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from seccompy.syscalls import AARCH64_SYSCALLS, X86_64_SYSCALLS

from nightjar.settings.validate import ValidateSettings
from nightjar_validate.deciding import limits_of
from nightjar_validate.decode import decode
from nightjar_validate.decoded import Decoded, Job
from nightjar_validate.formats import HEAD, Format, sniff
from nightjar_validate.pool import DecoderPool
from nightjar_validate.seal import ALLOWED
from tests.bucket import put_footage
from tests.images.validate.pictures import ASTRONAUT, GREY, damaged, moving, still, video
from tests.images.validate.shards import AT, begin_run, memory_store, validated

ESCAPES = "tests.images.validate.escapes:decode"
WITHOUT_SECCOMP = "tests.images.validate.without_seccomp:decode"
ESCAPES_WITHOUT_SECCOMP = "tests.images.validate.without_seccomp:escape"
MEMORY = 512 << 20


@pytest.fixture(scope="module")
def sealed() -> Iterator[DecoderPool]:
    with DecoderPool(1, MEMORY, ESCAPES) as pool:
        yield pool


@pytest.fixture(scope="module")
def unsealed() -> Iterator[DecoderPool]:
    with DecoderPool(1, MEMORY, ESCAPES_WITHOUT_SECCOMP) as pool:
        yield pool


@dataclass(frozen=True)
class Outside:
    """Files and sockets of the process that has the decoders."""

    folder: Path
    secret: Path  # for its user's eyes only
    tcp: tuple[str, int]
    udp: tuple[str, int]
    unix: str


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    secret = tmp_path / "token"
    secret.write_bytes(b"a web identity")
    secret.chmod(0o600)
    unix = str(tmp_path / "socket")
    with ExitStack() as stack:

        def bound(family: int, kind: int, address: str | tuple[str, int]) -> socket.socket:
            opened = stack.enter_context(socket.socket(family, kind))
            opened.bind(address)
            if kind == socket.SOCK_STREAM:
                opened.listen()
            return opened

        tcp = bound(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        udp = bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        bound(socket.AF_UNIX, socket.SOCK_STREAM, unix)
        yield Outside(tmp_path, secret, tcp.getsockname(), udp.getsockname(), unix)


def result_of(pool: DecoderPool, folder: Path, act: str, about: object) -> str:
    """How the act went in a decoder of `pool`: "done" or the name of the error."""
    path = folder / "footage"
    path.write_text(json.dumps([act, about]))
    [answer] = pool.run(Job(Format.JPEG, False, limits_of(ValidateSettings()), 20, 60.0), path)
    assert isinstance(answer, Decoded), answer
    return answer.data.decode()


# Each act with what it is about, by a name of `Outside`; and whether it goes through wherever there is no seal.
ACTS = [
    ("read", "secret", True),
    ("read", "/etc/passwd", True),
    ("read", "/proc/self/maps", True),
    ("read", "environment of the parent", True),
    ("list", "folder", True),
    ("look at", "secret", True),
    ("write", "new", True),
    ("write", "secret", True),
    ("link", "new", True),
    ("delete", "secret", True),
    ("change folder", "folder", True),
    ("TCP", "tcp", True),
    ("UDP", "udp", True),
    ("Unix socket", "unix", True),
    ("netlink", None, True),
    ("pair of sockets", None, True),
    ("fork", None, True),
    ("clone a process", None, True),
    ("spawn", "/bin/true", True),
    ("execute", "/bin/true", False),  # it would end the decoder
    ("signal", "parent", True),
    ("signal a thread", "parent", True),
    ("trace", "parent", False),
    ("read memory", "parent", False),
    ("hold a process", "parent", True),
    ("new namespace", None, False),
    ("file in memory", None, True),
    ("io_uring", None, False),
    ("bpf", None, False),
    ("keys", None, False),
    ("another filter", None, False),
    ("machine code", None, True),
    ("memory limit", None, True),
]


def about(outside: Outside, name: str | None) -> object:
    """The value that `name` stands for in the table."""
    parent = os.getpid()
    more = {
        "new": str(outside.folder / "new"),
        "parent": parent,
        "environment of the parent": f"/proc/{parent}/environ",
        "folder": str(outside.folder),
        "secret": str(outside.secret),
    }
    return more.get(name or "", getattr(outside, name or "", name))


@pytest.mark.parametrize(("act", "name"), [(act, name) for act, name, _ in ACTS])
def test_a_sealed_decoder_cannot(act: str, name: str | None, sealed: DecoderPool, outside: Outside) -> None:
    assert result_of(sealed, outside.folder, act, about(outside, name)) == "ENOSYS"
    assert outside.secret.read_bytes() == b"a web identity"
    assert not (outside.folder / "new").exists()
    assert sealed.unsealed == ""


@pytest.mark.parametrize(("act", "name"), [(act, name) for act, name, possible in ACTS if possible])
def test_a_decoder_without_a_seal_can(act: str, name: str | None, unsealed: DecoderPool, outside: Outside) -> None:
    """So that the test above does not pass because its acts fail by themselves."""
    assert result_of(unsealed, outside.folder, act, about(outside, name)) == "done"


def test_a_sealed_decoder_can_use_threads(sealed: DecoderPool, tmp_path: Path) -> None:
    assert result_of(sealed, tmp_path, "thread", None) == "done"


def test_the_list_of_calls_holds_on_both_processors() -> None:
    assert set(ALLOWED) <= set(X86_64_SYSCALLS) & set(AARCH64_SYSCALLS)


def footage(folder: Path) -> dict[str, bytes]:
    """Files of every format, among them some that take the rarer ways through Pillow and FFmpeg."""
    exif = Image.Exif()
    exif[0x0112] = 6
    several = {"save_all": True, "append_images": [ASTRONAUT.rotate(5)]}
    return {
        "JPEG": still(ASTRONAUT),
        "progressive JPEG": still(ASTRONAUT, progressive=True),
        "large JPEG": still(ASTRONAUT.resize((3000, 2000))),
        "CMYK JPEG": still(ASTRONAUT.convert("CMYK")),
        "JPEG of several": still(ASTRONAUT, "MPO", **several),
        "JPEG with notes": still(ASTRONAUT, exif=exif, comment=b"a", dpi=(300, 300), icc_profile=b"profile" * 20),
        "nonsense": b"\xff\xd8\xff" + b"nonsense" * 50,
        "PNG": still(ASTRONAUT, "PNG"),
        "PNG with notes": still(ASTRONAUT, "PNG", exif=exif, icc_profile=b"profile" * 20),
        "animated PNG": still(ASTRONAUT, "PNG", **several),
        "PNG with a palette": still(ASTRONAUT.quantize(64), "PNG"),
        "grey PNG": still(GREY, "PNG"),
        "WebP": still(ASTRONAUT, "WEBP"),
        "large WebP": still(ASTRONAUT.resize((1600, 1200)), "WEBP"),
        "lossless WebP": still(ASTRONAUT, "WEBP", lossless=True, exif=exif),
        "animated WebP": still(ASTRONAUT, "WEBP", **several),
        "VP9": video(folder / "v.mkv", moving(5), codec="libvpx-vp9"),
        **{
            f"{codec} in {name}": video(folder / name, moving(25), codec=codec, sound=sound)
            for name in ("v.mp4", "v.mkv", "v.avi")
            for codec, sound in (("libx264", 0), ("mpeg4", 4), ("mjpeg", 0))
        },
    }


def variants(data: bytes) -> dict[str, bytes]:
    """`data` whole, with a bit in its middle the other way, with a hole, cut in the middle, cut at the end."""
    middle = len(data) // 2
    return {
        "whole": data,
        "flipped": data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :],
        "with a hole": damaged(data),
        "half": data[:middle],
        "cut": data[:-9],
    }


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # decoders run with warnings off
@pytest.mark.slow
def test_a_sealed_decoder_gives_the_same_for_all_formats_as_decoding_without_a_seal(tmp_path: Path) -> None:
    path = tmp_path / "footage"
    with DecoderPool(1, MEMORY) as pool:
        for name, data in footage(tmp_path).items():
            for variant, changed in variants(data).items():
                kind = sniff(changed[:HEAD])
                assert kind is not None
                job = Job(kind, False, limits_of(ValidateSettings()), 20, 60.0)
                path.write_bytes(changed)
                assert list(pool.run(job, path)) == list(decode(job, BytesIO(changed))), f"{name}, {variant}"
        assert pool.unsealed == ""


def test_on_a_kernel_without_seccomp_it_says_so_once_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    store = memory_store()
    begin_run(store, [put_footage(store, f"alice-porch-{AT - n}.jpg", still(ASTRONAUT)) for n in range(4)])
    with caplog.at_level(logging.WARNING, "nightjar_validate"):
        manifest = validated(store, decode=WITHOUT_SECCOMP)
    [warning] = manifest.warnings
    assert warning == (
        "decoders are not sealed (the kernel takes no seccomp filter: Function not implemented): "
        "a file that takes one over can read this user's files and open connections"
    )
    assert [record.getMessage() for record in caplog.records if record.name == "nightjar_validate.pool"] == [warning]
    assert manifest.counts.outcomes == {"standard": 4}


def test_where_decoders_are_sealed_there_is_no_warning() -> None:
    store = memory_store()
    begin_run(store, [put_footage(store, f"alice-porch-{AT}.jpg", still(ASTRONAUT))])
    assert validated(store).warnings == ()
