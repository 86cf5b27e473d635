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
from nightjar.domain.validations import FailedFootage, Validation
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ARCHIVED, INCOMPLETE, ObjectInfo
from nightjar.settings.validate import ValidateSettings
from nightjar.stores.rules import RULES_KEY
from nightjar.stores.runs import stage_prefix
from nightjar_validate.deciding import validator_id
from tests.bucket import RULES, put_footage
from tests.images.validate.pictures import ASTRONAUT, GREY, bomb, moving, sound, still, video
from tests.images.validate.shards import (
    AT,
    HISTORY_RUN,
    LIVE_RUN,
    NOW,
    Failing,
    begin_run,
    memory_store,
    pictures,
    quarantine,
    state,
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
    Reason.CORRUPT: (f"alice-porch-{AT - 6}.jpg", b"\xff\xd8\xff" + b"nonsense" * 9 + b"\xff\xd9"),
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


def mixed_shard(store: MemoryStore, path: Path) -> list[Footage]:
    """A good still and a refused one, a video with a good and a refused frame, and one of each that is corrupt."""
    frames = [*moving(1), Image.new("RGB", (320, 240))]
    return [
        put_footage(store, f"alice-porch-{AT}.jpg", GOOD),
        put_footage(store, f"alice-porch-{AT - 60}.jpg", still(GREY)),
        put_footage(store, f"alice-porch-{AT - 100}.mp4", video(path / "v.mp4", frames, rate=1)),
        put_footage(store, f"alice-porch-{AT - 200}.jpg", REFUSED[Reason.CORRUPT][1]),
        put_footage(store, f"alice-porch-{AT - 300}.mkv", b"\x1a\x45\xdf\xa3\x84" + b"nonsense" * 100),
    ]


def test_doing_it_again_decodes_nothing_and_changes_nothing(tmp_path: Path) -> None:
    store = memory_store()
    begin_run(store, mixed_shard(store, tmp_path))
    first = validated(store)
    refused = {"quarantined:corrupt": 2, "quarantined:grey": 1, "quarantined:void": 1}
    assert first.counts.outcomes == {"standard": 2, **refused}
    assert first.counts.details == {"footage": 5, "videos": 2, "reused": 0}
    before = state(store)
    again = validated(store, decode="tests.images.validate.hostile:missing")  # no decoder could even start
    assert state(store) == before
    assert again.objects == first.objects
    assert again.counts.model_copy(update={"details": first.counts.details}) == first.counts
    assert again.counts.details["reused"] == 5


def test_without_its_validations_it_decodes_again_and_still_changes_nothing(tmp_path: Path) -> None:
    store = memory_store()
    begin_run(store, mixed_shard(store, tmp_path))
    first = validated(store)
    before = state(store)
    for info in store.list_objects("validations/"):
        store.delete(info.key, info.version_id)
    again = validated(store)
    assert again.counts == first.counts
    assert [key for key, _ in state(store)] == [key for key, _ in before]
    same = [(k, v) for k, v in before if not k.startswith("validations/")]
    assert [(k, v) for k, v in state(store) if not k.startswith("validations/")] == same


def test_history_reuses_what_live_runs_validated(tmp_path: Path) -> None:
    store = memory_store()
    footage = mixed_shard(store, tmp_path)
    begin_run(store, footage)
    validated(store)
    begin_run(store, [f.model_copy(update={"sha256": ""}) for f in footage], HISTORY_RUN)
    manifest = validated(store, HISTORY_RUN)
    assert manifest.counts.details["reused"] == 5
    assert pictures(store, HISTORY_RUN) == pictures(store)


def test_a_rebuilt_image_validates_nothing_again() -> None:
    store = memory_store()
    footage = [put_footage(store, f"alice-porch-{AT}.jpg", GOOD)]
    begin_run(store, footage)
    first = validated(store)
    begin_run(store, footage, HISTORY_RUN)
    again = validated(store, HISTORY_RUN, image="registry.example.com/nightjar/validate:1.0.1")
    assert (again.counts.details["reused"], again.result) == (1, first.result)
    folders = {info.key.split("/")[1] for info in store.list_objects("validations/")}
    assert folders == {first.result["validator"]}


@pytest.mark.parametrize("change", ["other settings", "other rules", "the standard picture is gone"])
def test_what_changed_is_looked_at_again(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = memory_store()
    footage = [
        put_footage(store, f"alice-porch-{AT}.jpg", still(GREY)),
        put_footage(store, f"alice-yard-{AT}.jpg", GOOD),
    ]
    begin_run(store, footage)
    assert validated(store).counts.outcomes == {"standard": 1, "quarantined:grey": 1}
    looked_again, outcomes = 2, {"standard": 1, "quarantined:grey": 1}
    if change == "other settings":
        monkeypatch.setenv("NIGHTJAR_LONG_SIDE", "320")
    elif change == "other rules":
        store.put(RULES_KEY, RULES.replace(b"{site: home}", b"{allow_grey: true}"))
        looked_again, outcomes = 1, {"standard": 2}
    else:
        [picture] = pictures(store)
        store.delete(picture.standard_key)
        looked_again = 1
    begin_run(store, footage, HISTORY_RUN)
    manifest = validated(store, HISTORY_RUN)
    assert manifest.counts.details["reused"] == 2 - looked_again
    assert manifest.counts.outcomes == outcomes
    listed = pictures(store, HISTORY_RUN)
    current = {p.standard_key: store.get(p.standard_key)[0] for p in listed}
    assert all(hashlib.sha256(current[p.standard_key]).hexdigest() == p.standard_sha256 for p in listed)


def test_what_lost_its_decoder_is_looked_at_again() -> None:
    """It may have been the machine's doing."""
    store = memory_store()
    footage = [
        put_footage(store, f"alice-porch-{AT}.jpg", GOOD),
        put_footage(store, f"alice-porch-{AT - 1}.jpg", b"\xff\xd8\xff abort"),
    ]
    begin_run(store, footage)
    assert validated(store, decode=HOSTILE).counts.outcomes == {"standard": 1, "quarantined:decoder-crashed": 1}
    again = validated(store)
    assert again.counts.outcomes == {"standard": 1, "quarantined:truncated": 1}
    assert again.counts.details["reused"] == 1


def test_what_the_log_says_names_the_camera(caplog: pytest.LogCaptureFixture) -> None:
    store = memory_store()
    gone = put_footage(store, f"alice-yard-{AT}.jpg", GOOD)
    store.delete(gone.key, gone.version_id)
    begin_run(store, [put_footage(store, f"alice-porch-{AT}.jpg", still(GREY)), gone])
    with caplog.at_level("INFO", "nightjar_validate"):
        validated(store)
    said = {(r.levelname, vars(r)["footage"][-6:], vars(r)["camera"]) for r in caplog.records if "footage" in vars(r)}
    assert said == {("INFO", "00.jpg", "alice-porch"), ("WARNING", "00.jpg", "alice-yard")}


def test_footage_that_vanished_fails_alone() -> None:
    store = memory_store()
    footage = [put_footage(store, f"alice-porch-{AT - n}.jpg", GOOD) for n in range(3)]
    store.delete(footage[1].key, footage[1].version_id)
    begin_run(store, footage)
    manifest = validated(store)
    assert manifest.counts.outcomes == {"standard": 2, "failed:footage-missing": 1}
    assert len(pictures(store)) == 2
    [validations] = store.list_objects("validations/")
    lines, _ = read_lines(store, validations.key, Validation)
    assert footage[1].key not in {line.footage_key for line in lines}, "expected another run to try again"


@pytest.mark.parametrize("code", [ARCHIVED, "AccessDenied", "KMS.DisabledException", INCOMPLETE])
def test_footage_that_s3_does_not_give_fails_by_name_with_the_code(code: str) -> None:
    store = memory_store()
    footage = [put_footage(store, f"alice-porch-{AT - n}.jpg", GOOD) for n in range(3)]
    store.make_unreadable(footage[1].key, code)
    begin_run(store, footage)
    manifest = validated(store)
    assert manifest.counts.outcomes == {"standard": 2, f"failed:footage-unreadable:{code}": 1}
    [warning] = manifest.warnings
    assert footage[1].key in warning and code in warning
    [line] = read_lines(store, f"{stage_prefix(LIVE_RUN, 'validate', 'pack-0001')}failures.jsonl", FailedFootage)[0]
    assert (line.footage_key, line.footage_version) == (footage[1].key, footage[1].version_id)
    store.make_unreadable(footage[1].key, None)
    assert validated(store).counts.outcomes == {"standard": 3}


RENAMED = RULES.replace(b"porch:", b"front:")


@pytest.mark.parametrize("max_side", ["1280", "640"], ids=["the same limits", "other limits since"])
def test_a_camera_that_was_renamed_keeps_what_was_valid(max_side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = memory_store()
    good = put_footage(store, f"alice-porch-{AT}.jpg", GOOD)
    grey = put_footage(store, f"alice-porch-{AT - 1}.jpg", still(GREY))
    begin_run(store, [good, grey])
    before = validated(store).counts.outcomes
    assert before == {"standard": 1, "quarantined:grey": 1}
    monkeypatch.setenv("NIGHTJAR_LONG_SIDE", max_side)
    late = put_footage(store, f"alice-porch-{AT - 2}.jpg", GOOD)  # nobody has looked at it under the old rules
    store.put(RULES_KEY, RENAMED)
    begin_run(store, [good, grey, late], HISTORY_RUN)
    manifest = validated(store, HISTORY_RUN)
    assert manifest.counts.outcomes == {**before, "quarantined:unknown-camera": 1}
    assert manifest.counts.details["reused"] == 2
    assert [picture.footage_key for picture in pictures(store, HISTORY_RUN)] == [good.key]


def test_mended_rules_bring_in_what_was_refused_and_never_the_other_way_round() -> None:
    store = memory_store()
    footage = [put_footage(store, f"alice-porch-{AT}.jpg", GOOD)]
    runs = [
        (RENAMED, {"standard": 0, "quarantined:unknown-camera": 1}),
        (RULES, {"standard": 1}),
        (RENAMED, {"standard": 1}),
        (RULES, {"standard": 1}),
    ]
    for rules, outcomes in runs:
        store.put(RULES_KEY, rules)
        begin_run(store, footage, HISTORY_RUN)
        expected = {outcome: number for outcome, number in outcomes.items() if number}
        assert validated(store, HISTORY_RUN).counts.outcomes == expected


def test_content_counts_and_not_the_ending(tmp_path: Path) -> None:
    store = memory_store()
    frames = [*moving(1), Image.new("RGB", (320, 240)), Image.new("RGB", (320, 240))]
    footage = [
        put_footage(store, f"alice-porch-{AT - 10}.jpg", video(tmp_path / "v.mp4", frames, rate=1)),
        put_footage(store, f"alice-porch-{AT}.mp4", still(ASTRONAUT, "PNG")),
        put_footage(store, f"alice-porch-{AT - 20}.mp4", still(GREY)),
    ]
    begin_run(store, footage)
    manifest = validated(store)
    assert manifest.counts.outcomes == {"standard": 2, "quarantined:void": 2, "quarantined:grey": 1}
    assert manifest.counts.details["videos"] == 1
    assert {len(each.data) == footage[2].size for each in quarantine(store) if each.entry.reason is Reason.GREY} == {
        True
    }


def test_shards_of_one_camera_do_not_overwrite_each_other() -> None:
    store = memory_store()
    for number in (1, 2):
        shard = f"alice-porch.{number}"
        begin_run(store, [put_footage(store, f"alice-porch-{AT - number}.jpg", GOOD)], shard=shard)
        validated(store, shard=shard)
    assert [info.key.rpartition("/")[2] for info in store.list_objects("validations/")] == [
        "20261120T130500Z-0123456789ab.1.jsonl",
        "20261120T130500Z-0123456789ab.2.jsonl",
    ]


def test_a_failing_store_is_no_reason_to_refuse_anything() -> None:
    store = Failing(clock=lambda: NOW)
    footage = [put_footage(store, f"alice-porch-{AT - n}.jpg", GOOD) for n in range(8)]
    begin_run(store, footage)
    store.failing = "standard/"
    with pytest.raises(TryAgainError):
        validated(store)
    store.failing = "nothing"
    assert quarantine(store) == []
    assert validated(store).counts.outcomes == {"standard": 8}


def kept(store: MemoryStore) -> list[str]:
    """The footage in the one object of validations."""
    [validations] = store.list_objects("validations/")
    return [line.footage_key for line in read_lines(store, validations.key, Validation)[0]]


def test_what_was_decided_before_a_stop_is_kept_for_the_next_try() -> None:
    store = Failing(clock=lambda: NOW)
    footage = [put_footage(store, f"alice-porch-{AT + n}.jpg", GOOD) for n in range(-7, 1)]
    begin_run(store, footage)
    last = f"standard/2026/11/20/13/alice-porch/{AT}.jpg"
    store.failing = last
    with pytest.raises(TryAgainError):
        validated(store)
    assert kept(store) == [one.key for one in footage[:-1]]
    store.failing = "nothing"
    assert validated(store).counts.details["reused"] == 7
    assert kept(store) == [one.key for one in footage]

    store.delete(last)
    store.delete(f"standard/2026/11/20/13/alice-porch/{AT - 7}.jpg")
    store.failing = last
    with pytest.raises(TryAgainError):
        validated(store)
    assert kept(store) == [one.key for one in footage], "expected a stop to lose nothing of an earlier try"


def test_a_stop_is_told_also_where_nothing_can_be_kept() -> None:
    store = Failing(clock=lambda: NOW)
    begin_run(store, [put_footage(store, f"alice-porch-{AT + n}.jpg", still(GREY)) for n in range(-7, 1)])
    store.failing = "validations/"
    with pytest.raises(TryAgainError):
        validated(store)
    assert list(store.list_objects("validations/")) == []
