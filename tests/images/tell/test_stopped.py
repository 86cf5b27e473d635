"""Whenever the stage is killed, the next run tells the rest: nobody is told twice without being told so."""

import contextlib

import pytest

from nightjar.domain.troubles import Notice, TroubleKind
from nightjar.errors import NightjarError
from nightjar.stores.troubles import Troubles
from nightjar_local.sendgrid_double import SendGridDouble
from tests.bucket import PORCH, SHOP
from tests.images.tell.conftest import Tell
from tests.images.tell.world import HOUR, NOON, news, open_one
from tests.stopping import Cut, Stopping

WRITES = 13  # of the run that is stopped


def world() -> Stopping:
    """Something to tell of two cameras, one with two recipients."""
    store = Stopping()
    open_one(store, TroubleKind.FROZEN, PORCH)
    open_one(store, TroubleKind.VOID, SHOP)
    return store


def texts(api: SendGridDouble) -> list[tuple[str, bool]]:
    """Recipient of every message, and whether it says that it may be a repetition."""
    return [
        (each.body["personalizations"][0]["to"][0]["email"], "may have reached you before" in str(each.body))
        for each in api.received
    ]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(WRITES + 6))
def test_stopped_at_any_write(tell: Tell, api: SendGridDouble, number: int, after: bool) -> None:
    store = world()
    store.writes, store.stops_at, store.after = 0, number, after
    with contextlib.suppress(Cut, NightjarError):
        tell(store)
    store.stops_at = None
    for later in (HOUR, 2 * HOUR):  # a claim is held for a quarter of an hour
        tell(store, NOON + later)
    told = texts(api)
    recipients = {"alice@example.com", "anna@example.com", "bob@example.com"}
    assert {recipient for recipient, _ in told} == recipients
    for recipient in recipients:
        repeated = [says_so for each, says_so in told if each == recipient]
        assert repeated in ([False], [True], [False, True]), f"{recipient}: {repeated}"
    assert news(store) == 0
    frozen = Troubles(store).find(PORCH.name, TroubleKind.FROZEN)
    assert frozen and frozen.trouble.due is None and frozen.trouble.told_at
    assert Notice.OPENED not in {trouble.due for trouble in Troubles(store).of(SHOP.name)}


def test_the_stage_makes_that_many_writes(tell: Tell) -> None:
    store = world()
    store.writes = 0
    tell(store)
    assert store.writes >= WRITES
