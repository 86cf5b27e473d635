"""The notify stage and the answers of the mail API: what is tried again, how often, and how the ledger tells it."""

import json
import time
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.settings.notify import SendGridSettings
from nightjar_local.sendgrid_double import Reply, SendGridDouble, quota_used_up, rate_limited
from nightjar_notify.answers import Verdict, asked_to_wait, verdict_of
from tests.bucket import PORCH
from tests.images.notify.runs import PERSON, Assessed, Notify, ledger, many_cameras
from tests.scenes import DOOR, NOON, after, detection


@pytest.mark.parametrize(
    ("answers", "requests", "repeated"),
    [
        ([Reply(429, headers={"Retry-After": "0"})], 2, False),
        ([Reply(429, headers={"Retry-After": "1"})], 2, False),
        ([Reply(429, headers={"Retry-After": "Wed, 20 Nov 2024 12:01:02 GMT"})], 2, False),
        ([Reply(429, headers={"Retry-After": "soon"}), Reply(429, headers={"Retry-After": "-5"})], 3, False),
        ([Reply(429, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1732104062"})], 2, False),
        ([rate_limited(reset=1732104062)], 2, False),
        ([rate_limited(reset=1000000000)], 2, False),  # over long ago
        ([Reply(429, headers={"X-RateLimit-Reset": "1"})], 2, False),
        (
            [Reply(429, headers={"X-RateLimit-Reset": "-"}), Reply(429, headers={"X-RateLimit-Reset": "9" * 5000})],
            3,
            False,
        ),
        ([Reply(429, headers={"Retry-After": "9" * 400}), Reply(429, headers={"Retry-After": "31536000"})], 3, False),
        ([Reply(403, "rate limited", headers={"Retry-After": "1"})], 2, False),
        ([Reply(503, headers={"Retry-After": "1"})], 2, False),
        ([Reply(408), Reply(425)], 3, False),
        ([Reply(500), Reply(502), Reply(503)], 4, False),
        ([Reply(hang_up=True)], 2, True),
        ([Reply(hang_up=True), Reply(500)], 3, True),
    ],
)
def test_what_passes_is_tried_again(
    api: SendGridDouble, notify: Notify, assessed: Assessed, answers: list[Reply], requests: int, repeated: bool
) -> None:
    store = MemoryStore()
    api.answers += answers
    manifest = notify(assessed(store, "r1", detection(PORCH, NOON, PERSON)))
    assert manifest.counts.outcomes == {"alerted:sent": 1}
    assert len(api.received) == requests
    [alert] = ledger(store)
    assert [call.status for call in alert.calls] == [None if a.hang_up else a.status for a in answers] + [202]
    assert alert.possibly_repeated is repeated
    assert [r.subject.startswith("[possibly repeated] ") for r in api.received][-1] is repeated
    assert alert.subject == api.received[-1].subject


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "1"},
        {"Retry-After": "Wed, 20 Nov 2024 12:01:02 GMT"},  # the clock of the API's calls stands at 12:01:01
        {"X-RateLimit-Reset": "1732104062"},
        {"X-RateLimit-Reset": "1"},
    ],
)
def test_it_waits_as_long_as_it_is_asked_to(
    api: SendGridDouble, notify: Notify, assessed: Assessed, headers: dict[str, str]
) -> None:
    api.answers.append(Reply(429, headers=headers))
    context = assessed(MemoryStore(), "r1", detection(PORCH, NOON, PERSON))
    began = time.monotonic()
    notify(context)
    assert 1 <= time.monotonic() - began < 20


def test_a_failing_api_holds_back_no_other_alert(api: SendGridDouble, notify: Notify, assessed: Assessed) -> None:
    store = MemoryStore()
    api.answers += [Reply(500)] * 5
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(DOOR, after(1), PERSON))
    with pytest.raises(TryAgainError, match=r"1 of 2 alerts could not be sent yet: .*500"):
        notify(context, threads=1)
    assert {(a.user, a.state) for a in ledger(store)} == {("alice", "claimed"), ("bob", "sent")}
    assert store.head(f"{context.output_prefix}_manifest.json") is None
    manifest = notify(context)
    assert manifest.counts.outcomes == {"alerted:sent": 1, "already": 1}
    [alert] = [a for a in ledger(store) if a.user == "alice"]
    assert len(alert.calls) == 6
    assert not alert.possibly_repeated  # the API has answered every time


