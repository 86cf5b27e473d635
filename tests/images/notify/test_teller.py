"""Notices that are no events: told once, whoever asks, under the rules of the ledger."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from nightjar.domain.alerts import LEASE
from nightjar.domain.deliveries import Address, AlertState
from nightjar.domain.notices import Notice, NoticeKind
from nightjar.domain.severity import Severity
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext
from nightjar.settings.notify import NotifySettings
from nightjar.stores.ledger import Ledger
from nightjar_notify.channels.opening import OpenChannels
from nightjar_notify.channels.protocol import Answer, Outgoing
from nightjar_notify.courier import Courier
from nightjar_notify.teller import tell
from tests.bucket import PORCH
from tests.images.notify.runs import recorder

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
TO = (Address("email", "alice@example.com"), Address("oncall"))
NOTICE = Notice(
    id="alice-porch-silent-1",
    kind=NoticeKind.EQUIPMENT,
    severity=Severity.WARNING,
    headline="Porch sends nothing",
    subject="Porch sends nothing",
    when="Friday",
    at=NOW,
    user="alice",
    camera=PORCH,
)


def context(store: MemoryStore, run: str = "p1", now: datetime = NOW) -> StageContext:
    return StageContext("tell", "x:t", run, "in/", f"runs/{run}/tell/", store, clock=lambda: now)


def courier(made: StageContext, sent: list[Outgoing], answers: dict[str, AlertState] | None = None) -> Courier:
    def answer(message: Outgoing) -> Answer | None:
        state = (answers or {}).get(message.recipient or "oncall")
        return Answer(state, message.notice.subject, problem="busy") if state else None

    ways = {name: recorder(sent, name, answer) for name in ("email", "oncall")}
    return Courier(made, OpenChannels(ways, NotifySettings()))


def test_everybody_is_told_once() -> None:
    store = MemoryStore()
    sent: list[Outgoing] = []
    told = tell(courier(context(store), sent), NOTICE, TO, DAY)
    assert (told.outcome, told.is_dealt_with, told.objects[0].key) == (
        "sent",
        True,
        "alerts/notices/2026/11/20/alice-porch-silent-1.json",
    )
    assert [message.recipient for message in sent] == ["alice@example.com", ""]
    for run in ("p1", "p2"):
        assert tell(courier(context(store, run), sent), NOTICE, TO, DAY).outcome == "already"
    assert len(sent) == 2
    line = Ledger(store).find_notice(NOTICE.id, DAY)
    assert line is not None
    alert = line.alert
    assert (alert.kind, alert.event_id, alert.user, alert.device, alert.state) == (
        "equipment",
        NOTICE.id,
        "alice",
        "porch",
        "sent",
    )
    assert Ledger(store).keys(DAY, DAY) == [line.key]


@pytest.mark.parametrize(
    ("answers", "outcome", "is_dealt_with", "again"),
    [
        ({"oncall": AlertState.CLAIMED}, "later", False, 3),
        ({"oncall": AlertState.FAILED}, "sent", True, 3),  # who refused is asked again when it is told again
        ({"oncall": AlertState.FAILED, "alice@example.com": AlertState.FAILED}, "failed", True, 4),
        ({"oncall": AlertState.CLAIMED, "alice@example.com": AlertState.CLAIMED}, "later", False, 4),
    ],
)
def test_who_was_not_told_is_told_when_it_is_told_again(
    answers: dict[str, AlertState], outcome: str, is_dealt_with: bool, again: int
) -> None:
    store = MemoryStore()
    sent: list[Outgoing] = []
    told = tell(courier(context(store), sent, answers), NOTICE, TO, DAY)
    assert (told.outcome, told.is_dealt_with) == (outcome, is_dealt_with)
    assert "busy" in told.sentence
    assert tell(courier(context(store), sent), NOTICE, TO, DAY).outcome == "sent"
    assert len(sent) == again
    assert tell(courier(context(store), sent), NOTICE, TO, DAY).outcome == "already"


def test_another_patrol_that_is_telling_it_is_left_alone_until_its_lease_is_over() -> None:
    store = MemoryStore()
    sent: list[Outgoing] = []
    tell(courier(context(store), sent, {"oncall": AlertState.CLAIMED}), NOTICE, TO, DAY)
    other = context(store, "p2")
    assert tell(courier(other, sent), NOTICE, TO, DAY).outcome == "held"
    later = replace(other, clock=lambda: NOW + LEASE + timedelta(seconds=1))
    assert tell(courier(later, sent), NOTICE, TO, DAY).outcome == "sent"
    assert [message.recipient for message in sent] == ["alice@example.com", "", ""]


def test_nobody_to_tell_is_nothing_to_do() -> None:
    store = MemoryStore()
    assert tell(courier(context(store), []), NOTICE, (), DAY).outcome == "already"
    assert list(store.list_objects("")) == []


@pytest.mark.parametrize("identity", ["", "a/b", ".x", "a b", "ä", "x" * 201])
def test_an_id_that_cannot_be_a_key_is_refused(identity: str) -> None:
    with pytest.raises(ValueError, match="expected the id of a notice"):
        tell(courier(context(MemoryStore()), []), replace(NOTICE, id=identity), TO, DAY)
