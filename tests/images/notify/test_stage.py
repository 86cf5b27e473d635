"""The notify stage against a real HTTP server: which events are alerted, once, and what the ledger keeps of it."""

import email
import email.policy
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.alerts import LEASE, AlertState
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo, ObjectStore
from nightjar.settings.notify import NO_SENDER
from nightjar.stores.outbox import Outbox
from nightjar_local.sendgrid_double import Reply, SendGridDouble
from nightjar_notify.channels.opening import Open
from nightjar_notify.channels.outbox import OutboxChannel
from nightjar_notify.channels.protocol import Answer, Outgoing
from nightjar_notify.pace import Pace
from tests.bucket import PORCH
from tests.images.notify.runs import PERSON, Assessed, Notify, change, ledger, many_cameras
from tests.scenes import DOOR, NIGHT, NOON, RULES, after, detection


def test_nothing_to_do(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    assert notify(assessed(MemoryStore(), "r1")).counts.received == 0
    assert api.received == []


def test_one_event_is_one_message(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(PORCH, after(30), {"person": 0.6}))
    manifest = notify(context)
    [request] = api.received
    assert request.path == "/v3/mail/send"
    assert request.authorization == "Bearer SG.secret"
    assert request.subject == "Person at Porch, home, 13:00"
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


def test_again_and_extended_it_is_not_alerted_again(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    notify(context)
    assert notify(context).counts.outcomes == {"already": 1}
    for name, second in (("r2", 40), ("r3", -50)):
        manifest = notify(assessed(store, name, detection(PORCH, after(second), PERSON)))
        assert manifest.counts.outcomes == {"already": 1}
    assert len(api.received) == 1


def test_an_event_that_moved_to_the_day_before_is_known(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = MemoryStore()
    midnight = NOON.replace(hour=0)
    for name, second in (("r1", 5), ("r2", -5), ("r3", -55)):
        context = assessed(store, name, detection(PORCH, after(second, midnight), PERSON), now=after(60, midnight))
        notify(context)
    assert len(api.received) == 1
    assert len(ledger(store)) == 1


def test_old_events_go_to_the_digest(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    detections = [detection(PORCH, NOON, PERSON), detection(DOOR, after(1), PERSON)]
    context = assessed(store, "r1", *detections, now=after(6 * 3600 + 0.5))
    manifest = notify(context)
    assert manifest.counts.outcomes == {"alerted:sent": 1, "digest:too-late": 1}
    assert [a.user for a in ledger(store)] == ["bob"]
    [line] = store.get(f"{context.output_prefix}digest.jsonl")[0].splitlines()
    assert json.loads(line)["user"] == "alice"
    # A run that is late, of an event that was alerted in time, does not digest it; nor does it make the other later.
    assert notify(replace(context, clock=lambda: after(86_400))).counts.outcomes == {"already": 1, "digest:too-late": 1}
    assert store.get(f"{context.output_prefix}digest.jsonl")[0].splitlines() == [line]
    store.put(f"{context.output_prefix}digest.jsonl", b"damaged")
    assert notify(replace(context, clock=lambda: after(86_400))).counts.outcomes == {"already": 1, "digest:too-late": 1}


def kill(store: ObjectStore) -> None:
    """Leave claims such as those of an attempt that was killed."""
    change(store, state="claimed", in_flight=True, calls=[], finished_at=None)


@pytest.mark.parametrize(
    ("run_name", "later", "outcome"),
    [
        ("r1", timedelta(0), "alerted:sent"),
        ("r2", LEASE - timedelta(seconds=1), "held"),
        ("r2", LEASE, "alerted:sent"),
    ],
)
def test_a_claim_that_was_left_is_taken_over(
    api: SendGridDouble, notify: Notify, assessed: Assessed, run_name: str, later: timedelta, outcome: str
) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    notify(context)
    kill(store)
    now = after(60) + later
    other = assessed(store, run_name, detection(PORCH, after(10), PERSON), now=now) if run_name != "r1" else context
    assert notify(other).counts.outcomes == {outcome: 1}
    [alert] = ledger(store)
    if outcome == "alerted:sent":
        assert len(api.received) == 2
        assert alert.possibly_repeated
        assert api.received[1].subject.startswith("[possibly repeated] Person at")
        assert "may have reached you before" in api.received[1].body["content"][0]["value"]
        assert "may have reached you before" in api.received[1].body["content"][1]["value"]
    else:
        assert len(api.received) == 1


class Killed:
    """A channel that does not come back."""

    name = "email"

    def __init__(self, pace: Pace) -> None:
        self.pace = pace

    def send(self, message: Outgoing) -> Answer:
        raise KeyboardInterrupt

    def close(self) -> None:
        """Nothing is open."""


def outbox(store: ObjectStore) -> Open:
    """Opens the outbox, as without a key."""
    return lambda pace: OutboxChannel(Outbox(store), NO_SENDER, pace)


def test_an_attempt_that_is_killed_loses_no_call_of_earlier_ones(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    api.answers += [Reply(500)] * 5
    with pytest.raises(TryAgainError):
        notify(context)
    assert not ledger(store)[0].in_flight

    with pytest.raises(KeyboardInterrupt):
        notify(context, Killed)
    [left] = ledger(store)
    assert (left.state, left.in_flight, len(left.calls)) == ("claimed", True, 5)
    notify(context)
    [alert] = ledger(store)
    assert (alert.state, alert.in_flight, alert.possibly_repeated) == ("sent", False, True)
    assert [call.status for call in alert.calls] == [500] * 5 + [202]


class LostAnswers(MemoryStore):
    """Takes every conditional write to the ledger, but the answer is lost: the client tries again, and finds itself."""

    def put(self, key: str, *args: Any, **options: Any) -> ObjectInfo:
        for _ in range(2 if key.startswith("alerts/") else 1):
            info = super().put(key, *args, **options)
        return info


def test_a_write_whose_answer_was_lost_counts(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = LostAnswers()
    manifest = notify(assessed(store, "r1", detection(PORCH, NOON, PERSON)))
    assert manifest.counts.outcomes == {"alerted:sent": 1}
    assert manifest.warnings == ()
    assert [a.state for a in ledger(store)] == ["sent"]
    assert any(ref.key.startswith("alerts/") for ref in manifest.objects)


def test_without_a_key_alerts_are_rendered_to_the_outbox(notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    manifest = notify(context, outbox(store))
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
    store.delete(f"alerts/2024/11/20/{alert.event_id}.json")
    notify(context, outbox(store))
    assert store.get(alert.outbox_key)[0] == data


@pytest.mark.parametrize("is_archived", [False, True])
def test_a_picture_that_is_gone_does_not_stop_the_alert(
    api: SendGridDouble, notify: Notify, assessed: Assessed, is_archived: bool
) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(DOOR, NOON, PERSON))
    store.delete(detection(PORCH, NOON, PERSON).picture.standard_key)
    store.put(detection(DOOR, NOON, PERSON).picture.standard_key, b"another")
    if is_archived:
        store.make_unreadable(detection(DOOR, NOON, PERSON).picture.standard_key)
    assert notify(context).counts.outcomes == {"alerted:sent": 2}
    for request in api.received:
        assert "attachments" not in request.body
        assert "no longer there" in request.body["content"][0]["value"]
        assert "<img" not in request.body["content"][1]["value"]


def test_an_event_that_another_one_absorbed_is_alerted_as_that_once(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = MemoryStore()
    first = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(PORCH, after(100), PERSON))
    between = assessed(store, "r2", detection(PORCH, after(50), PERSON))
    assert notify(first).counts.outcomes == {"alerted:sent": 1, "same-event": 1}
    assert notify(between).counts.outcomes == {"already": 1}
    assert notify(first).counts.outcomes == {"already": 1, "same-event": 1}
    [request] = api.received
    assert "Seen in  3 pictures" in request.body["content"][0]["value"]


def test_who_was_told_about_a_part_was_told(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    first = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    second = assessed(store, "r2", detection(PORCH, after(100), PERSON))
    assert notify(second).counts.outcomes == {"alerted:sent": 1}
    between = assessed(store, "r3", detection(PORCH, after(50), PERSON))
    assert notify(first).counts.outcomes == {"already": 1}
    assert notify(between).counts.outcomes == {"already": 1}
    assert len(api.received) == 1


def test_an_event_that_was_withdrawn_is_not_alerted(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    assessed(store, "r2", detection(PORCH, NOON, {}))
    assert notify(context).counts.outcomes == {"superseded": 1}
    assert api.received == []
    assert ledger(store) == []


def test_two_shards_of_a_run_do_not_take_each_others_claims_for_their_own(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    notify(context)
    kill(store)
    other = replace(context, output_prefix=f"{context.run_prefix}notify/other/")
    assert notify(other).counts.outcomes == {"held": 1}
    assert len(api.received) == 1


@pytest.mark.parametrize("state", ["sent", "outbox", "state-of-a-later-release"])
def test_an_alert_in_a_state_that_is_not_known_is_not_sent(
    api: SendGridDouble, notify: Notify, assessed: Assessed, state: str
) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    notify(context)
    change(store, state=state)
    assert notify(context).counts.outcomes == {"already": 1}
    assert [alert.state for alert in ledger(store)] == [state]
    assert len(api.received) == 1


def test_keys_of_a_later_release_are_kept(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    api.answers.append(Reply(400))
    notify(context)
    change(store, mood="high")
    notify(context)
    [alert] = ledger(store)
    assert (alert.state, alert.model_extra) == ("sent", {"mood": "high"})
    assert [call.status for call in alert.calls] == [400, 202]


def test_a_camera_that_left_the_rules_is_told(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(DOOR, NOON, PERSON))
    events = store.get(f"{context.input_prefix}events.jsonl")[0]
    other = assessed(store, "r2", rules=RULES.split("  bob:")[0])
    store.put(f"{other.input_prefix}events.jsonl", events)
    with pytest.raises(InputError, match="as its manifest names it"):
        notify(other)
    source = store.get(f"{context.input_prefix}_manifest.json")[0].replace(b"/r1/assess/", b"/r2/assess/")
    store.put(f"{other.input_prefix}_manifest.json", source)
    assert notify(other).counts.outcomes == {"failed:unknown-camera": 1}
    assert api.received == []


def test_rules_hold_in_the_users_hours(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    """22:00-06:00 in Berlin is 21:00-05:00 UTC in winter."""
    store = MemoryStore()
    for number, (hour, minute) in enumerate(((4, 59), (5, 0), (20, 59), (21, 0))):
        seen = detection(NIGHT, NOON.replace(hour=hour, minute=minute), PERSON)
        notify(assessed(store, f"r{number}", seen, now=NOON.replace(hour=22)), max_age=timedelta(days=1))
    assert [r.subject[-5:] for r in api.received] == ["05:59", "22:00"]


def test_each_alert_is_one_line_of_the_log(
    api: SendGridDouble, notify: Notify, assessed: Assessed, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    api.answers += [Reply(202), Reply(400, "bad address"), *[Reply(500, "down")] * 5]
    cameras, rules = many_cameras(3)
    seen = [detection(camera, after(n), PERSON) for n, camera in enumerate(cameras)]
    context = assessed(store, "r1", *seen, detection(DOOR, after(-21_600), PERSON), rules=rules)
    with caplog.at_level("INFO", logger="nightjar_notify"), pytest.raises(TryAgainError):
        notify(context, threads=1)
    lines = [record for record in caplog.records if record.name in ("nightjar_notify.desk", "nightjar_notify.traces")]
    assert sorted(record.getMessage().split(":")[0] for record in lines) == [
        "alert claimed, to be tried again",
        "alert failed",
        "alert sent",
        "no alert now",
    ]
    keys = {info.key for info in store.list_objects("alerts/")}
    for record in lines[1:]:
        told = vars(record)
        assert told["ledger_key"] in keys
        assert (told["camera"][:-2], told["channel"]) == ("alice-camera", "email")
        assert f"event {told['event']}, camera {told['camera']}, channel email, ledger {told['ledger_key']}" in (
            record.getMessage()
        )
    assert lines[0].getMessage().endswith("camera bob-door, digest:too-late")
