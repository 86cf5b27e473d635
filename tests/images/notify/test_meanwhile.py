"""Events that another run changes while notify claims their alert."""

from collections.abc import Callable
from typing import Any

import pytest

from nightjar.domain.alerts import AlertState
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectInfo
from nightjar_local.sendgrid_double import SendGridDouble
from tests.bucket import PORCH
from tests.images.notify.runs import PERSON, Assessed, Notify, change, ledger
from tests.scenes import NOON, after, detection


class Meanwhile(MemoryStore):
    """Does something just before, or just after, a line of the ledger is written for the first time from now on."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], object] | None = None
        self.after: Callable[[], object] | None = None

    def put(self, key: str, data: bytes, **options: Any) -> ObjectInfo:
        if not key.startswith("alerts/"):
            return super().put(key, data, **options)
        before, self.before = self.before, None
        if before:
            before()
        after, self.after = self.after, None
        info = super().put(key, data, **options)
        if after:
            after()
        return info


@pytest.mark.parametrize("left", [None, "failed"])
@pytest.mark.parametrize("moment", ["before", "after", "around"])
def test_an_event_that_is_absorbed_while_it_is_claimed_is_alerted_once(
    api: SendGridDouble, notify: Notify, assessed: Assessed, moment: str, left: str | None
) -> None:
    store = Meanwhile()
    assessed(store, "r0", detection(PORCH, NOON, PERSON))  # its notify never ran
    second = assessed(store, "r1", detection(PORCH, after(100), PERSON))
    if left:
        notify(second)
        change(store, state=left)
    contexts: list[StageContext] = []

    def absorb() -> None:
        contexts.append(assessed(store, "r2", detection(PORCH, after(50), PERSON)))

    def tell() -> None:
        notify(contexts[0])

    def both() -> None:
        absorb()
        tell()

    if moment == "before":
        store.before = both
    elif moment == "after":
        store.after = both
    else:
        store.before, store.after = absorb, tell
    sent = len(api.received)
    notify(second)
    notify(contexts[0])
    assert len(api.received) - sent == 1
    assert [alert.state for alert in ledger(store)] == [AlertState.SENT]


def test_an_event_that_is_withdrawn_while_it_is_claimed_is_not_alerted(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = Meanwhile()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    store.before = lambda: assessed(store, "r2", detection(PORCH, NOON, {}))
    assert notify(context).counts.outcomes == {"superseded": 1}
    assert api.received == []
    assert ledger(store) == []


def test_an_event_is_left_to_whoever_is_alerting_a_part_of_it_though_its_own_alert_was_refused(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = MemoryStore()
    notify(assessed(store, "r0", detection(PORCH, NOON, PERSON)))
    change(store, state="failed")
    refused = {info.key for info in store.list_objects("alerts/")}
    notify(assessed(store, "r1", detection(PORCH, after(100), PERSON)))
    [sent] = {info.key for info in store.list_objects("alerts/")} - refused
    store.put(sent, store.get(sent)[0].replace(b'"sent"', b'"claimed"'))  # such as while r1 is sending it
    between = assessed(store, "r2", detection(PORCH, after(50), PERSON))
    assert notify(between).counts.outcomes == {"held": 1}
    assert len(api.received) == 2
