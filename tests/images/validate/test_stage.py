"""The stage on the store in memory, with real decoders: every reason, what is kept, what is not done twice."""

import hashlib
import io
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nightjar.domain.batch import Footage
from nightjar.domain.reasons import Reason
from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from nightjar.settings.validate import ValidateSettings
from nightjar_validate.deciding import validator_id
from tests.bucket import put_footage
from tests.images.validate.pictures import ASTRONAUT, GREY, NONSENSE, bomb, moving, sound, still, video
from tests.images.validate.shards import (
    AT,
    LIVE_RUN,
    NOW,
    begin_run,
    memory_store,
    pictures,
    quarantine,
    validated,
)

HOSTILE = "tests.images.validate.hostile:decode"
GOOD = still(ASTRONAUT)
# By reason: a name and bytes that are refused for it.
REFUSED: dict[Reason, tuple[str, bytes]] = {
    Reason.UNKNOWN_CAMERA: (f"mallory-porch-{AT - 1}.jpg", GOOD),
    Reason.IMPLAUSIBLE_TIME: (f"alice-porch-{AT + 3600}.jpg", GOOD),
    Reason.EMPTY: (f"alice-porch-{AT - 2}.jpg", b""),
    Reason.TOO_MANY_BYTES: (f"alice-porch-{AT - 3}.jpg", GOOD + bytes(300_000)),
    Reason.UNSUPPORTED_FORMAT: (f"alice-porch-{AT - 4}.jpg", still(ASTRONAUT, "GIF")),
    Reason.TRUNCATED: (f"alice-porch-{AT - 5}.jpg", GOOD[:9_000]),
    Reason.CORRUPT: (f"alice-porch-{AT - 6}.jpg", NONSENSE),
    Reason.TOO_SMALL: (f"alice-porch-{AT - 7}.jpg", still(ASTRONAUT.resize((40, 40)))),
    Reason.TOO_MANY_PIXELS: (f"alice-porch-{AT - 8}.png", bomb(10_000, 8_000)),
    Reason.GREY: (f"alice-porch-{AT - 9}.jpg", still(GREY)),
    Reason.LOW_CONTRAST: (
        f"alice-porch-{AT - 10}.jpg",
        still(Image.blend(ASTRONAUT, Image.new("RGB", (512, 512), "#bbb"), 0.93)),
    ),
    Reason.VOID: (f"alice-porch-{AT - 11}.jpg", still(Image.new("RGB", (640, 480)))),
}


# In plain words, with what was measured and what was needed; of videos in tests of their own.
SAID = {
    Reason.UNKNOWN_CAMERA: "mallory-porch",
    Reason.TOO_SMALL: "40 x 40 pixels (at least 64 a side needed)",
    Reason.GREY: "no colour at all (0; at least 6 needed)",
    Reason.VOID: "a black picture (0; at least 12 needed)",
    Reason.UNSUPPORTED_FORMAT: "a GIF (begins with 47 49 46 38",
    Reason.TOO_MANY_PIXELS: "10000 x 8000 = 80,000,000 pixels (at most 50,000,000 allowed)",
    Reason.TOO_MANY_BYTES: "340,240 bytes (at most 300,000 allowed)",
    Reason.TRUNCATED: "less data than the picture needs (premature end of data segment)",
    Reason.NO_VIDEO: "no video (1 track of other kinds)",
    Reason.EMPTY: "an empty file (0 bytes)",
    Reason.DECODER_CRASHED: "a crash of the decoder (SIGABRT",
    Reason.DECODER_TIMEOUT: "no end of it",
    Reason.DECODER_OUT_OF_MEMORY: "a need for more",
}


