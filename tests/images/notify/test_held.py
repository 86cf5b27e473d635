"""Events that are held back: counted, kept for the digest, the same when the task is repeated."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from nightjar.domain.deliveries import AlertState
from nightjar.domain.reactions import Mute
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.digests import Digests
from nightjar.stores.reactions import Mutes
from nightjar_notify.channels.protocol import Answer, Outgoing
from tests.bucket import PORCH
from tests.images.notify.runs import PERSON, Assessed, Notify, ledger, recorder
from tests.scenes import NOON, RULES, after, detection

DAY = timedelta(days=1)
SENT_ON = NOON.date() + DAY  # a digest that is sent at 07:00 has what was held back since 07:00 of the day before


def with_user(*keys: str) -> str:
    """Rules in which alice has more keys."""
    return RULES.replace("email: alice@example.com", "\n    ".join(["email: alice@example.com", *keys]))


DIGEST = 'digest: "07:00"'


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (["alerts: {enabled: false}"], "alerts-off"),
        (["alerts: {since: 2024-11-20T12:00:01Z}"], "alerts-off"),
        (["mute_until: 2024-11-20T12:00:01Z"], "muted"),
        (['quiet_hours: "12:00-14:00"'], "quiet-hours"),
    ],
)
def test_what_the_rules_hold_back_is_counted_and_kept(
    notify: Notify, assessed: Assessed, keys: Sequence[str], reason: str
) -> None:
    sent: list[Outgoing] = []
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=with_user(*keys, DIGEST))
    for _ in range(2):
        manifest = notify(context, recorder(sent))
        assert manifest.counts.outcomes == {f"digest:{reason}": 1}
        assert manifest.counts.details["digest"] == 1
        assert [line.reason for line in Digests(store).lines("alice", SENT_ON)] == [reason]
    assert sent == []
    assert ledger(store) == []
    other = MemoryStore()
    unwanted = assessed(other, "r1", detection(PORCH, NOON, PERSON), rules=with_user(*keys))
    assert notify(unwanted, recorder(sent)).counts.outcomes == {f"digest:{reason}": 1}
    assert list(other.list_objects("digests/")) == []  # nobody would read it


def test_an_event_that_goes_on_beyond_a_mute_is_told(notify: Notify, assessed: Assessed) -> None:
    sent: list[Outgoing] = []
    store = MemoryStore()
    Mutes(store).put(Mute(user="alice", device="porch", until=after(30), by="link", at=NOON))
    assert notify(assessed(store, "r1", detection(PORCH, NOON, PERSON)), recorder(sent)).counts.outcomes == {
        "digest:muted": 1
    }
    more = assessed(store, "r2", detection(PORCH, after(40), PERSON))
    assert notify(more, recorder(sent)).counts.outcomes == {"alerted:sent": 1}
    assert len(sent) == 1


def test_what_was_digested_on_one_day_is_not_digested_on_the_next(notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    rules = with_user("mute_until: 2025-01-01T00:00:00Z", DIGEST)
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=rules)
    notify(context, recorder([]))
    tomorrow = replace(context, clock=lambda: NOON + timedelta(days=1))
    assert notify(tomorrow, recorder([])).counts.outcomes == {"digest:muted": 1}
    assert Digests(store).lines("alice", SENT_ON + DAY) == []
    assert len(Digests(store).lines("alice", SENT_ON)) == 1


@pytest.mark.parametrize(("days", "is_news"), [(1, True), (6, True), (8, False)])
def test_old_footage_that_is_worked_through_again_is_in_no_digest(
    notify: Notify, assessed: Assessed, days: int, is_news: bool
) -> None:
    store = MemoryStore()
    now = NOON + timedelta(days=days)
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=with_user(DIGEST), now=now)
    assert notify(context, recorder([])).counts.outcomes == {"digest:too-late": 1}
    assert len(Digests(store).lines("alice", (now + DAY).date())) == is_news


def test_a_cool_down_begins_with_an_alert_that_was_sent(notify: Notify, assessed: Assessed) -> None:
    """The API refuses the first alert for good: it starts no cool-down."""
    rules = with_user("cool_down_seconds: 600", DIGEST)
    store = MemoryStore()
    sent: list[Outgoing] = []

    def refuse(message: Outgoing) -> Answer:
        return Answer(AlertState.FAILED, message.notice.subject, problem="no")

    outcomes = []
    for number, (seconds, answer) in enumerate([(0, refuse), (100, None), (200, None), (700, None), (900, None)]):
        seen = detection(PORCH, after(seconds), PERSON)
        context = assessed(store, f"r{number}", seen, rules=rules, now=after(seconds + 20))
        for _ in range(1 if answer else 2):
            outcomes.append(list(notify(context, recorder(sent, answer=answer)).counts.outcomes))
    assert outcomes == [
        ["failed:refused"],
        *[["alerted:sent"], ["already"]],
        *[["digest:cool-down"]] * 2,
        *[["digest:cool-down"]] * 2,  # ended 600 s after the event, and 580 s after the alert
        *[["alerted:sent"], ["already"]],
    ]


def test_the_last_message_of_a_cap_goes_where_the_alerts_go(notify: Notify, assessed: Assessed) -> None:
    rules = with_user("cap: {alerts: 1, hours: 1}", "channels: {warning: [], critical: [email]}")
    rules = rules.replace(
        "unsafe: [person], min_probability: 0.5", "unsafe: [person], min_probability: 0.5, severity: critical"
    )
    store = MemoryStore()
    sent: list[Outgoing] = []
    for number, seconds in enumerate((0, 100, 200)):
        seen = detection(PORCH, after(seconds), PERSON)
        notify(assessed(store, f"r{number}", seen, rules=rules, now=after(seconds + 20)), recorder(sent))
    assert [message.notice.kind for message in sent] == ["alert", "cap"]


def test_a_cap_ends_with_one_last_message(notify: Notify, assessed: Assessed) -> None:
    rules = with_user("cap: {alerts: 2, hours: 1}", DIGEST)
    store = MemoryStore()
    sent: list[Outgoing] = []
    outcomes = []
    for number, seconds in enumerate((0, 100, 200, 300, 3700)):
        context = assessed(
            store, f"r{number}", detection(PORCH, after(seconds), PERSON), rules=rules, now=after(seconds + 20)
        )
        for _ in range(2):
            outcomes.append(list(notify(context, recorder(sent)).counts.outcomes))
    told_twice = [["alerted:sent"], ["already"]]
    assert outcomes == [*told_twice, *told_twice, *[["digest:cap"]] * 4, *told_twice]
    assert [message.notice.kind for message in sent] == ["alert", "alert", "cap", "alert"]
    cap = sent[2].notice
    assert cap.subject == "No more alerts until 14:00: the rest is in the digest"
    assert "You have had 2 alerts since" in cap.paragraphs[0]
    assert [line.reason for line in Digests(store).lines("alice", SENT_ON)] == ["cap", "cap"]
    assert [alert.kind for alert in ledger(store)].count("cap") == 1
