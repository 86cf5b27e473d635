"""SendGrid's v3 API: one message, with retries; every call and answer as the ledger keeps it.

Over httpx, which keeps connections open and is safe from threads. SendGrid's own client opens a connection for each
message and reads the machine's certificates each time: 20 ms of processor time for an alert.
"""

import base64
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from nightjar.domain.alerts import ApiCall
from nightjar.errors import UsageError
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar_notify.answers import Verdict, asked_to_wait, is_quota, verdict_of
from nightjar_notify.certificates import machine_trust
from nightjar_notify.message import Message
from nightjar_notify.pace import Pace

log = logging.getLogger(__name__)

_LONGEST_ANSWER = 2000  # characters of an answer that the ledger keeps
_LONGEST_CONNECT = 5.0  # seconds; without a connection nothing was sent, so that trying again is harmless
_LONGEST_BACKOFF = 60.0  # seconds

# With these, the request has not gone out whole; with any other, the message may be on its way.
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.WriteError,
    httpx.WriteTimeout,
)

Request = dict[str, object]
Compose = Callable[[bool], Message]  # makes the message; the argument says whether it may be a repetition


@dataclass(frozen=True)
class Answer:
    """One call, what it means, and how many seconds the API asks everybody to wait.

    `unknown`: the whole request went out and no answer came, so that the message may or may not be on its way. `quota`:
    the account may send no more for now.
    """

    call: ApiCall
    verdict: Verdict
    asked_to_wait: float | None = None
    unknown: bool = False
    quota: bool = False


class SendGrid:
    """The mail API with a key. `clock` times the calls in the ledger. Safe to use from threads."""

    def __init__(
        self, api: SendGridSettings, settings: NotifySettings, clock: Callable[[], datetime], pace: Pace
    ) -> None:
        assert api.api_key is not None, "expected a key"
        self._settings, self._clock, self._pace = settings, clock, pace
        self._headers = {"Authorization": f"Bearer {api.api_key.get_secret_value()}", "Accept": "application/json"}
        self._url = f"{api.api_url.rstrip('/')}/v3/mail/send"
        for chatty in ("httpx", "httpcore"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        most = settings.mail_concurrency
        try:
            httpx.URL(self._url)
            self._client = httpx.Client(
                timeout=httpx.Timeout(settings.mail_timeout, connect=min(settings.mail_timeout, _LONGEST_CONNECT)),
                limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
                verify=machine_trust(),
            )
        except (httpx.InvalidURL, ImportError, ValueError) as error:
            raise UsageError(f"expected SENDGRID_API_URL and a proxy, if any, that can be used: {error}") from None

    def send(self, compose: Compose, notice_id: str, *, repeated: bool) -> list[Answer]:
        """Send a message, again and again while the answer is "later" and the pace allows it; all answers, in order.

        The message says that it may be a repetition with `repeated`, and after a call that got no answer.
        """
        answers: list[Answer] = []
        for number in range(self._settings.mail_attempts):
            if answers and not self._pause(number, answers[-1]):
                break
            message = compose(repeated or any(answer.unknown for answer in answers))
            answers.append(self._call(_request(message, self._settings.mail_from, notice_id)))
            if answers[-1].verdict is not Verdict.LATER or _has_no_end_yet(answers[-1]):
                break
        return answers

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _pause(self, tries: int, last: Answer) -> bool:
        backoff: float = self._settings.mail_backoff * 2 ** (tries - 1)
        asked = last.asked_to_wait
        # An API that does not ask may still take other messages: only this one waits.
        return self._pace.wait(max(min(backoff, _LONGEST_BACKOFF), asked or 0.0), everybody=asked is not None)

    def _call(self, request: Request) -> Answer:
        at = self._clock()
        status: int | None = None
        headers = httpx.Headers()
        unknown = False
        try:
            answer = self._client.post(self._url, json=request, headers=self._headers)
            status, text, headers = answer.status_code, answer.text, answer.headers
            verdict = verdict_of(status, text)
        except (httpx.LocalProtocolError, ValueError) as error:
            # Nothing can be sent, such as with a key that no header can hold; the error's text would show it.
            verdict, text = Verdict.UNAUTHORISED, f"not sent: {type(error).__name__}"
        except (httpx.HTTPError, OSError) as error:
            verdict, text = Verdict.LATER, f"{type(error).__name__}: {error}"
            unknown = not isinstance(error, NOT_SENT)
        call = ApiCall(
            at=at,
            method="POST",
            url=self._url,
            request=_without_picture(request),
            status=status,
            response=text[:_LONGEST_ANSWER],
            message_id=headers.get("X-Message-Id"),
        )
        level = logging.DEBUG if verdict is Verdict.ACCEPTED else logging.WARNING
        log.log(level, "mail API answered %s", status, extra={"status": status, "verdict": verdict.name.lower()})
        quota = status is not None and is_quota(status, text)
        return Answer(call, verdict, asked_to_wait(status, headers, at), unknown, quota)


def _has_no_end_yet(answer: Answer) -> bool:
    """Whether the API takes nothing for now and does not say until when: hours or days, if it is the quota."""
    return answer.quota and not answer.asked_to_wait


def _request(message: Message, sender: str, notice_id: str) -> Request:
    request: Request = {
        "personalizations": [{"to": [{"email": message.recipient}], "custom_args": {"event_id": notice_id}}],
        "from": {"email": sender, "name": "Nightjar"},
        "subject": message.subject,
        "content": [{"type": "text/plain", "value": message.text}, {"type": "text/html", "value": message.html}],
        "headers": {"X-Nightjar-Event": notice_id},
        "categories": ["nightjar"],
        # Who opens an alert, and when, is nobody's business.
        "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
    }
    if message.pictures:
        request["attachments"] = [
            {
                "content": base64.b64encode(each.jpeg).decode("ascii"),
                "type": "image/jpeg",
                "filename": each.name,
                "disposition": "inline",
                "content_id": each.content_id,
            }
            for each in message.pictures
        ]
    return request


def _without_picture(request: Request) -> Request:
    """The request as the ledger keeps it: bodies and pictures as size and SHA-256."""
    kept = dict(request)
    for name, value in (("content", "value"), ("attachments", "content")):
        parts = request.get(name, [])
        assert isinstance(parts, list)
        if parts:
            kept[name] = [{**part, value: _digest(part[value])} for part in parts]
    return kept


def _digest(text: str) -> dict[str, object]:
    data = text.encode()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
