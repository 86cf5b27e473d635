"""Nagios over NRDP, against a double that answers as the real server's source does."""

import logging
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydantic import SecretStr

from nightjar.domain.alerts import AlertState
from nightjar.domain.notices import NoticeKind
from nightjar.domain.severity import Severity
from nightjar_local.service_answers import NRDP_TOKEN
from nightjar_local.service_doubles import Said, ServiceDoubles
from nightjar_notify.answers import Verdict
from nightjar_notify.channels.nrdp import NrdpChannel, check_result, verdict_of_result
from nightjar_notify.channels.protocol import Answer, Outgoing
from nightjar_notify.channels.tries import Patience
from nightjar_notify.pace import Pace
from tests.images.notify.channels.notices import NOTICE, NOW, notice


@pytest.fixture
def doubles(tmp_path: Path) -> Iterator[ServiceDoubles]:
    with ServiceDoubles(tmp_path) as doubles:
        yield doubles


def send(url: str, message: Outgoing | None = None, attempts: int = 1) -> Answer:
    channel = NrdpChannel("nagios", SecretStr(url), lambda: NOW, Pace(4, 1.0), Patience(attempts, 0.01), 5.0)
    try:
        return channel.send(message or Outgoing(NOTICE, ""))
    finally:
        channel.close()


def url(doubles: ServiceDoubles, token: str = NRDP_TOKEN, query: str = "?hostname=site&service=cameras") -> str:
    return f"nrdp://{token}@{doubles.address}/nrdp/{query}"


@pytest.mark.parametrize(
    ("severity", "kind", "state"),
    [
        (Severity.INFO, NoticeKind.ALERT, "0"),
        (Severity.WARNING, NoticeKind.ALERT, "1"),
        (Severity.CRITICAL, NoticeKind.EQUIPMENT, "2"),
        (Severity.CRITICAL, NoticeKind.EQUIPMENT_OVER, "0"),
        (Severity.WARNING, NoticeKind.CLOSING, "0"),
    ],
)
def test_the_state_of_a_service(severity: Severity, kind: NoticeKind, state: str, doubles: ServiceDoubles) -> None:
    answer = send(url(doubles), Outgoing(notice(severity=severity, kind=kind), ""))
    assert answer.state is AlertState.SENT
    [result] = ElementTree.fromstring(doubles.taken[0].form["XMLDATA"])
    fields = {each.tag: each.text for each in result}
    output = f"{NOTICE.subject}. {NOTICE.when}"
    assert fields == {"hostname": "site", "servicename": "cameras", "state": state, "output": output}
    [call] = answer.calls
    assert (call.url, call.status) == (f"{doubles.url}/nrdp/", 200)
    assert NRDP_TOKEN not in f"{answer!r}{call.model_dump_json()}"


def test_without_names_it_is_the_camera(doubles: ServiceDoubles) -> None:
    assert send(url(doubles, query="")).calls[0].request["hostname"] == "alice-porch"


@pytest.mark.parametrize("token", ["wrongToken", NRDP_TOKEN.upper()])
def test_a_wrong_token(token: str, doubles: ServiceDoubles, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = send(url(doubles, token), attempts=3)
    assert (answer.state, answer.refused_for_all, len(answer.calls)) == (AlertState.FAILED, True, 1)
    assert answer.sentence == "the NRDP server says BAD TOKEN"
    assert token not in f"{answer!r}{caplog.text}"


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ([Said(503)], (AlertState.SENT, False, 2)),
        ([Said(503), Said(503)], (AlertState.CLAIMED, False, 2)),
        ([Said(hang_up=True)], (AlertState.SENT, True, 2)),
        ([Said(302, headers={"Location": "http://127.0.0.1:1/"})], (AlertState.FAILED, False, 1)),
        ([Said(200, "<html>Welcome</html>")], (AlertState.FAILED, False, 1)),
    ],
)
def test_an_answer_is_classified(
    said: list[Said], verdict: tuple[AlertState, bool, int], doubles: ServiceDoubles
) -> None:
    doubles.instead += said
    answer = send(url(doubles), attempts=2)
    assert (answer.state, answer.possibly_repeated, len(answer.calls)) == verdict


@pytest.mark.parametrize(
    ("status", "text", "verdict"),
    [
        (200, "<result><status>0</status><message>OK</message></result>", Verdict.ACCEPTED),
        (200, '{"result": {"status": 0, "message": "OK"}}', Verdict.ACCEPTED),
        (200, '{"result": {"status": -1, "message": "NO TOKEN"}}', Verdict.UNAUTHORISED),
        (200, "<status>-1</status><message>NOT AUTHENTICATED</message>", Verdict.UNAUTHORISED),
        (200, "<status>-1</status><message>BAD CHECK RESULTS DIR</message>", Verdict.LATER),
        (200, "<status>-1</status><message>BAD XML</message>", Verdict.REFUSED),
        (200, "<status>-1</status>", Verdict.REFUSED),
        (200, "NO REQUEST HANDLER", Verdict.REFUSED),
        (200, "", Verdict.REFUSED),
        (202, "<status>0</status>", Verdict.REFUSED),
        (401, "", Verdict.UNAUTHORISED),
        (404, "", Verdict.REFUSED),
        (500, "", Verdict.LATER),
    ],
)
def test_verdict(status: int, text: str, verdict: Verdict) -> None:
    assert verdict_of_result(status, text)[0] is verdict


@pytest.mark.parametrize(
    "address", ["nrdp://nagios.example.com/", "nrdps://", "nrdp://s3cret@host:99999/", "nrdp://@host/"]
)
def test_an_address_that_is_none(address: str) -> None:
    answer = send(address)
    assert (answer.state, answer.refused_for_all, answer.calls) == (AlertState.FAILED, True, ())
    assert "'nagios' in CHANNELS_URLS is none" in answer.sentence and "s3cret" not in answer.sentence


@pytest.mark.parametrize("text", ["<b>&\"'", "a\x00b\x1b\ud800", "50 %|perf=1", "x" * 5000, "Straße 木"])
def test_any_text_is_good_xml(text: str) -> None:
    [result] = ElementTree.fromstring(check_result(text, text, 2, text))
    assert len(result) == 4 and "|" not in str(result.findtext("output"))


def test_nobody_there() -> None:
    answer = send("nrdp://s3cretToken@127.0.0.1:1/nrdp/", attempts=2)
    assert (answer.state, answer.possibly_repeated, len(answer.calls)) == (AlertState.CLAIMED, False, 2)
    assert "s3cret" not in repr(answer)
