"""The real Apprise against doubles that demand what the real services demand."""

import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nightjar.domain.alerts import AlertState
from nightjar.domain.notices import NoticeKind
from nightjar.domain.severity import Severity
from nightjar_local.service_answers import (
    PAGERDUTY_KEY,
    SLACK_PATH,
    TWILIO_FROM,
    TWILIO_SID,
    TWILIO_TOKEN,
    WEBHOOK_PASSWORD,
    WEBHOOK_USER,
)
from nightjar_local.service_doubles import Said, ServiceDoubles
from nightjar_notify.channels.apprise import AppriseChannel
from nightjar_notify.channels.protocol import Answer, Illustration, Outgoing
from nightjar_notify.channels.tries import Patience
from nightjar_notify.pace import Pace
from nightjar_notify.picture import Pictures, Shown
from tests.images.notify.channels.notices import NOTICE, NOW, notice

PICTURE = Illustration("A person", Pictures(Shown(b"\xff\xd8 a JPEG", 64, 48)))
SMS_TO = "+15558675310"

PAGERDUTY = f"pagerduty://{PAGERDUTY_KEY}@unusedApiKey"
TWILIO = f"twilio://{TWILIO_SID}:{TWILIO_TOKEN}@{TWILIO_FROM}/{SMS_TO}"
SLACK = f"slack://{SLACK_PATH}"
WEBHOOK = f"jsons://{WEBHOOK_USER}:{WEBHOOK_PASSWORD}@hooks.example.com/in/s3cretPart"


@pytest.fixture
def doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceDoubles]:
    with ServiceDoubles(tmp_path) as doubles:
        for name, value in doubles.environment.items():
            monkeypatch.setenv(name, value)
        yield doubles


def channel(url: str, *, attempts: int = 1, timeout: float = 5.0) -> AppriseChannel:
    return AppriseChannel("oncall", SecretStr(url), lambda: NOW, Pace(4, 1.0), Patience(attempts, 0.01), timeout)


def secrets_of(url: str) -> list[str]:
    """All parts of an address that nobody may see."""
    public = {"hooks.example.com", "127.0.0.1", "in", "open"}
    return [part for part in re.split(r"[/:@?&=]+", url.partition("://")[2]) if len(part) > 4 and part not in public]


def send(url: str, message: Outgoing | None = None, **options: Any) -> Answer:
    return channel(url, **options).send(message or Outgoing(NOTICE, "", (PICTURE,)))


def seen(answer: Answer) -> str:
    """All of the answer that a record or a log could hold."""
    calls = "".join(call.model_dump_json() for call in answer.calls)
    return f"{answer!r} {answer.sentence} {calls}"


