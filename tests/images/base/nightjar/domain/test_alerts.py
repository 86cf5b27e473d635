"""Who may send an alert now: by its state, by who claimed it and when."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightjar.domain.alerts import LEASE, Alert, ApiCall
from nightjar.domain.deliveries import Address, AlertState, Delivery

CLAIMED_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOLDER = "runs/nightjar_live/r1/notify/alice-porch/"


def alert(**values: Any) -> Alert:
    return Alert.model_validate(
        {
            "event_id": "e1",
            "event_key": "events/2026/11/20/alice-porch/e1.json",
            "user": "alice",
            "device": "porch",
            "rule_id": 300,
            "started_at": CLAIMED_AT,
            "state": "claimed",
            "channel": "email",
            "recipient": "alice@example.com",
            "subject": "Person at alice-porch, 13:00",
            "possibly_repeated": False,
            "run": "r1",
            "holder": HOLDER,
            "claimed_at": CLAIMED_AT,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("state", "done"),
    [("claimed", False), ("failed", False), ("sent", True), ("outbox", True), ("of-a-later-release", True)],
)
def test_only_a_claimed_or_failed_alert_may_be_taken_up_again(state: str, done: bool) -> None:
    assert alert(state=state).is_done is done
    assert json.loads(alert(state=state).model_dump_json())["state"] == state


@pytest.mark.parametrize(
    ("values", "holder", "run", "after", "held"),
    [
        ({}, HOLDER, "r1", timedelta(0), False),  # its own claim, left by an attempt that was killed
        ({}, "runs/nightjar_live/r1/notify/bob-door/", "r1", timedelta(0), True),  # another shard of the same run
        ({}, "runs/nightjar_live/r2/notify/alice-porch/", "r2", LEASE - timedelta(seconds=1), True),
        ({}, "runs/nightjar_live/r2/notify/alice-porch/", "r2", LEASE, False),
        ({"state": AlertState.FAILED}, "runs/nightjar_live/r2/notify/alice-porch/", "r2", timedelta(0), False),
        ({"state": AlertState.SENT}, "runs/nightjar_live/r2/notify/alice-porch/", "r2", timedelta(0), False),
        ({"holder": ""}, HOLDER, "r1", timedelta(0), False),  # release 0.1 named the run only
        ({"holder": ""}, "runs/nightjar_live/r2/notify/alice-porch/", "r2", timedelta(0), True),
        ({"holder": ""}, "runs/nightjar_live/r2/notify/alice-porch/", "r2", LEASE, False),
    ],
)
def test_a_claim_is_held_by_another_task_for_the_time_of_its_lease(
    values: dict[str, Any], holder: str, run: str, after: timedelta, held: bool
) -> None:
    assert alert(**values).is_held(holder, run, CLAIMED_AT + after) is held


def test_an_alert_of_release_0_2_has_one_delivery_and_keeps_its_calls() -> None:
    call = ApiCall(at=CLAIMED_AT, method="POST", url="u", request={}, status=500, response="down")
    old = alert(calls=[call], possibly_repeated=True)
    [only] = old.each_delivery
    assert (only.address, only.state, only.possibly_repeated) == (
        Address("email", "alice@example.com"),
        "claimed",
        True,
    )
    assert old.calls_to(only) == (call,)
    other = Delivery(channel="oncall", recipient="")
    sent = only.model_copy(update={"state": AlertState.SENT, "finished_at": CLAIMED_AT})
    new = old.delivering([sent, other])
    assert [len(new.calls_to(each)) for each in new.deliveries] == [1, 0]
    assert (new.state, new.recipient, new.finished_at) == ("sent", "alice@example.com", None)
    assert new.delivering([sent]).finished_at == CLAIMED_AT
    again = Alert.model_validate_json(new.model_dump_json(by_alias=True))
    assert again == new
    assert again.told_states(CLAIMED_AT) == ["sent", "claimed"]


@pytest.mark.parametrize(
    ("values", "possibly"),
    [({}, False), ({"in_flight": True}, True), ({"possibly_repeated": True}, True)],
)
def test_what_ended_without_knowing_may_have_been_sent(values: dict[str, Any], possibly: bool) -> None:
    assert alert(**values).may_have_been_sent is possibly
