"""A task that is killed around any call to S3 or to a channel, and two tasks at once: nobody is told twice unmarked.

Two events of one camera, told in one message to each of two recipients of e-mail, and by a channel.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from nightjar.domain.alerts import LEASE
from nightjar.errors import TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectInfo
from nightjar_notify.channels.protocol import Answer, Outgoing
from tests.bucket import PORCH
from tests.images.notify.runs import SEVERAL, TWO_LABELS, Assessed, Notify, ledger, recorder, told
from tests.scenes import NOON, after, detection

RECIPIENTS = ("alice@example.com", "bob@example.com", "oncall")


class Interrupted(MemoryStore):
    """Calls `interrupt` before or after the call number `at` that changes or reads what matters to alerts."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.at = -1
        self.is_before = True
        self.interrupt: Callable[[], object] = lambda: None

    def arm(self, at: int, is_before: bool, interrupt: Callable[[], object]) -> None:
        self.calls, self.at, self.is_before, self.interrupt = 0, at, is_before, interrupt

    def step(self, call: Callable[[], Any]) -> Any:
        """Do `call` as the next one."""
        number, self.calls = self.calls, self.calls + 1
        if number == self.at and self.is_before:
            self.interrupt()
        try:
            return call()
        finally:
            if number == self.at and not self.is_before:
                self.interrupt()

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        info: ObjectInfo = self.step(lambda: super(Interrupted, self).put(key, data, **options))
        return info

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        read: tuple[bytes, ObjectInfo] = self.step(lambda: super(Interrupted, self).get(key, version_id))
        return read

    def delete(self, key: str, version_id: str | None = None) -> None:
        self.step(lambda: super(Interrupted, self).delete(key, version_id))


class Killed(BaseException):
    """As the kernel does it: nothing after it is done."""


class World:
    """A run with two events of one camera, and the messages that went out."""

    def __init__(self, assessed: Assessed, notify: Notify, rules: str = SEVERAL) -> None:
        self.store = Interrupted()
        self.assessed, self.rules = assessed, rules
        self.context = assessed(self.store, "r1", detection(PORCH, NOON, TWO_LABELS), rules=rules)
        self.sent: list[Outgoing] = []
        self._notify = notify

    def notify(self, context: StageContext | None = None) -> dict[str, int]:
        """Run the stage as a process of its own; what became of the events."""

        def through(message: Outgoing) -> Answer | None:
            self.store.step(lambda: self.sent.append(message))
            return None

        kept: list[Outgoing] = []
        channels = {name: recorder(kept, name, through) for name in ("email", "oncall")}
        others = {"oncall": channels["oncall"]}
        counts = self._notify(context or self.context, channels["email"], others=others, threads=1).counts
        return dict(counts.outcomes)


def kills() -> Iterator[tuple[int, bool]]:
    return ((number, is_before) for number in count() for is_before in (True, False))


def test_nobody_is_left_out_and_nobody_told_twice_unmarked(assessed: Assessed, notify: Notify) -> None:
    killed = 0
    for number, is_before in kills():
        world = World(assessed, notify)

        def kill() -> None:
            raise Killed

        world.store.arm(number, is_before, kill)
        try:
            world.notify()
        except Killed:
            killed += 1
        else:
            break
        before = len(world.sent)
        world.store.arm(-1, True, kill)
        world.notify()
        assert world.notify() == {"already": 2}
        events = {alert.event_id for alert in ledger(world.store)}
        counts = told(world.sent)
        for event in events:
            for recipient in RECIPIENTS:
                assert counts[event, recipient, ""] <= 1, (number, is_before)
                assert counts[event, recipient, "again"] <= 1, (number, is_before)
                assert counts[event, recipient, ""] + counts[event, recipient, "again"] >= 1, (number, is_before)
        # At the most the message that was on its way is sent once more.
        assert len(world.sent) <= 4, (number, is_before)
        assert sum(message.possibly_repeated for message in world.sent[before:]) <= 1
        assert all(len(message.notice.events) == 2 for message in world.sent)
        states = {each.state for alert in ledger(world.store) for each in alert.deliveries}
        assert states == {"sent"}
    assert killed > 40  # the run of two events and three addresses makes so many calls


def test_two_tasks_at_once_tell_everybody_once(assessed: Assessed, notify: Notify) -> None:
    """Another run, which saw a third event as well, gets its turn before or after any call of the first one."""
    met = 0
    for number, is_before in kills():
        world = World(assessed, notify)
        seen = [detection(PORCH, after(1), TWO_LABELS), detection(PORCH, after(2), {"cat": 0.9})]
        other = assessed(world.store, "r2", *seen, rules=world.rules)
        happened: list[dict[str, int]] = []

        def meanwhile() -> None:
            happened.append(world.notify(other))  # noqa: B023 - called within the iteration

        world.store.arm(number, is_before, meanwhile)
        world.notify()
        if not happened:
            break
        met += 1
        later = replace(other, clock=lambda: after(120) + LEASE)
        for context in (world.context, other, later):
            world.notify(context)
        events = {alert.event_id for alert in ledger(world.store)}
        assert len(events) == 3
        counts = told(world.sent)
        assert counts == Counter((event, recipient, "") for event in events for recipient in RECIPIENTS), (
            number,
            is_before,
        )
    assert met > 40


def test_an_event_that_is_absorbed_meanwhile_is_told_once(assessed: Assessed, notify: Notify) -> None:
    """A later run joins the event with an older one, and tells of it, before or after any call of the first one."""
    met = 0
    for number, is_before in kills():
        world = World(assessed, notify)
        store = world.store
        assessed(store, "r0", detection(PORCH, after(-100), {"person": 0.9}), rules=world.rules)  # never notified
        happened: list[StageContext] = []

        def absorb() -> None:
            between = assessed(store, "r2", detection(PORCH, after(-50), {"person": 0.9}), rules=world.rules)  # noqa: B023
            happened.append(between)  # noqa: B023
            world.notify(between)  # noqa: B023

        store.arm(number, is_before, absorb)
        world.notify()
        if not happened:
            break
        met += 1
        world.notify()
        world.notify(happened[0])
        told_of = Counter(
            (label, message.recipient or "oncall") for message in world.sent for label in message.notice.labels
        )
        assert told_of == Counter((label, recipient) for label in TWO_LABELS for recipient in RECIPIENTS), (
            number,
            is_before,
        )
    assert met > 30


def test_a_channel_that_fails_holds_up_no_other(assessed: Assessed, notify: Notify) -> None:
    world = World(assessed, notify)
    sent: list[Outgoing] = []
    down = threading.Event()
    down.set()

    def oncall(message: Outgoing) -> Answer | None:
        from nightjar.domain.deliveries import AlertState

        return Answer(AlertState.CLAIMED, message.notice.subject, problem="down") if down.is_set() else None

    others = {"oncall": recorder([], "oncall", oncall)}
    with pytest.raises(TryAgainError, match="channel oncall answered down"):
        notify(world.context, recorder(sent), others=others)
    assert [message.recipient for message in sent] == ["alice@example.com", "bob@example.com"]
    down.clear()
    assert notify(world.context, recorder(sent), others=others).counts.outcomes == {"alerted:sent": 2}
    assert len(sent) == 2  # who was told is not told again
    assert {each.state for alert in ledger(world.store) for each in alert.deliveries} == {"sent"}