@pytest.mark.parametrize(
    ("url", "recorded", "status", "message_id"),
    [
        (PAGERDUTY, "https://events.pagerduty.com/v2/enqueue", 202, "0193f0"),
        (TWILIO, "https://api.twilio.com/2010-04-01/Accounts/***/Messages.json", 201, "SM"),
        (SLACK, "https://hooks.slack.com/services/***/***/***", 200, None),
        (WEBHOOK, "https://hooks.example.com/in/***", 200, "hook-0001"),
    ],
    ids=["pagerduty", "twilio", "slack", "webhook"],
)
def test_a_good_message_is_taken_and_recorded(
    url: str,
    recorded: str,
    status: int,
    message_id: str | None,
    doubles: ServiceDoubles,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = send(url)
    assert (answer.state, answer.possibly_repeated, answer.problem) == (AlertState.SENT, False, "")
    [call] = answer.calls
    assert (call.method, call.url, call.status, call.at) == ("POST", recorded, status, NOW)
    assert (call.message_id or "").startswith(message_id or "") and bool(call.message_id) == bool(message_id)
    assert call.request["subject"] == NOTICE.subject and call.request["bytes"] == len(doubles.taken[0].body)
    assert len(doubles.taken) == 1
    for secret in secrets_of(url):
        assert secret not in seen(answer) + caplog.text


@pytest.mark.parametrize(
    ("severity", "kind", "level"),
    [
        (Severity.INFO, NoticeKind.ALERT, "info"),
        (Severity.WARNING, NoticeKind.EQUIPMENT, "warning"),
        (Severity.CRITICAL, NoticeKind.OPERATOR, "critical"),
    ],
)
def test_a_page_has_the_facts_and_its_severity(
    severity: Severity, kind: NoticeKind, level: str, doubles: ServiceDoubles
) -> None:
    send(PAGERDUTY, Outgoing(notice(severity=severity, kind=kind, id="2", about="trouble-1"), ""))
    event = doubles.taken[0].json
    assert (event["event_action"], event["dedup_key"], event["client"]) == ("trigger", "trouble-1", "Nightjar")
    payload = event["payload"]
    assert (payload["summary"], payload["severity"], payload["source"]) == (NOTICE.subject, level, "alice-porch")
    assert payload["custom_details"] == {"What": "person, 95 %", "Where": "Porch, home"}
    assert "images" not in event  # nobody else's pictures


def test_what_is_over_resolves_the_incident(doubles: ServiceDoubles) -> None:
    send(PAGERDUTY, Outgoing(notice(kind=NoticeKind.EQUIPMENT_OVER, id="3", about="trouble-1"), ""))
    assert {k: doubles.taken[0].json[k] for k in ("event_action", "dedup_key")} == {
        "event_action": "resolve",
        "dedup_key": "trouble-1",
    }


def test_a_telephone_gets_one_short_line(doubles: ServiceDoubles) -> None:
    send(TWILIO, Outgoing(notice(subject="Person and a very " + "long " * 40 + "name"), ""))
    form = doubles.taken[0].form
    assert len(form["Body"]) <= 160 and form["Body"].startswith("Person and a very long") and form["To"] == SMS_TO


def test_a_webhook_gets_text_and_picture(doubles: ServiceDoubles) -> None:
    send(WEBHOOK)
    payload = doubles.taken[0].json
    assert payload["title"] == NOTICE.subject
    assert payload["type"] == "failure"
    for words in ("What: person, 95 %", "It goes on.", "https://x/nightjar/mute/t0ken", "rule intruder"):
        assert words in payload["message"]
    [attached] = payload["attachments"]
    assert (attached["mimetype"], attached["filename"]) == ("image/jpeg", "alice-porch-0193f0-1.jpg")


@pytest.mark.parametrize(
    ("url", "state", "for_all", "status"),
    [
        (PAGERDUTY.replace("0123", "3210"), AlertState.FAILED, True, 400),  # a key that it does not know
        ("pagerduty://tooShortKey@unusedApiKey", AlertState.FAILED, True, 400),
        (TWILIO.replace("fedcba", "abcdef"), AlertState.FAILED, True, 401),
        (TWILIO.replace("+15017122661", "+15017122662"), AlertState.FAILED, False, 400),
        (SLACK.replace("OXrI", "IrXO"), AlertState.FAILED, True, 403),
        (WEBHOOK.replace("hush", "hash"), AlertState.FAILED, True, 401),
    ],
)
def test_a_refusal_is_final_and_shows_nothing(
    url: str,
    state: AlertState,
    for_all: bool,
    status: int,
    doubles: ServiceDoubles,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = send(url, attempts=3)
    assert (answer.state, answer.refused_for_all) == (state, for_all)
    assert [call.status for call in answer.calls] == [status]
    assert doubles.taken == []
    for secret in secrets_of(url):
        assert secret not in seen(answer) + caplog.text


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ([Said(503)], (AlertState.SENT, False, 2)),  # later is now
        ([Said(429, headers={"Retry-After": "0"})], (AlertState.SENT, False, 2)),
        ([Said(429), Said(503), Said(500)], (AlertState.CLAIMED, False, 3)),
        ([Said(429, headers={"retry-after": "3600"})], (AlertState.CLAIMED, False, 1)),  # longer than anybody waits
        ([Said(hang_up=True)], (AlertState.SENT, True, 2)),
        ([Said(hang_up=True), Said(hang_up=True)], (AlertState.CLAIMED, True, 2)),
        ([Said(404)], (AlertState.FAILED, False, 1)),
        ([Said(302, headers={"Location": "https://nagios.example.com/"})], (AlertState.FAILED, False, 1)),
        ([Said(403)], (AlertState.FAILED, False, 1)),
    ],
)
def test_an_answer_is_classified(
    said: list[Said], verdict: tuple[AlertState, bool, int], doubles: ServiceDoubles
) -> None:
    doubles.instead += said
    answer = send(WEBHOOK, attempts=3)
    assert (answer.state, answer.possibly_repeated, len(answer.calls)) == verdict
    assert {request.host for request in doubles.received} == {"hooks.example.com"}  # no redirect is followed
    repeated = [request.json["title"].startswith("[possibly repeated] ") for request in doubles.taken]
    assert repeated == [answer.possibly_repeated] * (answer.state is AlertState.SENT)


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    answer = send("json://user:s3cretWord@127.0.0.1:1/s3cretPart", attempts=2)
    assert (answer.state, answer.possibly_repeated, answer.refused_for_all) == (AlertState.CLAIMED, False, False)
    assert [call.status for call in answer.calls] == [None, None]
    assert "s3cret" not in seen(answer)


def test_a_service_that_hangs_is_left_behind(doubles: ServiceDoubles) -> None:
    doubles.instead.append(Said(seconds=30))
    began = time.monotonic()
    answer = send(f"{WEBHOOK}?rto=60", timeout=1.0)
    assert time.monotonic() - began < 5
    assert (answer.state, answer.possibly_repeated) == (AlertState.CLAIMED, True)
    assert [(call.status, call.response) for call in answer.calls] == [(None, "no end in time")]


def test_one_of_two_telephones_is_refused(doubles: ServiceDoubles) -> None:
    doubles.instead += [Said(201), Said(503)]
    answer = send(f"{TWILIO}/+15558675311")
    assert (answer.state, answer.possibly_repeated) == (AlertState.CLAIMED, True)  # the first got it
    assert [call.status for call in answer.calls] == [201, 503]


@pytest.mark.parametrize(
    "url", ["nosuch://s3cretPart", "pagerduty://", "twilio://s3cretPart", "json://", "pagerduty://k3yAlone"]
)
def test_an_address_that_is_none(url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    answer = send(url)
    assert (answer.state, answer.refused_for_all, answer.calls) == (AlertState.FAILED, True, ())
    assert "'oncall' in CHANNELS_URLS is none that Apprise understands" in answer.sentence
    said = "".join(capfd.readouterr()) + caplog.text + seen(answer)
    assert "s3cretPart" not in said and "k3yAlone" not in said


def test_an_answer_that_repeats_the_key_is_recorded_without(doubles: ServiceDoubles) -> None:
    doubles.instead.append(
        Said(500, json.dumps({"url": WEBHOOK, "password": "of the service's own", "who": WEBHOOK_USER}))
    )
    answer = send(WEBHOOK)
    assert all(secret not in seen(answer) for secret in (*secrets_of(WEBHOOK), "of the service's own"))
    assert '"who": "***"' in answer.calls[0].response
