"""Events of one camera that are told in one message: to whom, with which pictures, and what becomes of each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from nightjar.domain.deliveries import AlertState
from nightjar.domain.events import EventRef
from nightjar.domain.names import Camera
from nightjar.errors import UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.digests import Closings
from nightjar_local.sendgrid_double import Reply, SendGridDouble
from nightjar_notify.channels.protocol import Answer, Outgoing
from tests.bucket import PORCH
from tests.images.notify.runs import (
    PERSON,
    SEVERAL,
    TWO_LABELS,
    Assessed,
    Notify,
    change,
    ledger,
    recorder,
)
from tests.scenes import DOOR, NOON, RULES, after, detection

BOTH = RULES.replace("email: alice@example.com", "recipients: [alice@example.com, bob@example.com]")


def test_what_happens_at_once_is_one_message(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, TWO_LABELS), detection(DOOR, NOON, PERSON))
    assert notify(context).counts.outcomes == {"alerted:sent": 3}
    assert sorted(request.subject for request in api.received) == [
        "Person and dog at Porch, home, 13:00",
        "Person at Door, 07:00",
    ]
    porch = [alert for alert in ledger(store) if alert.device == "porch"]
    [first] = [alert for alert in porch if alert.deliveries[0].together]
    [other] = [alert for alert in porch if not alert.deliveries[0].together]
    assert first.deliveries[0].together == (other.event_id,)
    assert other.deliveries[0].told_with == EventRef(id=first.event_id, day=NOON.date())
    assert [(alert.state, len(alert.calls)) for alert in (first, other)] == [("sent", 1), ("sent", 1)]


def test_one_picture_that_shows_all_is_shown_and_else_one_of_each(notify: Notify, assessed: Assessed) -> None:
    sent: list[Outgoing] = []
    store = MemoryStore()
    notify(assessed(store, "r1", detection(PORCH, NOON, TWO_LABELS)), recorder(sent))
    apart = [detection(PORCH, after(100), PERSON), detection(PORCH, after(101), {"cat": 0.9})]
    notify(assessed(store, "r2", *apart), recorder(sent))
    captions = [[each.caption for each in message.notice.pictures] for message in sent]
    assert captions == [["a person, 90 %; a dog, 85 %, 13:00:00"], ["cat, 90 %, 13:01:41", "person, 90 %, 13:01:40"]]
    for message in sent:
        shown = {each.label for picture in message.notice.pictures for each in picture.threat.objects}
        assert shown == set(message.notice.labels)
        assert all(each.pictures for each in message.illustrations)


def test_news_in_a_situation_that_was_told_is_told_by_itself(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = MemoryStore()
    notify(assessed(store, "r1", detection(PORCH, NOON, {"dog": 0.9})))
    more = assessed(store, "r2", detection(PORCH, after(30), TWO_LABELS))
    assert notify(more).counts.outcomes == {"already": 1, "alerted:sent": 1}
    assert [request.subject for request in api.received] == [
        "Dog at Porch, home, 13:00",
        "Person at Porch, home, 13:00",
    ]


@pytest.mark.parametrize(
    ("seconds", "subjects"),
    [
        (60, ["Person and cat at Porch, home, 13:00"]),  # at most the event gap apart
        (61, ["Cat at Porch, home, 13:01", "Person at Porch, home, 13:00"]),
        (3000, ["Cat at Porch, home, 13:50", "Person at Porch, home, 13:00"]),  # of one batch that came late
    ],
)
def test_what_happened_at_another_time_is_another_message(
    api: SendGridDouble, notify: Notify, assessed: Assessed, seconds: int, subjects: list[str]
) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(PORCH, after(seconds), {"cat": 0.85}))
    assert notify(context).counts.outcomes == {"alerted:sent": 2}
    assert sorted(request.subject for request in api.received) == subjects


def test_several_recipients_each_get_their_own(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=BOTH)
    api.answers += [Reply(202), Reply(400, "bad address")]
    manifest = notify(context)
    assert manifest.counts.outcomes == {"alerted:sent": 1}  # somebody was told
    assert manifest.warnings == (
        f"event {ledger(store)[0].event_id}: the mail API refused the alert: 400: bad address",
    )
    [alert] = ledger(store)
    assert [(each.recipient, each.state) for each in alert.deliveries] == [
        ("alice@example.com", "sent"),
        ("bob@example.com", "failed"),
    ]
    assert [call.recipient for call in alert.calls] == ["alice@example.com", "bob@example.com"]
    assert (alert.state, alert.recipient) == ("sent", "alice@example.com")  # release 0.2 must not alert it again
    assert notify(context).counts.outcomes == {"alerted:sent": 1}  # it is cleared: only who was not told is
    assert [r.body["personalizations"][0]["to"][0]["email"][:3] for r in api.received] == ["ali", "bob", "bob"]
    assert notify(context).counts.outcomes == {"already": 1}


def test_channels_go_by_severity(notify: Notify, assessed: Assessed) -> None:
    rules = RULES.replace("min_probability: 0.8}", "min_probability: 0.8, severity: critical}").replace(
        "email: alice@example.com",
        "email: alice@example.com\n    channels: {info: [], warning: [email], critical: [email, oncall]}",
    )
    email: list[Outgoing] = []
    oncall: list[Outgoing] = []
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, TWO_LABELS), rules=rules)
    others = {"oncall": recorder(oncall, "oncall")}
    assert notify(context, recorder(email), others=others).counts.outcomes == {"alerted:sent": 2}
    assert [m.notice.subject for m in email] == ["Dog and person at Porch, home, 13:00"] or [
        m.notice.subject for m in email
    ] == ["Person and dog at Porch, home, 13:00"]
    assert [m.notice.severity for m in (*email, *oncall)] == ["critical", "critical"]
    assert [(m.notice.subject, m.recipient) for m in oncall] == [("Dog at Porch, home, 13:00", "")]
    info = rules.replace("severity: critical", "severity: info")
    quiet = assessed(store, "r2", detection(PORCH, after(300), {"dog": 0.9}), rules=info, now=after(360))
    assert notify(quiet, recorder(email), others=others).counts.outcomes == {"no-channel": 1}


def test_a_channel_that_nobody_knows_fails_with_a_sentence_and_the_others_go_on(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=SEVERAL)
    manifest = notify(context)
    assert manifest.counts.outcomes == {"alerted:sent": 1}
    assert len(api.received) == 2
    [alert] = ledger(store)
    problem = "expected a channel, one of email, got 'oncall'"
    assert manifest.warnings == (f"event {alert.event_id}: {problem}",)
    assert [(each.channel, each.state, each.problem) for each in alert.deliveries] == [
        ("email", "sent", ""),
        ("email", "sent", ""),
        ("oncall", "failed", problem),
    ]


def test_a_key_that_is_refused_stops_no_other_channel(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    api.default = Reply(401, "no")
    sent: list[Outgoing] = []
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=SEVERAL)
    with pytest.raises(UsageError, match="SENDGRID_API_KEY"):
        notify(context, others={"oncall": recorder(sent, "oncall")})
    assert len(sent) == 1
    api.default = Reply(202)
    assert notify(context, others={"oncall": recorder(sent, "oncall")}).counts.outcomes == {"alerted:sent": 1}
    assert len(sent) == 1


def test_who_is_no_longer_a_recipient_is_left_alone(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=BOTH)
    api.answers += [Reply(202), Reply(400, "bad address")]
    notify(context)
    after_change = assessed(store, "r2", detection(PORCH, after(10), PERSON))  # rules with alice alone
    assert notify(after_change).counts.outcomes == {"already": 1}
    assert len(api.received) == 2


def test_a_line_of_release_0_2_is_taken_over(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    """As 0.2 left it when it was killed, with one recipient; bob became a second one since."""
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    notify(context)
    change(store, state="claimed", in_flight=True, calls=[], finished_at=None)
    [info] = store.list_objects("alerts/")
    line = {k: v for k, v in ledger(store)[0].model_dump(mode="json", by_alias=True).items() if k != "deliveries"}
    import json

    store.put(info.key, json.dumps(line).encode())
    again = assessed(store, "r2", detection(PORCH, after(5), PERSON), rules=BOTH, now=after(60) + timedelta(hours=1))
    assert notify(again).counts.outcomes == {"alerted:sent": 1}
    assert [
        (r.subject.startswith("[possibly"), r.body["personalizations"][0]["to"][0]["email"]) for r in api.received[1:]
    ] == [
        (True, "alice@example.com"),
        (False, "bob@example.com"),
    ]


def test_the_end_of_what_grew_after_its_alert_is_to_be_told(notify: Notify, assessed: Assessed) -> None:
    rules = RULES.replace("email: alice@example.com", "email: alice@example.com\n    closing: true")
    sent: list[Outgoing] = []
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=rules)
    notify(context, recorder(sent))
    notify(context, recorder(sent))
    assert list(Closings(store).each()) == []  # it has not grown
    for name, seconds in (("r2", 30), ("r3", 80)):
        notify(assessed(store, name, detection(PORCH, after(seconds), PERSON), rules=rules), recorder(sent))
    [closing] = Closings(store).each()
    assert (closing.told_until, closing.ended_at) == (NOON, after(80))
    assert len(sent) == 1
    unwanted = MemoryStore()
    notify(assessed(unwanted, "r1", detection(PORCH, NOON, PERSON)), recorder(sent))
    notify(assessed(unwanted, "r2", detection(PORCH, after(30), PERSON)), recorder(sent))
    assert list(Closings(unwanted).each()) == []


def test_an_alert_that_is_tried_again_tells_of_the_event_as_it_is_by_then(notify: Notify, assessed: Assessed) -> None:
    rules = RULES.replace("email: alice@example.com", "email: alice@example.com\n    closing: true")
    store = MemoryStore()
    refuse = recorder([], answer=lambda m: Answer(AlertState.FAILED, m.notice.subject, problem="no"))
    notify(assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=rules), refuse)
    more = assessed(store, "r2", detection(PORCH, after(30), PERSON), rules=rules)
    for _ in range(2):
        notify(more, recorder([]))
    assert [alert.told_until for alert in ledger(store)] == [after(30)]
    assert list(Closings(store).each()) == []  # the alert told all of it


def test_cameras_of_one_shard_are_told_apart(notify: Notify, assessed: Assessed) -> None:
    sent: list[Outgoing] = []
    seen = [detection(camera, NOON, PERSON) for camera in (PORCH, DOOR)]
    context = assessed(MemoryStore(), "r1", *seen)
    notify(replace(context), recorder(sent))
    assert {message.notice.camera for message in sent} == {PORCH, Camera("bob", "door")}


def test_who_was_not_told_in_time_is_not_told_late(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), rules=BOTH)
    api.answers += [Reply(202), Reply(400, "bad address")]
    notify(context)
    late = replace(context, clock=lambda: NOON + timedelta(hours=7))
    assert notify(late).counts.outcomes == {"already": 1}  # and not in the digest: alice was told
    assert len(api.received) == 2
