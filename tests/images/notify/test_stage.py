"""The notify stage against a real HTTP server: one alert an event, whatever the mail API answers."""

import email
import email.policy
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from nightjar.domain.alerts import Alert, AlertState
from nightjar.domain.events import Event
from nightjar.domain.layout import alert_key
from nightjar.domain.manifest import Manifest
from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.settings.notify import NO_SENDER, NotifySettings, SendGridSettings
from nightjar_notify.channels import Channel, Delivery, Mail, Outbox
from nightjar_notify.ledger import LEASE
from nightjar_notify.message import Message
from nightjar_notify.stage import notify_events
from tests.doubles.sendgrid import Reply, SendGridDouble
from tests.scenes import DOOR, NIGHT, NOON, PORCH, RULES, after, detection

Assessed = Callable[..., StageContext]
MAX_AGE = timedelta(hours=6)
PERSON = {"person": 0.9}


def notify(context: StageContext, channel: Channel, max_age: timedelta = MAX_AGE) -> Manifest:
    return run(lambda c: notify_events(c, channel, max_age), context)


def ledger(store: ObjectStore) -> list[Alert]:
    keys = sorted(info.key for info in store.list_objects("alerts/"))
    return [Alert.model_validate_json(store.get(key)[0]) for key in keys]


def test_nothing_to_do(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    assert notify(assessed(MemoryStore(), "r1"), mail).counts.received == 0
    assert api.received == []


def test_one_event_is_one_message(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(PORCH, after(30), {"person": 0.6}))
    manifest = notify(context, mail)
    [request] = api.received
    assert request.path == "/v3/mail/send"
    assert request.authorization == "Bearer SG.secret"
    assert request.subject == "Person at alice-porch (home), 13:00"
    assert request.body["personalizations"][0]["to"] == [{"email": "alice@example.com"}]
    assert request.body["attachments"][0]["content_id"] == "picture"
    assert manifest.counts.outcomes == {"alerted:sent": 1}
    [alert] = ledger(store)
    assert alert.state is AlertState.SENT
    assert alert.calls[0].status == 202
    assert alert.calls[0].message_id == "double-1"
    assert not alert.possibly_repeated
    everything = b"".join(store.get(info.key)[0] for info in store.list_objects("alerts/")) + repr(manifest).encode()
    assert b"SG.secret" not in everything
    assert request.body["attachments"][0]["content"].encode() not in everything


def test_again_and_extended_it_is_not_alerted_again(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    notify(context, mail)
    assert notify(context, mail).counts.outcomes == {"already": 1}
    for name, second in (("r2", 40), ("r3", -50)):
        manifest = notify(assessed(store, name, detection(PORCH, after(second), PERSON)), mail)
        assert manifest.counts.outcomes == {"already": 1}
    assert len(api.received) == 1


def test_an_event_that_moved_to_the_day_before_is_known(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    store = MemoryStore()
    midnight = NOON.replace(hour=0)
    for name, second in (("r1", 5), ("r2", -5), ("r3", -55)):
        context = assessed(store, name, detection(PORCH, after(second, midnight), PERSON), now=after(60, midnight))
        notify(context, mail)
    assert len(api.received) == 1
    assert len(ledger(store)) == 1


@pytest.mark.parametrize(
    ("answers", "requests", "repeated"),
    [
        ([Reply(429, headers={"Retry-After": "0"})], 2, False),
        ([Reply(429, headers={"Retry-After": "1"})], 2, False),
        ([Reply(429, headers={"Retry-After": "Wed, 20 Nov 2024 12:01:02 GMT"})], 2, False),
        ([Reply(429, headers={"Retry-After": "soon"}), Reply(429, headers={"Retry-After": "-5"})], 3, False),
        ([Reply(408), Reply(425)], 3, False),
        ([Reply(500), Reply(502), Reply(503)], 4, False),
        ([Reply(hang_up=True)], 2, True),
        ([Reply(hang_up=True), Reply(500)], 3, True),
    ],
)
def test_what_passes_is_tried_again(
    api: SendGridDouble, mail: Mail, assessed: Assessed, answers: list[Reply], requests: int, repeated: bool
) -> None:
    store = MemoryStore()
    api.answers += answers
    manifest = notify(assessed(store, "r1", detection(PORCH, NOON, PERSON)), mail)
    assert manifest.counts.outcomes == {"alerted:sent": 1}
    assert len(api.received) == requests
    [alert] = ledger(store)
    assert [call.status for call in alert.calls] == [None if a.hang_up else a.status for a in answers] + [202]
    assert alert.possibly_repeated is repeated
    assert [r.subject.startswith("[possibly repeated] ") for r in api.received][-1] is repeated
    assert alert.subject == api.received[-1].subject


def test_it_waits_as_long_as_it_is_asked_to(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    api.answers.append(Reply(429, headers={"Retry-After": "1"}))
    context = assessed(MemoryStore(), "r1", detection(PORCH, NOON, PERSON))
    began = time.monotonic()
    notify(context, mail)
    assert time.monotonic() - began >= 1


def test_a_failing_api_holds_back_no_other_alert(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    store = MemoryStore()
    api.answers += [Reply(500)] * 5
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(DOOR, after(1), PERSON))
    with pytest.raises(TryAgainError, match="500"):
        notify(context, mail)
    assert {(a.user, a.state) for a in ledger(store)} == {("alice", "claimed"), ("bob", "sent")}
    assert store.head(f"{context.output_prefix}_manifest.json") is None
    manifest = notify(context, mail)
    assert manifest.counts.outcomes == {"alerted:sent": 1, "already": 1}
    [alert] = [a for a in ledger(store) if a.user == "alice"]
    assert len(alert.calls) == 6
    assert not alert.possibly_repeated  # the API has answered every time


def test_an_api_that_is_down_is_not_asked_for_every_alert(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    api.default = Reply(503, headers={"Retry-After": "3600"})
    store = MemoryStore()
    context = assessed(store, "r1", *(detection(PORCH, after(-100 * n), PERSON) for n in range(12)))
    with pytest.raises(TryAgainError, match="12 of 12"):
        notify(context, mail)
    assert len(api.received) == 5
    assert len(ledger(store)) == 5


@pytest.mark.parametrize("status", [200, 400, 404, 413])
def test_an_alert_that_is_refused_is_recorded_and_the_others_go_on(
    api: SendGridDouble, mail: Mail, assessed: Assessed, status: int
) -> None:
    store = MemoryStore()
    api.answers.append(Reply(status, '{"errors": [{"message": "bad address"}]}'))
    manifest = notify(assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(DOOR, after(1), PERSON)), mail)
    assert manifest.counts.outcomes == {"alerted:sent": 1, "failed:refused": 1}
    assert "bad address" in manifest.warnings[0]
    assert {(a.user, a.state) for a in ledger(store)} == {("alice", "failed"), ("bob", "sent")}


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_a_usage_error_and_costs_no_alert(
    api: SendGridDouble, mail: Mail, assessed: Assessed, status: int
) -> None:
    store = MemoryStore()
    api.answers.append(Reply(status, "no"))
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(DOOR, after(1), PERSON))
    with pytest.raises(UsageError, match="SENDGRID_API_KEY"):
        notify(context, mail)
    assert len(api.received) == 1
    assert notify(context, mail).counts.outcomes == {"alerted:sent": 2}
    assert not any(a.possibly_repeated for a in ledger(store))


@pytest.mark.parametrize("key", ["SG.secret\n", "SG.s\necret", "SG.secret\u2028"])
def test_a_key_that_no_header_can_hold_is_a_usage_error_that_does_not_show_it(
    api: SendGridDouble, mail: Mail, assessed: Assessed, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    """Should one get past the settings: what http.client says about it holds the key."""
    store = MemoryStore()
    settings = SendGridSettings.model_construct(api_key=SecretStr(key), api_url=api.url)
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    with caplog.at_level("DEBUG"), pytest.raises(UsageError, match="SENDGRID_API_KEY") as raised:
        notify(context, Mail(NotifySettings(mail_from="nightjar@example.com"), settings, lambda: after(61)))
    told = "".join(traceback.format_exception(raised.value)) + caplog.text + repr(ledger(store))
    assert "SG.s" not in told
    notify(context, mail)  # with a good key
    assert [r.subject for r in api.received] == ["Person at alice-porch (home), 13:00"]


def test_old_events_go_to_the_digest(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    store = MemoryStore()
    detections = [detection(PORCH, NOON, PERSON), detection(DOOR, after(1), PERSON)]
    context = assessed(store, "r1", *detections, now=after(6 * 3600 + 0.5))
    manifest = notify(context, mail)
    assert manifest.counts.outcomes == {"alerted:sent": 1, "digest": 1}
    assert [a.user for a in ledger(store)] == ["bob"]
    [line] = store.get(f"{context.output_prefix}digest.jsonl")[0].splitlines()
    assert json.loads(line)["user"] == "alice"
    # A run that is late, of an event that was alerted in time, does not digest it.
    assert notify(replace(context, clock=lambda: after(86_400)), mail).counts.outcomes == {"already": 1, "digest": 1}


def claimed(store: ObjectStore, context: StageContext, mail: Mail) -> None:
    """Leave the claim of an attempt that was killed."""
    notify(context, mail)
    for info in list(store.list_objects("alerts/")):
        alert = Alert.model_validate_json(store.get(info.key)[0])
        left = alert.model_copy(
            update={"state": AlertState.CLAIMED, "in_flight": True, "calls": (), "finished_at": None}
        )
        store.put(info.key, left.model_dump_json().encode())


@pytest.mark.parametrize(
    ("run_name", "later", "outcome"),
    [
        ("r1", timedelta(0), "alerted:sent"),
        ("r2", LEASE - timedelta(seconds=1), "held"),
        ("r2", LEASE, "alerted:sent"),
    ],
)
def test_a_claim_that_was_left_is_taken_over(
    api: SendGridDouble, mail: Mail, assessed: Assessed, run_name: str, later: timedelta, outcome: str
) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    claimed(store, context, mail)
    now = after(60) + later
    other = assessed(store, run_name, detection(PORCH, after(10), PERSON), now=now) if run_name != "r1" else context
    assert notify(other, mail).counts.outcomes == {outcome: 1}
    [alert] = ledger(store)
    if outcome == "alerted:sent":
        assert len(api.received) == 2
        assert alert.possibly_repeated
        assert api.received[1].subject.startswith("[possibly repeated] Person at")
        assert "may have reached you before" in api.received[1].body["content"][0]["value"]
        assert "may have reached you before" in api.received[1].body["content"][1]["value"]
    else:
        assert len(api.received) == 1


def test_an_attempt_that_is_killed_loses_no_call_of_earlier_ones(
    api: SendGridDouble, mail: Mail, assessed: Assessed
) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    api.answers += [Reply(500)] * 5
    with pytest.raises(TryAgainError):
        notify(context, mail)
    assert not ledger(store)[0].in_flight

    class Killed:
        """A channel that does not come back."""

        def deliver(self, compose: Callable[[bool], Message], event: Event, *, repeated: bool) -> Delivery:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        notify(context, Killed())
    [left] = ledger(store)
    assert (left.state, left.in_flight, len(left.calls)) == ("claimed", True, 5)
    notify(context, mail)
    [alert] = ledger(store)
    assert (alert.state, alert.in_flight, alert.possibly_repeated) == ("sent", False, True)
    assert [call.status for call in alert.calls] == [500] * 5 + [202]


class LostAnswers(MemoryStore):
    """Takes every conditional write to the ledger, but the answer is lost: the client tries again, and finds itself."""

    def put(self, key: str, *args: Any, **options: Any) -> ObjectInfo:
        for _ in range(2 if key.startswith("alerts/") else 1):
            info = super().put(key, *args, **options)
        return info


def test_a_write_whose_answer_was_lost_counts(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    store = LostAnswers()
    manifest = notify(assessed(store, "r1", detection(PORCH, NOON, PERSON)), mail)
    assert manifest.counts.outcomes == {"alerted:sent": 1}
    assert manifest.warnings == ()
    assert [a.state for a in ledger(store)] == ["sent"]
    assert any(ref.key.startswith("alerts/") for ref in manifest.objects)


def test_without_a_key_alerts_are_rendered_to_the_outbox(assessed: Assessed, jpeg: bytes) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    manifest = notify(context, Outbox(store, NO_SENDER))
    assert manifest.counts.outcomes == {"alerted:outbox": 1}
    [alert] = ledger(store)
    assert alert.state is AlertState.OUTBOX
    assert alert.outbox_key == f"outbox/2024/11/20/alice-porch/{alert.event_id}.eml"
    data = store.get(alert.outbox_key)[0]
    mail = email.message_from_bytes(data, policy=email.policy.default)
    assert mail["subject"] == alert.subject
    parts = [part.get_content_type() for part in mail.walk()]
    assert parts == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/jpeg"]
    html = mail.get_body(("html",))
    assert html is not None
    assert "cid:picture" in html.get_content()
    assert data.count(b"\n") == data.count(b"\r\n")
    store.delete(alert_key(NOON, alert.event_id))
    notify(context, Outbox(store, NO_SENDER))
    assert store.get(alert.outbox_key)[0] == data


def test_a_picture_that_is_gone_does_not_stop_the_alert(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(DOOR, NOON, PERSON))
    store.delete(detection(PORCH, NOON, PERSON).picture.standard_key)
    store.put(detection(DOOR, NOON, PERSON).picture.standard_key, b"another")
    assert notify(context, mail).counts.outcomes == {"alerted:sent": 2}
    for request in api.received:
        assert "attachments" not in request.body
        assert "no longer there" in request.body["content"][0]["value"]
        assert "<img" not in request.body["content"][1]["value"]


def test_an_event_that_another_run_took_in_is_left_to_that_run(
    api: SendGridDouble, mail: Mail, assessed: Assessed
) -> None:
    store = MemoryStore()
    assessed(store, "r1", detection(PORCH, NOON, PERSON))
    second = assessed(store, "r2", detection(PORCH, after(100), PERSON))
    third = assessed(store, "r3", detection(PORCH, after(50), PERSON))
    assert notify(second, mail).counts.outcomes == {"superseded": 1}
    assert notify(third, mail).counts.outcomes == {"alerted:sent": 1}
    assert len(api.received) == 1


def test_a_camera_that_left_the_rules_is_told(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(DOOR, NOON, PERSON))
    events = store.get(f"{context.input_prefix}events.jsonl")[0]
    other = assessed(store, "r2", rules=RULES.split("  bob:")[0])
    store.put(f"{other.input_prefix}events.jsonl", events)
    with pytest.raises(InputError, match="as its manifest names it"):
        notify(other, mail)
    source = store.get(f"{context.input_prefix}_manifest.json")[0].replace(b"/r1/assess/events", b"/r2/assess/events")
    store.put(f"{other.input_prefix}_manifest.json", source)
    assert notify(other, mail).counts.outcomes == {"failed:unknown-camera": 1}
    assert api.received == []


def test_rules_hold_in_the_users_hours(api: SendGridDouble, mail: Mail, assessed: Assessed) -> None:
    """22:00-06:00 in Berlin is 21:00-05:00 UTC in winter."""
    store = MemoryStore()
    moments = [NOON.replace(hour=h, minute=m) for h, m in ((4, 59), (5, 0), (20, 59), (21, 0))]
    seen = [detection(NIGHT, moment, PERSON) for moment in moments]
    notify(assessed(store, "r1", *seen, now=NOON.replace(hour=22)), mail, timedelta(days=1))
    assert [r.subject[-5:] for r in api.received] == ["05:59", "22:00"]
