"""`nightjar alerts`: which alerts are listed, with which state, in words and as JSON."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightjar.cli.alerts import Told, Wanted, find
from nightjar.cli.main import main
from nightjar.domain.alerts import LEASE, Alert, ApiCall
from nightjar.domain.names import Camera
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.store import ObjectStore

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
REFUSED = ApiCall(at=NOW, method="POST", url="u", request={"secret": "body"}, status=400, response="bad address")


def put(store: ObjectStore, event: str, began: datetime = NOW, day: str = "", **values: Any) -> str:
    """A line of the ledger; returns its key."""
    fields = {
        "user": "alice",
        "device": "porch",
        "rule_id": 300,
        "state": "sent",
        "channel": "email",
        "recipient": "alice@example.com",
        "subject": "Person at Porch, home, 13:00",
        "possibly_repeated": False,
        "run": "r1",
        "claimed_at": began,
        **values,
    }
    alert = Alert(event_id=event, event_key=f"events/{event}.json", started_at=began, **fields)
    key = f"alerts/{day or f'{began:%Y/%m/%d}'}/{event}.json"
    store.put(key, alert.model_dump_json(by_alias=True).encode())
    return key


def ids(told: list[Told]) -> list[str]:
    return [each.line.alert.event_id for each in told]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), ["old", "e1", "e2", "e3"]),
        (Wanted(start=NOW - timedelta(hours=1)), ["e2", "e3"]),
        (Wanted(start=NOW - timedelta(hours=3), end=NOW), ["e1"]),
        (Wanted(end=NOW - timedelta(hours=2)), ["old"]),
        (Wanted(start=NOW - timedelta(days=400), end=NOW), ["old", "e1"]),
        (Wanted(event="e2"), ["e2"]),
        (Wanted(event="e"), ["e1", "e2", "e3"]),
        (Wanted(event="x"), []),
        (Wanted(user="bob"), ["e3"]),
        (Wanted(user="alic"), []),
        (Wanted(cameras=frozenset({Camera("alice", "porch")})), ["old", "e1"]),
        (Wanted(cameras=frozenset({Camera("alice", "porch"), Camera("bob", "door")})), ["old", "e1", "e3"]),
        (Wanted(user="bob", cameras=frozenset({Camera("alice", "porch")})), []),
    ],
)
def test_only_what_is_wanted_is_listed_by_the_beginning_of_the_event(wanted: Wanted, expected: list[str]) -> None:
    store = MemoryStore()
    put(store, "e3", NOW + timedelta(minutes=1), user="bob", device="door")
    put(store, "e2", NOW, device="yard")
    put(store, "e1", NOW - timedelta(hours=2), day="2026/11/27")  # made on another day than it is now known to begin
    put(store, "old", NOW - timedelta(days=300))
    assert ids(find(store, wanted, NOW)[0]) == expected


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"state": "sent"}, "sent"),
        ({"state": "sent", "possibly_repeated": True}, "sent"),
        ({"state": "failed"}, "failed"),
        ({"state": "claimed"}, "claimed"),
        ({"state": "claimed", "in_flight": True}, "claimed"),
        ({"state": "claimed", "in_flight": True, "claimed_at": NOW - LEASE}, "uncertain"),
        ({"state": "claimed", "possibly_repeated": True}, "uncertain"),
        ({"state": "outbox", "outbox_key": "outbox/there.eml"}, "in outbox"),
        ({"state": "outbox", "outbox_key": "outbox/gone.eml"}, "in outbox (no longer there)"),
        ({"state": "muted"}, "muted"),  # of a later release
    ],
)
def test_states_in_words(values: dict[str, Any], state: str) -> None:
    store = MemoryStore()
    store.put("outbox/there.eml", b"")
    put(store, "e1", **values)
    assert [each.state for each in find(store, Wanted(), NOW)[0]] == [state]


def test_a_line_that_cannot_be_read_hides_no_other() -> None:
    store = MemoryStore()
    put(store, "e1")
    store.put("alerts/2026/11/26/e0.json", b"{")
    told, unreadable = find(store, Wanted(), NOW)
    assert ids(told) == ["e1"]
    [problem] = unreadable
    assert "alerts/2026/11/26/e0.json" in problem


def test_the_command(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str, code: int = 0) -> str:
        assert main(["alerts", *arguments]) == code
        return "".join(capsys.readouterr())

    assert "no alerts of events since" in said()
    now = datetime.now(UTC)
    key = put(s3_store, "0123456789abcdef", now - timedelta(minutes=5))
    put(s3_store, "feed", now - timedelta(minutes=4), state="failed", calls=(REFUSED,), user="bob", device="door")
    put(s3_store, "beef", now - timedelta(days=30))
    listed = said().splitlines()
    assert listed[0].split() == ["began", "state", "camera", "to", "subject", "event"]
    assert listed[1].endswith("sent    alice-porch  alice@example.com  Person at Porch, home, 13:00  0123456789abcdef")
    assert listed[3:] == ["  the last answer was 400: bad address", "2 alerts: 1 sent, 1 failed"]
    assert "beef" in said("--from", "2026-01-01")
    assert "beef" in said("--to", f"{now - timedelta(days=29):%Y-%m-%d}"), "expected those of the days before --to"
    for edge in ("0001-01-01", "0001-01-01T01:00", "0001-01-02T00:00+14:00", "9999-12-31T23:59-12:00"):
        said("--to", edge)
    said("--from", "0001-01-01T00:00+14:00", "--to", "9999-12-31T23:59-14:00")
    s3_store.put("config/rules.yaml", b"users: {bob: {email: b@example.com, timezone: UTC, devices: {door: {}}}}")
    assert "1 alert: 1 failed" in said("--camera", "bob-door")
    said("--camera", "bob-dore", code=64)
    assert "1 alert: 1 sent" in said("--user", "alice")
    assert "did you mean bob?" in said("--user", "bobb", code=64)
    assert "no alerts" in said("--user", "bob", "--from", "2026-01-01", "--to", "2026-01-02")
    details = said("--event", "0123")
    for part in ("state         sent", f"ledger        {key}", "by run r1", "finished      not yet"):
        assert part in details
    assert "UTC  400: bad address" in said("--event", "feed")
    assert "no alert of this event" in said("--event", "nothing")
    first, second = json.loads(said("--format", "json"))
    assert (first["event_id"], first["camera"], first["state"], first["ledger_key"]) == (
        *("0123456789abcdef", "alice-porch", "sent"),
        key,
    )
    assert second["calls"][0]["response"] == "bad address"
    assert "secret" not in json.dumps(second)
    assert json.loads(said("--format", "json", "--event", "nothing")) == []
    assert "--camera" in said("--camera", "nobody", code=64)
    assert "expected --from before --to" in said("--from", "2026-11-20", "--to", "2026-11-19", code=64)
    s3_store.put(f"alerts/{now:%Y/%m/%d}/bad.json", b"{")
    assert "1 of 3 lines were left out" in said(code=65)


DELIVERIES = [
    {"channel": "email", "recipient": "alice@example.com", "state": "sent", "subject": "s", "together": ["e2"]},
    {"channel": "email", "recipient": "bob@example.com", "state": "claimed", "subject": "s", "possibly_repeated": True},
    {"channel": "oncall", "recipient": "", "state": "failed", "subject": "s", "problem": "expected a channel"},
]


def test_each_delivery_has_its_own_state(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    call = REFUSED.model_copy(update={"status": None, "response": "gone", "recipient": "bob@example.com"})
    put(s3_store, "e1", began=datetime.now(UTC), deliveries=DELIVERIES, calls=[call])
    assert main(["alerts"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line[20:] for line in lines[1:] if line.startswith("20")] == [
        "sent alice-porch alice@example.com s e1",
        "uncertain alice-porch bob@example.com s e1",
        "failed alice-porch oncall s e1",
    ]
    assert "the last answer was no answer: gone" in lines
    assert "expected a channel" in lines
    assert lines[-1] == "1 alert: 1 sent, 1 uncertain, 1 failed"
    assert main(["alerts", "--event", "e1"]) == 0
    text = capsys.readouterr().out
    for part in (
        "channel       email to alice@example.com, sent, with 1 more",
        "channel       email to bob@example.com, uncertain, possibly repeated",
        "channel       oncall, failed, expected a channel",
        "no answer: gone",
    ):
        assert part in text
    assert main(["alerts", "--format", "json"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert told["state"] == "sent, uncertain, failed"
    assert [each["state"] for each in told["deliveries"]] == ["sent", "uncertain", "failed"]


def test_notices_are_listed_with_what_they_are_about(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    for identity, values in (("t1", {"kind": "equipment"}), ("d1", {"kind": "digest", "device": ""})):
        key = put(s3_store, identity, began=now, **values)
        body = s3_store.get(key)[0]
        s3_store.delete(key)
        s3_store.put(key.replace("alerts/", "alerts/notices/"), body)
    assert main(["alerts"]) == 0
    rows = [line.split()[2:5] for line in capsys.readouterr().out.splitlines()[1:3]]
    assert rows == [["sent", "alice", "alice@example.com"], ["sent", "alice-porch", "alice@example.com"]]
