"""The stage once more: what was validated is not decoded again, what changed is, and nothing is lost by a stop."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from nightjar.domain.batch import Footage
from nightjar.domain.reasons import Reason
from nightjar.domain.validations import FailedFootage, Validation
from nightjar.errors import TryAgainError
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ARCHIVED, INCOMPLETE
from nightjar.stores.rules import RULES_KEY
from nightjar.stores.runs import stage_prefix
from tests.bucket import RULES, put_footage
from tests.images.validate.pictures import ASTRONAUT, GREY, NONSENSE, moving, still, video
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
HOSTILE = "tests.images.validate.hostile:decode"
GOOD = still(ASTRONAUT)


def mixed_shard(store: MemoryStore, path: Path) -> list[Footage]:
    """A good still and a refused one, a video with a good and a refused frame, and one of each that is corrupt."""
    frames = [*moving(1), Image.new("RGB", (320, 240))]
    return [
        put_footage(store, f"alice-porch-{AT}.jpg", GOOD),
        put_footage(store, f"alice-porch-{AT - 60}.jpg", still(GREY)),
        put_footage(store, f"alice-porch-{AT - 100}.mp4", video(path / "v.mp4", frames, rate=1)),
        put_footage(store, f"alice-porch-{AT - 200}.jpg", NONSENSE),
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
