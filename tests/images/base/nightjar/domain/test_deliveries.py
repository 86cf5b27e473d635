"""The deliveries of an alert: which step follows which, and what follows for the whole alert."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from nightjar.domain.deliveries import (
    Address,
    AlertState,
    Delivery,
    Happened,
    all_done,
    anybody_told,
    overall,
    waiting,
)
from nightjar.domain.events import EventRef

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALICE, BOB, ONCALL = Address("email", "alice@example.com"), Address("email", "bob@example.com"), Address("oncall")
L = EventRef(id="l", day=date(2026, 11, 20))


def delivery(address: Address = ALICE, **values: Any) -> Delivery:
    return Delivery(channel=address.channel, recipient=address.recipient, **values)


# Each state by name, as a delivery has it.
STATES: dict[str, dict[str, Any]] = {
    "new": {},
    "on its way": {"in_flight": True},
    "on its way again": {"in_flight": True, "possibly_repeated": True},
    "uncertain": {"possibly_repeated": True},
    "failed": {"state": "failed", "finished_at": NOW},
    "sent": {"state": "sent", "finished_at": NOW},
    "sent, possibly repeated": {"state": "sent", "possibly_repeated": True, "finished_at": NOW},
    "outbox": {"state": "outbox", "finished_at": NOW},
    "of a later release": {"state": "pondered"},
}
IMPOSSIBLE = None


@pytest.mark.parametrize(
    ("before", "steps"),
    [
        ("new", {"claimed": "new", "started": "on its way"}),
        (
            "on its way",
            {
                "claimed": "uncertain",  # the task was killed, another one takes it up
                "started": "on its way again",
                "accepted": "sent",
                "kept": "outbox",
                "refused": "failed",
                "later": "new",
                "lost": "uncertain",
            },
        ),
        (
            "on its way again",
            {
                "claimed": "uncertain",
                "started": "on its way again",
                "accepted": "sent, possibly repeated",
                "kept": "outbox",
                "refused": "failed",
                "later": "uncertain",
                "lost": "uncertain",
            },
        ),
        ("uncertain", {"claimed": "uncertain", "started": "on its way again"}),
        ("failed", {"claimed": "new", "started": "on its way"}),
        ("sent", {}),
        ("sent, possibly repeated", {}),
        ("outbox", {}),
        ("of a later release", {}),
    ],
)
@pytest.mark.parametrize("happened", Happened)
def test_the_next_state(before: str, steps: dict[str, str], happened: Happened) -> None:
    after = steps.get(happened)
    if after is None:
        with pytest.raises(ValueError, match="expected a delivery that is"):
            delivery(**STATES[before]).after(happened, NOW)
        return
    made = delivery(**STATES[before]).after(happened, NOW)
    expected = delivery(**STATES[after])
    seen = ("state", "in_flight", "finished_at")
    assert [getattr(made, name) for name in seen] == [getattr(expected, name) for name in seen]
    # A message that was refused and may have reached somebody before stays so.
    assert made.possibly_repeated is (expected.possibly_repeated or (before, after) == ("on its way again", "failed"))


def test_a_call_without_an_answer_before_the_one_that_was_accepted_marks_it() -> None:
    made = delivery(in_flight=True).after(Happened.ACCEPTED, NOW, possibly_repeated=True)
    assert (made.state, made.possibly_repeated) == (AlertState.SENT, True)
    kept = delivery(in_flight=True).after(Happened.KEPT, NOW, possibly_repeated=True)
    assert not kept.possibly_repeated  # a file that is written again is one file


@pytest.mark.parametrize(
    ("values", "is_held", "told"),
    [
        ({}, True, "claimed"),
        ({}, False, "claimed"),
        ({"in_flight": True}, True, "claimed"),
        ({"in_flight": True}, False, "uncertain"),
        ({"possibly_repeated": True}, True, "uncertain"),
        ({"state": "sent", "possibly_repeated": True}, False, "sent"),
        ({"state": "outbox"}, False, "in outbox"),
        ({"state": "failed"}, False, "failed"),
        ({"state": "pondered"}, False, "pondered"),
    ],
)
def test_the_state_for_people(values: dict[str, Any], is_held: bool, told: str) -> None:
    assert delivery(**values).told_state(is_held) == told


@pytest.mark.parametrize(
    ("first", "state", "in_flight", "told_with"),
    [
        (None, "claimed", False, None),  # the line of the first event was never written
        ([], "claimed", False, None),
        ([delivery(BOB, state="sent", together=("e",))], "claimed", False, None),
        ([delivery(state="sent", together=("other",))], "claimed", False, None),  # it went out without this event
        ([delivery(state="sent", together=("e",))], "sent", False, L),
        ([delivery(state="failed", together=("e",))], "failed", False, L),
        ([delivery(in_flight=True, together=("e", "f"))], "claimed", True, L),
    ],
)
def test_an_event_that_is_told_with_another_goes_as_that_goes(
    first: list[Delivery] | None, state: str, in_flight: bool, told_with: EventRef | None
) -> None:
    told = delivery(told_with=L).as_told("e", first)
    assert (told.state, told.in_flight, told.told_with) == (state, in_flight, told_with)


def test_a_delivery_of_its_own_or_that_is_done_is_left() -> None:
    first = [delivery(state="sent", together=("e",))]
    for own in (delivery(), delivery(told_with=L, state="sent"), delivery(told_with=L, state="failed")):
        assert own.as_told("e", first) == own


@pytest.mark.parametrize(
    ("deliveries", "state", "done", "told", "left"),
    [
        ([], "failed", True, False, (ALICE, ONCALL)),
        ([delivery()], "claimed", False, False, (ALICE, ONCALL)),
        ([delivery(state="failed")], "failed", False, False, (ALICE, ONCALL)),
        ([delivery(state="failed"), delivery(ONCALL)], "claimed", False, False, (ALICE, ONCALL)),
        ([delivery(state="sent"), delivery(ONCALL, state="failed")], "sent", False, True, (ONCALL,)),
        ([delivery(state="sent"), delivery(ONCALL)], "sent", False, True, (ONCALL,)),
        ([delivery(state="outbox"), delivery(ONCALL, state="failed")], "outbox", False, True, (ONCALL,)),
        ([delivery(state="outbox"), delivery(ONCALL, state="sent")], "sent", True, True, ()),
        ([delivery(state="sent")], "sent", True, True, ()),  # ONCALL became a recipient later
        ([delivery(BOB, state="failed"), delivery(state="sent")], "sent", False, True, (ONCALL,)),
        ([delivery(state="pondered")], "pondered", True, True, ()),
    ],
)
def test_the_whole_alert(
    deliveries: list[Delivery], state: str, done: bool, told: bool, left: tuple[Address, ...]
) -> None:
    assert overall(deliveries) == state
    assert all_done(deliveries) is done
    assert anybody_told(deliveries) is told
    assert waiting(deliveries, (ALICE, ONCALL, ALICE)) == left


def test_an_address_in_words() -> None:
    assert [str(each) for each in (ALICE, ONCALL)] == ["email to alice@example.com", "oncall"]
