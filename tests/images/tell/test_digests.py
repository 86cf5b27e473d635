"""Digests: at the user's local time, once a day, with all that was held back; none when nothing was."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from nightjar.domain.alerts import DigestLine
from nightjar.domain.digest_times import digest_day
from nightjar.domain.names import Camera
from nightjar.domain.troubles import TroubleKind
from nightjar.errors import TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.runtime.store import ObjectInfo
from nightjar.stores.digests import Digests
from nightjar_local.sendgrid_double import Reply, SendGridDouble
from tests.images.tell.conftest import Tell
from tests.images.tell.world import HOUR, MINUTE, NOON, RULES, mails, open_one

SEVEN = datetime(2026, 11, 21, 6, tzinfo=UTC)  # in Berlin


def held(
    store: MemoryStore, at: datetime = NOON, reason: str = "muted", user: str = "alice", event: str = "e1"
) -> date:
    """Hold an event back at `at`; the day of its digest."""
    line = DigestLine(
        event_id=event,
        event_key=f"events/{event}.json",
        user=user,
        device="porch",
        site="home",
        rule_id=300,
        rule_name="anybody",
        started_at=at - HOUR,
        ended_at=at - HOUR + MINUTE,
        labels={"person": 0.94},
        pictures=3,
        handled_at=at,
        reason=reason,
    )
    recipient = parse_rules(RULES).recipient(user)
    assert recipient
    day = digest_day(at, recipient)
    Digests(store).put(line, day)
    return day


def text(api: SendGridDouble) -> str:
    """The plain text of the last message."""
    return next(str(part["value"]) for part in api.received[-1].body["content"] if part["type"] == "text/plain")


@pytest.mark.parametrize(
    ("now", "sent"), [(SEVEN - MINUTE, 0), (SEVEN, 2), (SEVEN + HOUR, 2), (SEVEN + 2 * 24 * HOUR, 2)]
)
def test_it_goes_out_at_the_local_time(
    store: MemoryStore, tell: Tell, api: SendGridDouble, now: datetime, sent: int
) -> None:
    held(store)
    tell(store, now)
    assert len(mails(api)) == sent


def test_it_is_sent_once(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    held(store)
    held(store, NOON + HOUR, "cap", event="e2")
    for n in range(3):
        tell(store, SEVEN + n * MINUTE)
    assert [subject for _, subject in mails(api)] == ["Your digest: 2 events, Saturday 21 November 2026"] * 2
    held(store, SEVEN + HOUR, event="e3")
    tell(store, SEVEN + 2 * HOUR)
    assert len(mails(api)) == 2
    tell(store, SEVEN + 24 * HOUR)
    assert len(mails(api)) == 4


def test_what_it_says(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    held(store, NOON, "muted")
    held(store, NOON + HOUR, "quiet-hours", event="e2")
    open_one(store, TroubleKind.SILENT, Camera("alice", "yard"), NOON)
    tell(store, NOON)
    tell(store, SEVEN)
    words = text(api)
    assert "Your digest: 2 events and 1 camera trouble" in words
    assert "person 94 % (anybody)" in words
    assert "3 pictures; the camera was muted" in words
    assert "3 pictures; in your quiet hours" in words
    assert "Yard has never sent anything" in words
    assert words.index("Porch, home") < words.index("Cameras in trouble")


def test_a_trouble_that_was_held_back_is_in_it(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    night = NOON + 11 * HOUR
    open_one(store, TroubleKind.FROZEN, now=night)
    tell(store, night)
    assert mails(api) == []
    tell(store, SEVEN)
    assert "Porch, home shows the same picture again and again  in your quiet hours" in text(api)


def test_what_was_alerted_after_it_was_held_back_is_not_in_it(
    store: MemoryStore, tell: Tell, api: SendGridDouble
) -> None:
    """It went on beyond the mute, say."""
    day = held(store, event="e1")
    held(store, event="e2")
    [line] = [each for each in Digests(store).lines("alice", day) if each.event_id == "e1"]
    key = "events/2026/11/20/alice-porch/e1.json"
    Digests(store).put(line.model_copy(update={"event_key": key}), day)
    alert = {
        "event_id": "e1",
        "event_key": key,
        "user": "alice",
        "device": "porch",
        "rule_id": 300,
        "state": "sent",
        "started_at": str(NOON),
        "channel": "email",
        "recipient": "a@example.com",
        "subject": "s",
        "run": "r1",
        "possibly_repeated": False,
        "claimed_at": str(NOON),
    }
    store.put("alerts/2026/11/20/e1.json", json.dumps(alert).encode())
    tell(store, SEVEN)
    assert "Your digest: 1 event\n" in text(api)


def test_without_lines_there_is_none(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    open_one(store, TroubleKind.SILENT, now=NOON)
    tell(store, NOON)
    before = len(mails(api))
    tell(store, SEVEN)
    assert len(mails(api)) == before


def test_what_is_held_back_for_a_digest_that_was_sent_is_in_the_next_one(
    store: MemoryStore, tell: Tell, api: SendGridDouble
) -> None:
    held(store)
    tell(store, SEVEN)
    held(store, SEVEN - MINUTE, event="e2")  # by a task that looked at its clock before the digest was sent
    tell(store, SEVEN + HOUR)
    assert len(mails(api)) == 2
    tell(store, SEVEN + 24 * HOUR)
    assert len(mails(api)) == 4
    assert "Your digest: 1 event\n" in text(api)


class _HeldMeanwhile(MemoryStore):
    """A bucket in which an event is held back while the digest is being sent."""

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        if key.startswith("alerts/notices/") and not list(self.list_objects("digests/2026/11/21/alice/e2")):
            held(self, SEVEN - MINUTE, event="e2")
        return super().put(key, data, **options)


def test_what_is_held_back_while_a_digest_is_sent_is_in_the_next_one(tell: Tell, api: SendGridDouble) -> None:
    store = _HeldMeanwhile()
    held(store)
    tell(store, SEVEN)
    assert "Your digest: 1 event\n" in text(api)
    assert [line.event_id for line in Digests(store).lines("alice", date(2026, 11, 22))] == ["e2"]


@pytest.mark.parametrize("gone", [b'    digest: "07:00"\n', None])
def test_who_wants_none_any_more_gets_none(
    store: MemoryStore, tell: Tell, api: SendGridDouble, gone: bytes | None
) -> None:
    day = held(store)
    rules = RULES.replace(gone, b"") if gone else RULES.replace(b"  alice:\n", b"  carol:\n")
    tell(store, SEVEN, rules)
    assert mails(api) == []
    assert Digests(store).sent(day) == {"alice"}


def test_it_waits_for_the_mail_api(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    held(store)
    api.default = Reply(503)
    with pytest.raises(TryAgainError):
        tell(store, SEVEN)
    api.default = Reply(202)
    tell(store, SEVEN + timedelta(minutes=20))
    assert len(mails(api)) == 2


def test_a_long_day_is_cut(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    for n in range(60):
        held(store, NOON + n * MINUTE, event=f"e{n:02}")
    tell(store, SEVEN)
    assert "and 20 more" in text(api)
