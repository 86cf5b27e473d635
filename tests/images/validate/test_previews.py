"""Previews of refused footage: small pictures that the sealed decoder made, for people to look at."""

import hashlib
import io
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nightjar.domain.manifest import Manifest
from nightjar.domain.reasons import Reason
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.quarantine import Quarantine
from nightjar_validate.decoded import LARGEST_PREVIEW, Refused
from nightjar_validate.wire import WireError, receive_answer, send_answer
from tests.bucket import put_footage
from tests.images.validate.decoding import decoded, near
from tests.images.validate.pictures import ASTRONAUT, GREY, NONSENSE, RED, bomb, halves, moving, still, video
from tests.images.validate.shards import AT, begin_run, memory_store, quarantine, state, validated

BLACK = Image.new("RGB", (640, 480))
TURNED = Image.Exif()
TURNED[0x0112] = 6  # to be shown turned by 90 degrees


def refused(data: bytes, **limits: Any) -> Refused:
    """The last that decoding yields, which is a refusal."""
    last = decoded(data, **limits)[-1]
    assert isinstance(last, Refused), last
    return last


@pytest.mark.parametrize(
    ("data", "reason", "size"),
    [
        (still(GREY), Reason.GREY, (320, 320)),
        (still(GREY.resize((1600, 900)), "PNG"), Reason.GREY, (320, 180)),
        (still(GREY.resize((200, 100)), "WEBP"), Reason.GREY, (200, 100)),
        (still(BLACK), Reason.VOID, (320, 240)),
        (still(ASTRONAUT.resize((40, 20))), Reason.TOO_SMALL, (40, 20)),
        (still(ASTRONAUT.resize((40, 400)), "PNG"), Reason.TOO_SMALL, (32, 320)),
        (still(ASTRONAUT.resize((63, 20), reducing_gap=None), "WEBP"), Reason.TOO_SMALL, (63, 20)),
    ],
)
def test_a_still_that_was_decoded_has_one(data: bytes, reason: Reason, size: tuple[int, int]) -> None:
    one = refused(data)
    assert one.reason is reason
    image = Image.open(io.BytesIO(one.preview))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", size)
    assert refused(data).preview == one.preview, "expected the same bytes each time"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (NONSENSE, Reason.CORRUPT),
        (still(ASTRONAUT)[:700], Reason.TRUNCATED),
        (bomb(10_000, 8_000), Reason.TOO_MANY_PIXELS),
        (bomb(50, 100)[:60], Reason.TRUNCATED),
    ],
    ids=["nonsense", "torn", "a bomb", "a PNG without pixels"],
)
def test_there_is_none_where_nothing_whole_was_decoded(data: bytes, reason: Reason) -> None:
    one = refused(data, min_side=1)
    assert (one.reason, one.preview) == (reason, b"")


@pytest.mark.parametrize("data", [still(ASTRONAUT.resize((40, 40)))[:400], bomb(30_000, 50 * 100)[:2_000]])
def test_a_picture_that_is_too_small_stays_so_whatever_else_is_wrong_with_it(data: bytes) -> None:
    one = refused(data, min_side=30_001)
    assert (one.reason, one.preview) in {(Reason.TOO_SMALL, b""), (Reason.TOO_MANY_PIXELS, b"")}


@pytest.mark.parametrize("progressive", [False, True])
def test_a_torn_jpeg_shows_what_came_of_it(progressive: bool) -> None:
    data = still(halves((1280, 960)), quality=95, progressive=progressive)
    one = refused(data[: len(data) // 2])
    assert one.reason is Reason.TRUNCATED
    image = Image.open(io.BytesIO(one.preview))
    assert image.size == (320, 240)
    assert near(image, (0.2, 0.1), RED)
    assert progressive or not near(image, (0.2, 0.9), RED), "expected no more than came"
    holed = bytearray(still(ASTRONAUT))
    holed[8_000:12_000] = bytes(4_000)
    assert refused(bytes(holed)).preview


def test_it_is_upright_and_carries_no_notes() -> None:
    picture = halves((60, 40))
    data = still(picture, exif=TURNED, comment=b"secret place")
    image = Image.open(io.BytesIO(refused(data).preview))
    assert image.size == (40, 60)
    assert near(image, (0.5, 0.1), RED)
    assert not image.getexif() and "comment" not in image.info


def test_a_video_shows_its_first_picture(tmp_path: Path) -> None:
    frames = [*moving(3), BLACK]
    clip = video(tmp_path / "v.mkv", frames, rate=1, size=(640, 480))
    black = refused(clip)
    assert (black.reason, black.offset_ms) == (Reason.VOID, 3000)
    assert Image.open(io.BytesIO(black.preview)).size == (320, 240)
    too_long = refused(clip, max_frames=2)
    assert too_long.reason is Reason.VIDEO_TOO_LONG
    first = Image.open(io.BytesIO(too_long.preview))
    assert first.size == (320, 240)
    assert first.convert("L").getextrema() != (0, 0)
    assert refused(video(tmp_path / "small.mkv", frames, rate=1, size=(32, 32))).preview


def mixed() -> tuple[MemoryStore, Manifest]:
    """A bucket with refusals of several kinds, validated."""
    store = memory_store()
    begin_run(
        store,
        [
            put_footage(store, f"alice-porch-{AT - 1}.jpg", still(GREY)),
            put_footage(store, f"alice-porch-{AT - 2}.jpg", NONSENSE),
            put_footage(store, f"alice-yard-{AT - 3}.jpg", still(ASTRONAUT)),
            put_footage(store, f"alice-yard-{AT - 3}.png", still(halves(), "PNG")),
        ],
    )
    return store, validated(store)


def test_it_is_kept_beside_the_object_and_counted_in_the_manifest() -> None:
    store, manifest = mixed()
    named = {ref.key: ref for ref in manifest.objects}
    previews = {}
    for each in quarantine(store):
        folder = each.key.removesuffix("object")
        preview = Quarantine(store).preview_of(folder)
        assert bool(preview) == bool(each.entry.preview_sha256) == (f"{folder}preview.jpg" in named)
        if preview:
            data, info = preview
            assert hashlib.sha256(data).hexdigest() == each.entry.preview_sha256
            assert (named[info.key].sha256, named[info.key].version_id) == (each.entry.preview_sha256, info.version_id)
            previews[each.entry.reason] = data
    assert previews.keys() == {Reason.GREY, Reason.IDENTITY_CONFLICT}
    again = validated(store, decode="tests.images.validate.hostile:missing")  # from the store of validations
    assert again.objects == manifest.objects


def test_decoding_again_writes_no_version_more() -> None:
    store, _ = mixed()
    before = [(key, version) for key, version in state(store) if key.startswith("quarantine/")]
    for info in list(store.list_objects("validations/")):
        store.delete(info.key, info.version_id)
    validated(store)
    assert [(key, version) for key, version in state(store) if key.startswith("quarantine/")] == before


def test_a_forged_preview_is_no_answer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        good = Refused(Reason.GREY, "expected colour, got none", 7, b"picture", b"preview")
        send_answer(theirs, good)
        came = receive_answer(ours, time.monotonic() + 10)
        assert isinstance(came, Refused)
        assert (came, came.data, came.preview) == (good, b"picture", b"preview")
        theirs_sends = replace(good, preview=bytes(LARGEST_PREVIEW + 1))
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        send_answer(theirs, theirs_sends)
        with pytest.raises(WireError, match="expected an answer"):
            receive_answer(ours, time.monotonic() + 10)
