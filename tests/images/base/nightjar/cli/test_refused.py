"""`nightjar refused` and `nightjar retry`: which refusals are listed and retried, in words and as JSON."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightjar.cli.main import main
from nightjar.domain.names import Camera, NameRefused, parse_footage_name
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.reasons import Reason
from nightjar.errors import UsageError
from nightjar.queries.refused import Wanted, find
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectStore
from nightjar.stores.claims import CLAIMS, Claims
from nightjar.stores.footage import footage_key
from nightjar.stores.quarantine import Quarantine, entry_prefix
from nightjar.stores.rules import RulesStore

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
PORCH = Camera("alice", "porch")
RULES = b"""rules:
  200: {name: intruder, unsafe: [person], min_probability: 0.6}
users:
  alice: {email: a@example.com, timezone: Europe/Berlin, rules: [200], devices: {porch: {}}}
"""


def refuse(store: ObjectStore, name: str, reason: Reason, at: datetime = NOW, **values: Any) -> str:
    """A refusal by validate or, for a wrong name, by collect; returns its folder."""
    try:
        key, stage = footage_key(parse_footage_name(name)), "validate"
    except NameRefused:
        key, stage = f"incoming/{name}", "collect"
    info = store.put(key, b"content", metadata={"sha256": "0"})
    entry = QuarantineEntry(
        reason=reason,
        meaning=reason.meaning,
        expected="a good one",
        found="this",
        source_key=key,
        source_version=info.version_id,
        received_at=at,
        taken_at=None if stage == "collect" else at,
        sha256="0",
        size=7,
        stage=stage,
        image="example.com/nightjar/x:1",
        **{"detail": "", **values},
    )
    Quarantine(store).put(entry, b"content")
    return entry_prefix(entry)


def fill(store: ObjectStore) -> list[str]:
    yesterday = NOW - timedelta(days=1)
    return [
        refuse(store, "what is this \x1b[31m.jpg", Reason.BAD_NAME, yesterday),
        refuse(store, f"alice-porch-{AT}.jpg", Reason.GREY),
        refuse(store, f"alice-porh-{AT + 60}.jpg", Reason.UNKNOWN_CAMERA, NOW + timedelta(minutes=1)),
        refuse(store, f"bob-shop-{AT + 3600}.mp4", Reason.TRUNCATED, NOW + timedelta(hours=1), detail="frame at 0 ms"),
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), [0, 1, 2, 3]),
        (Wanted(reasons=frozenset({"grey"})), [1]),
        (Wanted(reasons=frozenset({"grey", "unknown-camera"})), [1, 2]),
        (Wanted(reasons=frozenset({"void"})), []),
        (Wanted(cameras=frozenset({PORCH})), [1]),
        (Wanted(cameras=frozenset({Camera("alice", "porh")})), [2]),
        (Wanted(start=NOW), [1, 2, 3]),
        (Wanted(end=NOW), [0]),
        (Wanted(start=NOW + timedelta(minutes=1), end=NOW + timedelta(hours=1)), [2]),
        (Wanted(start=NOW + timedelta(days=9)), []),
    ],
)
def test_which_refusals_are_listed(wanted: Wanted, expected: list[int]) -> None:
    store = MemoryStore()
    RulesStore(store).put(RULES)
    folders = fill(store)
    refused, unreadable = find(store, wanted)
    assert [folders.index(each.folder) for each in refused] == expected
    assert unreadable == []


def test_an_empty_bucket_and_a_lifted_refusal() -> None:
    store = MemoryStore()
    assert find(store, Wanted()) == ([], [])
    for folder in fill(store):
        Quarantine(store).lift(folder)
    assert find(store, Wanted()) == ([], [])


def test_a_camera_that_nobody_knows_is_a_mistake() -> None:
    store = MemoryStore()
    RulesStore(store).put(RULES)
    fill(store)
    assert find(store, Wanted(reasons=frozenset({"void"}), cameras=frozenset({PORCH}))) == ([], [])
    with pytest.raises(UsageError, match="did you mean alice-porch"):
        find(store, Wanted(cameras=frozenset({Camera("alice", "prch")})))
    by_its_refusals = frozenset({Camera("alice", "porh")})
    assert find(store, Wanted(reasons=frozenset({"void"}), cameras=by_its_refusals)) == ([], [])
    with pytest.raises(UsageError, match="got alice-prch"):
        find(store, Wanted(reasons=frozenset({"void"}), cameras=by_its_refusals | {Camera("alice", "prch")}))


def test_a_damaged_reason_is_told_and_hides_no_other(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    folders = fill(s3_store)
    s3_store.put(f"{folders[1]}reason.json", b"{")
    assert main(["refused"]) == 65
    said = capsys.readouterr()
    assert "3 refused" in said.out
    assert folders[1] in said.err


def test_the_table_and_the_json(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    folders = fill(s3_store)
    assert main(["refused", "--from", "2026-11-20"]) == 0
    table = capsys.readouterr().out
    assert "\x1b" not in table
    for text in ("2026-11-20 12:00:00", "grey", "alice-porch", "expected a good one, got this", folders[1]):
        assert text in table
    assert "3 refused: 1 grey, 1 unknown-camera, 1 truncated" in table
    assert main(["refused", "--reason", "truncated", "--format", "json"]) == 0
    [line] = json.loads(capsys.readouterr().out)
    assert (line["reason"], line["camera"], line["at"]) == ("truncated", "bob-shop", "2026-11-20T13:00:00Z")
    assert (line["key"], line["detail"], line["name"]) == (folders[3], "frame at 0 ms", f"bob-shop-{AT + 3600}.mp4")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "expected --reason or --camera"),
        (["--from", "2026-11-20"], "expected --reason or --camera"),
        (["--reason", "unknown-camra"], "did you mean unknown-camera?"),
        (["--reason", "nonsense"], "the reasons are bad-name, "),
        (["--camera", "alice"], "expected <user>-<device>"),
        (["--reason", "grey", "--from", "2026-11-21", "--to", "2026-11-20"], "--from before --to"),
    ],
)
def test_a_retry_that_is_not_understood_does_nothing(
    s3_store: S3Store, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(s3_store)
    assert main(["retry", *arguments]) == 64
    assert says in capsys.readouterr().err
    assert list(s3_store.list_objects(CLAIMS)) == []


def test_a_retry_says_what_it_did(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    fill(s3_store)
    assert main(["retry", "--reason", "grey", "truncated", "--dry-run"]) == 0
    assert "2 objects would go through again (dry run: nothing was done)" in capsys.readouterr().out
    assert list(s3_store.list_objects(CLAIMS)) == []
    assert main(["retry", "--reason", "grey", "truncated"]) == 0
    said = capsys.readouterr().out
    [held] = Claims(s3_store).waiting()
    assert f"run {held.claim.batch_id} of nightjar_live, 2 objects" in said
    assert held.run == held.claim.batch_id
    assert main(["retry", "--reason", "grey", "truncated"]) == 0
    assert "2 objects left out: an earlier retry is about to put them through" in capsys.readouterr().out
    assert len(list(Claims(s3_store).waiting())) == 1
    assert main(["retry", "--reason", "void"]) == 0
    assert "no refusal is of this kind" in capsys.readouterr().out
