"""One closing message when an event that grew after its alert is over, for those who want it."""

from collections.abc import Callable
from datetime import datetime

import pytest

from nightjar.domain.events import Event
from nightjar.domain.manifest import Manifest
from nightjar.domain.reactions import Mute
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.stores.digests import Closing, Closings
from nightjar.stores.events import Events
from nightjar.stores.reactions import Mutes
from nightjar_assess.stage import assess
from nightjar_local.sendgrid_double import SendGridDouble
from tests.bucket import PORCH
from tests.images.tell.conftest import Tell
from tests.images.tell.world import HOUR, MINUTE, RULES, mails
from tests.scenes import NOON, after, detection, start_run

TOLD_UNTIL, END = after(10), after(50)


@pytest.fixture
def event(store: MemoryStore) -> Event:
    """Somebody at the porch for 50 s, of whom the alert told when it was 10 s."""
    seen = [detection(PORCH, after(n * 10), {"person": 0.9}) for n in range(6)]
    run(assess, start_run(store, "b1", seen, RULES.decode()))
    [event] = Events(store).of_day(NOON.date())
    return event


def ask_for(store: MemoryStore, event: Event, told_until: datetime = TOLD_UNTIL) -> None:
    Closings(store).put(
        Closing(event=event.ref, user="alice", device="porch", told_until=told_until, ended_at=event.ended_at)
    )


def waiting(store: MemoryStore) -> int:
    return len(list(Closings(store).each()))


@pytest.mark.parametrize(
    ("now", "outcome"), [(END + 2 * MINUTE, "closing-sent"), (END + MINUTE, "goes-on"), (END, "goes-on")]
)
def test_it_is_told_when_the_gap_and_a_minute_are_over(
    store: MemoryStore, tell: Tell, api: SendGridDouble, event: Event, now: datetime, outcome: str
) -> None:
    ask_for(store, event)
    assert tell(store, now).counts.outcomes == {outcome: 1}
    assert waiting(store) == (outcome == "goes-on")
    assert len(mails(api)) == (2 if outcome == "closing-sent" else 0)


def test_it_is_told_once(store: MemoryStore, tell: Tell, api: SendGridDouble, event: Event) -> None:
    ask_for(store, event)
    tell(store, END + 2 * MINUTE)
    ask_for(store, event)  # a task of notify that was cleared
    tell(store, END + 3 * MINUTE)
    assert [subject for _, subject in mails(api)] == ["It is over: person at Porch, home, 13:00"] * 2
    assert waiting(store) == 0


Change = Callable[[MemoryStore], object]


@pytest.mark.parametrize(
    ("rules", "change", "left"),
    [
        (RULES.replace(b", closing: true", b""), None, 0),
        (RULES.replace(b"porch:", b"gate:"), None, 0),
        (
            RULES,
            lambda store: Mutes(store).put(Mute(user="alice", device="porch", until=END + HOUR, by="link", at=END)),
            0,
        ),
        (RULES.replace(b"23:00-06:00", b"13:00-14:00"), None, 1),  # after the quiet hours
    ],
)
def test_nobody_is_told_who_does_not_want_to_be(
    store: MemoryStore, tell: Tell, api: SendGridDouble, event: Event, rules: bytes, change: Change | None, left: int
) -> None:
    ask_for(store, event)
    if change:
        change(store)
    done: Manifest = tell(store, END + 2 * MINUTE, rules)
    assert done.counts.received == 1
    assert (mails(api), waiting(store)) == ([], left)


def test_an_event_that_did_not_grow_or_is_gone_is_forgotten(
    store: MemoryStore, tell: Tell, api: SendGridDouble, event: Event
) -> None:
    ask_for(store, event, told_until=END)
    ask_for(store, event.model_copy(update={"id": "0" * 16}))
    tell(store, END + 2 * MINUTE)
    assert (mails(api), waiting(store)) == ([], 0)