@pytest.mark.parametrize(
    ("reply", "options", "calls"),
    [
        (Reply(500), {"mail_attempts": 1}, 5),  # five alerts in a row
        (Reply(500), {"mail_attempts": 3}, 15),
        (Reply(500), {"mail_patience": 0}, 5),
        (Reply(hang_up=True), {"mail_attempts": 1}, 5),
        (Reply(503, headers={"Retry-After": "3600"}), {}, 1),  # longer than the stage may wait
        (Reply(429, headers={"Retry-After": "61"}), {"mail_patience": 300}, 1),
        (Reply(429, headers={"X-RateLimit-Reset": "1732107661"}), {}, 1),
    ],
)
def test_an_api_that_is_down_is_asked_only_a_few_times(
    api: SendGridDouble, notify: Notify, assessed: Assessed, reply: Reply, options: dict[str, Any], calls: int
) -> None:
    api.default = reply
    store = MemoryStore()
    cameras, rules = many_cameras(12)
    seen = [detection(camera, after(-100 * n), PERSON) for n, camera in enumerate(cameras)]
    context = assessed(store, "r1", *seen, rules=rules)
    with pytest.raises(TryAgainError, match="12 of 12 alerts could not be sent yet"):
        notify(context, **options)
    assert len(api.received) == calls
    assert len(ledger(store)) == max(1, calls // options.get("mail_attempts", 1))
    assert not any(alert.in_flight for alert in ledger(store))
    api.default = Reply(202)
    assert notify(context).counts.outcomes == {"alerted:sent": 12}


@pytest.mark.parametrize("status", [200, 400, 404, 413])
def test_an_alert_that_is_refused_is_recorded_and_the_others_go_on(
    api: SendGridDouble, notify: Notify, assessed: Assessed, status: int
) -> None:
    store = MemoryStore()
    api.answers.append(Reply(status, '{"errors": [{"message": "bad address"}]}'))
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(DOOR, after(1), PERSON))
    manifest = notify(context, threads=1)
    assert manifest.counts.outcomes == {"alerted:sent": 1, "failed:refused": 1}
    assert "bad address" in manifest.warnings[0]
    assert {(a.user, a.state) for a in ledger(store)} == {("alice", "failed"), ("bob", "sent")}


QUOTAS = [
    quota_used_up(),
    quota_used_up(403),
    quota_used_up(403, "You have exceeded your messaging limits"),
    quota_used_up(429, "You have reached your daily sending limit."),
    quota_used_up(402, "Payment Required"),
    Reply(401, "Maximum credits exceeded"),
    Reply(401, '{"errors": ["Maximum credits exceeded"], "message": "error"}'),
]


@pytest.mark.parametrize("reply", QUOTAS, ids=lambda reply: f"{reply.status} {reply.body[:60]}")
def test_a_quota_that_is_used_up_is_later_and_the_other_alerts_are_tried(
    api: SendGridDouble, notify: Notify, assessed: Assessed, reply: Reply
) -> None:
    store = MemoryStore()
    api.answers.append(reply)
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(DOOR, after(1), PERSON))
    with pytest.raises(TryAgainError, match=rf"1 of 2 .* the quota of the mail account is used up .*{reply.status}: "):
        notify(context, threads=1)
    assert len(api.received) == 2  # it is not tried again and again: a quota is renewed by the day or the month
    assert {(a.user, a.state) for a in ledger(store)} == {("alice", "claimed"), ("bob", "sent")}
    assert notify(context).counts.outcomes == {"alerted:sent": 1, "already": 1}
    assert not any(a.possibly_repeated or a.in_flight for a in ledger(store))


