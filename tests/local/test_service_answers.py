"""The doubles of services refuse what the real ones refuse."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from nightjar_local import service_answers as services
from nightjar_local.service_answers import Request

EVENT: dict[str, Any] = {
    "routing_key": services.PAGERDUTY_KEY,
    "event_action": "trigger",
    "payload": {"summary": "s", "source": "x", "severity": "info"},
}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, ""),
        ({"event_action": "resolve", "dedup_key": "1"}, ""),
        ({"event_action": "resolve"}, "'dedup_key' is missing"),
        ({"event_action": "open"}, "'event_action' is invalid"),
        ({"routing_key": "short"}, "(should be 32 characters)"),
        ({"routing_key": "-" * 32}, "non-alphanumeric"),
        ({"routing_key": "a" * 32}, "Invalid routing key"),
        ({"payload": {"summary": "s", "source": "x", "severity": "high"}}, "'payload.severity' is invalid"),
        ({"payload": {"source": "x", "severity": "info"}}, "'payload.summary' is missing"),
        ({"payload": {"summary": "s" * 1025, "source": "x", "severity": "info"}}, "maximum is 1024"),
        ({"dedup_key": "k" * 256}, "maximum is 255"),
    ],
)
def test_pagerduty(changes: dict[str, Any], error: str) -> None:
    status, body, taken = services.pagerduty(Request("", "/v2/enqueue", {}, json.dumps(EVENT | changes).encode()))
    assert (status, taken) == ((400, False) if error else (202, True))
    assert error in body


def test_pagerduty_without_json() -> None:
    assert services.pagerduty(Request("", "/v2/enqueue", {}, b"x"))[0] == 400
    assert services.pagerduty(Request("", "/v1/enqueue", {}, b"x"))[0] == 404


SMS = {"From": services.TWILIO_FROM, "To": "+15558675310", "Body": "Person"}
LOGIN = f"{services.TWILIO_SID}:{services.TWILIO_TOKEN}"


@pytest.mark.parametrize(
    ("login", "changes", "status", "code"),
    [
        (LOGIN, {}, 201, None),
        (LOGIN + "x", {}, 401, 20003),
        ("", {}, 401, 20003),
        (LOGIN, {"To": ""}, 400, 21604),
        (LOGIN, {"To": "5558675310"}, 400, 21211),
        (LOGIN, {"From": "+1"}, 400, 21606),
        (LOGIN, {"Body": ""}, 400, 21602),
        (LOGIN, {"Body": "x" * 1601}, 400, 21617),
    ],
)
def test_twilio(login: str, changes: dict[str, str], status: int, code: int | None) -> None:
    headers = {"authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    path = f"/2010-04-01/Accounts/{services.TWILIO_SID}/Messages.json"
    answer = services.twilio(Request("", path, headers, urlencode(SMS | changes).encode()))
    assert (answer[0], json.loads(answer[1]).get("code"), answer[2]) == (status, code, code is None)


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        (services.SLACK_PATH, '{"text": "x"}', (200, "ok", True)),
        (services.SLACK_PATH, '{"attachments": [{"text": "x"}]}', (200, "ok", True)),
        (services.SLACK_PATH, "{}", (400, "no_text", False)),
        (services.SLACK_PATH, "x", (400, "invalid_payload", False)),
        (f"{services.SLACK_PATH}x", '{"text": "x"}', (403, "invalid_token", False)),
        ("T0/B0/x", '{"text": "x"}', (404, "no_team", False)),
    ],
)
def test_slack(path: str, body: str, answer: services.Answer) -> None:
    assert services.slack(Request("", f"/services/{path}", {}, body.encode())) == answer


CHECK = (
    "<checkresults><checkresult type='service'><hostname>h</hostname><servicename>s</servicename><state>1</state>"
    "<output>o</output></checkresult></checkresults>"
)


@pytest.mark.parametrize(
    ("changes", "message", "taken"),
    [
        ({}, "OK", True),
        ({"token": ""}, "NO TOKEN", False),
        ({"token": "x"}, "BAD TOKEN", False),
        ({"cmd": ""}, "Submit", False),
        ({"cmd": "submitcmd"}, "NO REQUEST HANDLER", False),
        ({"XMLDATA": ""}, "NO DATA", False),
        ({"XMLDATA": "<a>"}, "BAD XML", False),
        ({"XMLDATA": CHECK.replace("<state>1", "<state>9")}, "BAD XML", False),
    ],
)
def test_nrdp(changes: dict[str, str], message: str, taken: bool) -> None:
    form = {"token": services.NRDP_TOKEN, "cmd": "submitcheck", "XMLDATA": CHECK} | changes
    status, body, was_taken = services.nrdp(Request("", "/nrdp/", {}, urlencode(form).encode()))
    assert (status, was_taken) == (200, taken) and message in body