def test_every_reason_is_refused_with_the_object_and_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NIGHTJAR_MAX_STILL_BYTES", "300000")
    monkeypatch.setenv("NIGHTJAR_STILL_SECONDS", "3")
    monkeypatch.setenv("NIGHTJAR_DECODER_MEBIBYTES", "384")
    monkeypatch.setenv("NIGHTJAR_MAX_FRAMES", "2")
    refused = {
        **REFUSED,
        Reason.NO_VIDEO: (f"alice-porch-{AT - 12}.mp4", sound(tmp_path / "sound.mp4")),
        Reason.VIDEO_TOO_LONG: (f"alice-porch-{AT - 3000}.mkv", video(tmp_path / "long.mkv", moving(50))),
        Reason.CLOCK_JUMP: (
            f"alice-porch-{AT - 2000}.mkv",
            video(tmp_path / "jump.mkv", moving(3), times=[0.0, 0.1, 36_000.0]),
        ),
        Reason.DECODER_CRASHED: (f"alice-porch-{AT - 14}.jpg", b"\xff\xd8\xff abort"),
        Reason.DECODER_TIMEOUT: (f"alice-porch-{AT - 15}.jpg", b"\xff\xd8\xff compute"),
        Reason.DECODER_OUT_OF_MEMORY: (f"alice-porch-{AT - 16}.jpg", b"\xff\xd8\xff eat"),
    }
    elsewhere = {Reason.BAD_NAME, Reason.IDENTITY_CONFLICT, Reason.UNREADABLE}  # in tests of their own
    assert set(refused) == set(Reason) - elsewhere, "expected a row for every reason"

    store = memory_store()
    footage = [put_footage(store, name, data) for name, data in refused.values()]
    good = put_footage(store, f"alice-porch-{AT}.jpg", GOOD)
    begin_run(store, [*footage, good])
    manifest = validated(store, decode=HOSTILE)
    assert manifest.counts.outcomes == {
        "standard": 4,
        **{f"quarantined:{reason}": 1 for reason in refused},
    }
    assert manifest.counts.received == len(refused) + 4
    found = {each.entry.reason: each for each in quarantine(store)}
    for reason, (name, data) in refused.items():
        each = found[reason]
        assert each.data == data, "expected the object itself in quarantine"
        assert each.key.startswith(f"quarantine/{reason}/2026/11/20/")
        assert each.entry.source_key.endswith(name.rpartition("-")[2])
        assert (each.entry.sha256, each.entry.size) == (hashlib.sha256(data).hexdigest(), len(data))
        assert each.entry.found.startswith(SAID.get(reason, "")) and each.entry.found and each.entry.expected
        assert each.entry.run == LIVE_RUN.removeprefix("runs/").rstrip("/")
    # The pictures that a video holds before it is refused are used.
    keys = [each.key for each in footage if each.name.is_video and each.key.endswith(".mkv")]
    assert sorted(picture.footage_key for picture in pictures(store)) == sorted([good.key, *keys, keys[0]])


def test_footage_in_the_wrong_place() -> None:
    """Put there by hand, past collect."""
    store = memory_store()
    keys = [f"footage/2026/11/20/12/alice-porch-{AT}.jpg", f"footage/2026/11/20/13/alice-porch-{AT}.JPEG"]
    begin_run(store, [put_by_hand(store, key) for key in keys])
    assert validated(store).counts.outcomes == {"quarantined:bad-name": 2}
    assert sorted(each.entry.source_key for each in quarantine(store)) == sorted(keys)


def put_by_hand(store: MemoryStore, key: str) -> Footage:
    info = store.put(key, GOOD)
    return Footage.model_validate({"key": key, "version_id": info.version_id, "size": len(GOOD), "sha256": ""})


def test_a_standard_picture_and_its_line() -> None:
    store = memory_store()
    footage = put_footage(store, f"alice-yard-{AT}250.webp", still(GREY.convert("RGB"), "WEBP"))
    begin_run(store, [footage])
    manifest = validated(store)
    [picture] = pictures(store)
    assert picture.standard_key == f"standard/2026/11/20/13/alice-yard/{AT}250.jpg"
    assert picture.taken_at == NOW + timedelta(milliseconds=250)
    assert (picture.footage_key, picture.footage_version) == (footage.key, footage.version_id)
    data, info = store.get(picture.standard_key)
    assert picture.standard_sha256 == hashlib.sha256(data).hexdigest() == info.metadata["sha256"]
    assert Image.open(io.BytesIO(data)).size == (picture.width, picture.height)
    keys = {ref.key for ref in manifest.objects}
    assert keys == {
        picture.standard_key,
        f"{LIVE_RUN}validate/pack-0001/pictures.jsonl",
        f"validations/{validator_id(ValidateSettings())}/2026/11/20/alice-yard/20261120T130500Z-0123456789ab.jsonl",
    }
    for ref in manifest.objects:
        assert hashlib.sha256(store.get(ref.key, ref.version_id)[0]).hexdigest() == ref.sha256


def test_a_decoder_goes_on_while_its_still_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    class TwoAtOnce(MemoryStore):
        """Writes a standard picture only together with another."""

        together = threading.Barrier(2)

        def put(self, key: str, *args: Any, **options: Any) -> ObjectInfo:
            if key.startswith("standard/"):
                self.together.wait(30)
            return super().put(key, *args, **options)

    monkeypatch.setenv("NIGHTJAR_DECODERS", "1")
    store = TwoAtOnce(clock=lambda: NOW)
    begin_run(store, [put_footage(store, f"alice-porch-{AT - n}.jpg", GOOD) for n in range(2)])
    assert validated(store).counts.outcomes == {"standard": 2}


def test_an_empty_shard() -> None:
    store = memory_store()
    begin_run(store, [])
    manifest = validated(store)
    assert (manifest.counts.received, pictures(store)) == (0, [])


def test_a_shard_that_is_not_there_is_refused() -> None:
    store = memory_store()
    begin_run(store, [])
    with pytest.raises(InputError, match="found none"):
        validated(store, shard="other")
