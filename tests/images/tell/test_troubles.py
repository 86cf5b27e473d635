"""Troubles are told once, and once when they are over, to those whom the rules name; or wait for the digest."""

from datetime import datetime, timedelta

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.reactions import Mute
from nightjar.domain.troubles import OPERATOR, Facts, Trouble, TroubleKind
from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.digests import Digests
from nightjar.stores.ledger import Ledger
from nightjar.stores.reactions import Mutes
from nightjar.stores.troubles import Troubles
from nightjar_local.sendgrid_double import Reply, SendGridDouble
from tests.bucket import PORCH, SHOP
from tests.images.tell.conftest import Tell
from tests.images.tell.world import HOUR, MINUTE, NOON, RULES, mails, news, open_one

ALICE, ANNA, BOB, OPS = "alice@example.com", "anna@example.com", "bob@example.com", "ops@example.com"
FROZEN = "Porch, home shows the same picture again and again"


def test_nothing_to_tell(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    assert tell(store).counts.received == 0
    assert mails(api) == []


def test_a_trouble_is_told_once_to_every_recipient_and_once_when_it_is_over(
    store: MemoryStore, tell: Tell, api: SendGridDouble
) -> None:
    open_one(store)
    assert tell(store).counts.outcomes == {"sent": 1}
    assert mails(api) == [(ALICE, FROZEN), (ANNA, FROZEN)]
    assert tell(store, NOON + MINUTE).counts.received == 0
    assert news(store) == 0
    Troubles(store).end(PORCH.name, TroubleKind.FROZEN, NOON + HOUR)
    tell(store, NOON + HOUR)
    tell(store, NOON + HOUR + MINUTE)
    assert len(mails(api)) == 4
    assert (ALICE, "Porch, home shows new pictures again") in mails(api)
    open_one(store, now=NOON + 2 * HOUR)  # it comes up again
    tell(store, NOON + 2 * HOUR)
    assert [subject for _, subject in mails(api)].count(FROZEN) == 4


def test_of_large_rules_those_of_the_users_are_read(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    open_one(store, camera=SHOP)
    Troubles(store).open(operators_trouble())
    tell(store, rules=RULES + b"# " + b"x" * 300_000 + b"\n")
    assert {recipient for recipient, _ in mails(api)} == {BOB, OPS}


def test_a_trouble_is_claimed_in_the_ledger(store: MemoryStore, tell: Tell) -> None:
    open_one(store)
    tell(store)
    [key] = [info.key for info in store.list_objects("alerts/")]
    line = Ledger(store).read(key)
    assert line
    assert (line.alert.kind, line.alert.event_id, line.alert.state) == ("equipment", "alice-porch-frozen-1", "sent")
    assert [each.state for each in line.alert.deliveries] == ["sent", "sent"]


def test_what_is_over_before_it_was_told_is_not_told(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    open_one(store)
    Troubles(store).end(PORCH.name, TroubleKind.FROZEN, NOON)
    assert tell(store).counts.outcomes == {"over-before-told": 1}
    assert (mails(api), news(store)) == ([], 0)


def test_a_camera_that_left_the_rules_has_nobody_to_tell(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    open_one(store, camera=Camera("alice", "gone"))
    assert tell(store).counts.outcomes == {"left-the-rules": 1}
    assert (mails(api), news(store)) == ([], 0)


def test_no_longer_covered_tells_that_it_is_no_longer_void(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    for kind in (TroubleKind.VOID, TroubleKind.COVERED):
        open_one(store, kind, SHOP)
        tell(store)
    for kind in (TroubleKind.VOID, TroubleKind.COVERED):
        Troubles(store).end(SHOP.name, kind, NOON + HOUR)
    tell(store, NOON + HOUR)
    assert [subject for _, subject in mails(api)] == ["Shop is covered", "Shop sees again", "Shop sees nothing"]
    assert news(store) == 0


@pytest.mark.parametrize(
    ("kind", "hour", "sent"),
    [
        (TroubleKind.FROZEN, 21, True),
        (TroubleKind.FROZEN, 22, False),  # 23:00 in Berlin
        (TroubleKind.FROZEN, 29, True),
        (TroubleKind.COVERED, 22, True),  # critical
    ],
)
def test_quiet_hours(
    store: MemoryStore, tell: Tell, api: SendGridDouble, kind: TroubleKind, hour: int, sent: bool
) -> None:
    at = NOON.replace(hour=0) + timedelta(hours=hour)
    open_one(store, kind, now=at)
    outcomes = tell(store, at).counts.outcomes
    assert outcomes == ({"sent": 1} if sent else {"digest:quiet-hours": 1})
    assert bool(mails(api)) is sent
    lines = Digests(store).lines("alice", (at + timedelta(hours=2)).date())
    assert [line.reason for line in lines] == ([] if sent else ["quiet-hours"])
    assert news(store) == 0


@pytest.mark.parametrize(("until", "sent"), [(NOON + MINUTE, False), (NOON, True)])
def test_a_mute(store: MemoryStore, tell: Tell, api: SendGridDouble, until: datetime, sent: bool) -> None:
    Mutes(store).put(Mute(user="alice", device="porch", until=until, by="link", at=NOON - HOUR))
    open_one(store)
    tell(store)
    assert bool(mails(api)) is sent


QUIET_BOB = RULES.replace(b"  bob:\n", b"  bob:\n    quiet_hours: '00:00-08:00'\n")  # who has no digest; in New York


@pytest.mark.parametrize(
    ("rules", "muted", "hours", "outcome"),
    [
        (RULES, 0, 0, "sent"),
        (QUIET_BOB, 0, 0, "waits:quiet-hours"),  # 07:00
        (QUIET_BOB, 0, 1, "sent"),
        (RULES, 8, 7, "waits:muted"),
        (RULES, 8, 8, "sent"),
        (QUIET_BOB, 30, 0, "digest:muted"),  # a mute for more than a day: nobody is told
    ],
)
def test_without_a_digest_a_trouble_waits_for_the_end_of_quiet_hours_and_mutes(
    store: MemoryStore, tell: Tell, api: SendGridDouble, rules: bytes, muted: int, hours: int, outcome: str
) -> None:
    if muted:
        Mutes(store).put(Mute(user="bob", device="shop", until=NOON + muted * HOUR, by="link", at=NOON))
    open_one(store, camera=SHOP)
    first = tell(store, rules=rules)
    last = tell(store, NOON + hours * HOUR, rules=rules) if hours else first
    assert last.counts.outcomes == {outcome: 1}
    assert (len(mails(api)), news(store)) == (outcome == "sent", outcome.startswith("waits"))


def test_it_is_told_however_late(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    open_one(store, camera=SHOP)
    tell(store, NOON + 48 * HOUR)
    assert len(mails(api)) == 1


def test_an_outage_of_the_mail_api_is_made_up_for(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    open_one(store, camera=SHOP)
    api.default = Reply(503)
    with pytest.raises(TryAgainError, match="1 of 1 notices could not be sent yet"):
        tell(store)
    assert news(store) == 1
    api.default = Reply(202)
    tell(store, NOON + 20 * MINUTE)
    assert len(mails(api)) == 1
    assert news(store) == 0


def test_a_key_that_is_refused_needs_a_person(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    open_one(store, camera=SHOP)
    api.default = Reply(401, '{"errors": [{"message": "The provided authorization grant is invalid"}]}')
    with pytest.raises(UsageError, match="nothing can be sent until somebody changes something"):
        tell(store)
    assert news(store) == 1


def test_what_may_have_been_sent_is_sent_once_more_and_says_so(
    store: MemoryStore, tell: Tell, api: SendGridDouble
) -> None:
    open_one(store, camera=SHOP)
    api.answers = [Reply(hang_up=True)]
    tell(store)
    [taken] = [request for request, reply in api.exchanges if reply.status == 202 and not reply.hang_up]
    assert "may have reached you before" in str(taken.body)
    tell(store, NOON + HOUR)
    assert len(api.received) == 2


def operators_trouble(kind: str = "watch-silent", now: datetime = NOON) -> Trouble:
    facts = Facts(title="The watch is silent", text="It has not looked for 10 minutes.", todo="Look at the scheduler.")
    return Trouble(about=OPERATOR, kind=kind, severity="critical", since=now - HOUR, opened_at=now, facts=facts)


def test_the_operator_is_told(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    Troubles(store).open(operators_trouble())
    tell(store)
    Troubles(store).end(OPERATOR, "watch-silent", NOON + HOUR)
    tell(store, NOON + HOUR)
    assert mails(api) == [
        (OPS, "Nightjar: Over: The watch is silent"),
        (OPS, "Nightjar: The watch is silent"),
    ]


def test_without_an_operator_in_the_rules_nobody_is_told(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    Troubles(store).open(operators_trouble())
    outcomes = tell(store, rules=RULES.replace(b"operator: {email: ops@example.com}\n", b"")).counts.outcomes
    assert outcomes == {"no-operator": 1}
    assert (mails(api), news(store)) == ([], 0)


def test_troubles_of_many_cameras_are_told_in_one_run(store: MemoryStore, tell: Tell, api: SendGridDouble) -> None:
    for kind in (TroubleKind.VOID, TroubleKind.CLOCK, TroubleKind.REFUSED, TroubleKind.SILENT):
        open_one(store, kind, SHOP)
    assert tell(store).counts.outcomes == {"sent": 4}
    assert {recipient for recipient, _ in mails(api)} == {BOB}