def test_an_account_without_credits_is_asked_only_a_few_times(
    api: SendGridDouble, notify: Notify, assessed: Assessed
) -> None:
    store = MemoryStore()
    api.credits = 3
    cameras, rules = many_cameras(12)
    seen = [detection(camera, after(-100 * n), PERSON) for n, camera in enumerate(cameras)]
    context = assessed(store, "r1", *seen, rules=rules)
    with pytest.raises(TryAgainError, match=r"9 of 12 .* the quota of the mail account is used up"):
        notify(context, threads=1)
    assert len(api.received) == 3 + 5
    assert {a.state for a in ledger(store)} == {"sent", "claimed"}
    api.credits = None
    assert notify(context).counts.outcomes == {"alerted:sent": 9, "already": 3}


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (202, "", Verdict.ACCEPTED),
        (202, "Maximum credits exceeded", Verdict.ACCEPTED),
        (401, "", Verdict.UNAUTHORISED),
        (401, "The provided authorization grant is invalid, expired, or revoked", Verdict.UNAUTHORISED),
        (401, "Permission denied, wrong credentials", Verdict.UNAUTHORISED),
        (401, "Authenticated user is not authorized to send mail", Verdict.UNAUTHORISED),
        (403, "access forbidden", Verdict.UNAUTHORISED),
        (403, "The from address does not match a verified Sender Identity.", Verdict.UNAUTHORISED),
        (403, "Your account has reached its sending limit", Verdict.LATER),
        (403, "<html>You are being rate limited</html>", Verdict.LATER),
        (401, "quota exceeded", Verdict.LATER),
        (401, '{"errors": "Maximum credits exceeded"}', Verdict.LATER),
        (401, '{"errors": {"message": "Maximum credits exceeded", "field": null}}', Verdict.LATER),
        (401, '{"errors": null}', Verdict.UNAUTHORISED),
        (401, "You are out of credits.", Verdict.LATER),
        (403, "Message volume limit hit", Verdict.LATER),
        (401, '{"errors": [{"message": "too many requests"}]}', Verdict.LATER),
        (401, "API key has reached its expiry limit", Verdict.UNAUTHORISED),
        (403, "The key expired: its limit of 90 days is reached", Verdict.UNAUTHORISED),
        (400, "The number of recipients exceeds the limit of 1000", Verdict.REFUSED),
        (413, "The size limit is exceeded", Verdict.REFUSED),
        (429, "", Verdict.LATER),
        (500, "", Verdict.LATER),
    ],
)
def test_the_text_tells_a_quota_from_a_wrong_key(status: int, body: str, verdict: Verdict) -> None:
    for text in (body, json.dumps({"errors": [{"message": body, "field": None, "help": None}]})):
        assert verdict_of(status, text) is verdict


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {}, 0.0),
        (503, {}, None),
        (503, {"X-RateLimit-Reset": "10"}, None),
        (429, {"X-RateLimit-Reset": "1732104070"}, 10.0),
        (429, {"X-RateLimit-Reset": "1732104070.5"}, 10.5),
        (429, {"X-RateLimit-Reset": "1732104070500"}, 10.5),  # milliseconds
        (429, {"X-RateLimit-Reset": "10"}, 10.0),  # how long
        (429, {"X-RateLimit-Reset": "0.25"}, 0.25),
        (429, {"RateLimit-Reset": "10"}, 10.0),
        (429, {"X-RateLimit-Reset": "1732104000"}, 0.0),  # over
        (429, {"X-RateLimit-Reset": "1732290461"}, 0.0),  # more than a day: not heeded
        (429, {"X-RateLimit-Reset": "86401"}, 0.0),
        (429, {"X-RateLimit-Reset": "9" * 5000}, 0.0),
        (429, {"X-RateLimit-Reset": "inf"}, 0.0),
        (429, {"X-RateLimit-Reset": "soon"}, 0.0),
        (429, {"Retry-After": "5", "X-RateLimit-Reset": "10"}, 5.0),
        (503, {"Retry-After": " 5 "}, 5.0),
        (503, {"Retry-After": "Wed, 20 Nov 2024 12:01:10 GMT"}, 10.0),
        (503, {"Retry-After": "Wed, 20 Nov 2024 12:00:00 GMT"}, 0.0),
        (503, {"Retry-After": "Wed, 20 Nov 9999 12:00:00 GMT"}, None),
        (503, {"Retry-After": "Wed, 20 Nov 99999 12:00:00 GMT"}, None),
        (503, {"Retry-After": "-5"}, None),
        (503, {"Retry-After": "9" * 400}, None),
        (None, {}, None),
    ],
)
def test_how_long_an_api_asks_to_wait(status: int | None, headers: dict[str, str], seconds: float | None) -> None:
    assert asked_to_wait(status, headers, datetime(2024, 11, 20, 12, 1, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_a_usage_error_and_costs_no_alert(
    api: SendGridDouble, notify: Notify, assessed: Assessed, status: int
) -> None:
    store = MemoryStore()
    api.answers.append(Reply(status, "no"))
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON), detection(DOOR, after(1), PERSON))
    with pytest.raises(UsageError, match="SENDGRID_API_KEY"):
        notify(context)
    assert len(api.received) == 1
    assert notify(context).counts.outcomes == {"alerted:sent": 2}
    assert not any(a.possibly_repeated for a in ledger(store))


@pytest.mark.parametrize("key", ["SG.secret\n", "SG.s\necret", "SG.secret\u2028"])
def test_a_key_that_no_header_can_hold_is_a_usage_error_that_does_not_show_it(
    api: SendGridDouble, notify: Notify, assessed: Assessed, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    """Should one get past the settings: the error of the HTTP library shows it."""
    store = MemoryStore()
    settings = SendGridSettings.model_construct(api_key=SecretStr(key), api_url=api.url)
    context = assessed(store, "r1", detection(PORCH, NOON, PERSON))
    with caplog.at_level("DEBUG"), pytest.raises(UsageError, match="SENDGRID_API_KEY") as raised:
        notify(context, key=settings)
    told = "".join(traceback.format_exception(raised.value)) + caplog.text + repr(ledger(store))
    assert "SG.s" not in told
    notify(context)  # with a good key
    assert [r.subject for r in api.received] == ["Person at Porch, home, 13:00"]
