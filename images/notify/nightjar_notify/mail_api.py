"""SendGrid's v3 API through its own client: one message, with retries; every call and answer as the ledger keeps it."""

import base64
import hashlib
import http.client
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from urllib.error import URLError

from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient
from tenacity import RetryCallState, Retrying, retry_if_result

from nightjar.domain.alerts import ApiCall
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar_notify.message import CONTENT_ID, Message

log = logging.getLogger(__name__)

_LONGEST_ANSWER = 2000  # characters of an answer that the ledger keeps
_LONGEST_WAIT = 60.0  # seconds between two attempts; an API that asks for more gets it from the next run of the task

Request = dict[str, object]
Compose = Callable[[bool], Message]  # makes the message; given whether it is possibly a repeated one


class Verdict(Enum):
    """What an answer means for the message."""

    ACCEPTED = auto()
    REFUSED = auto()  # this message, for good
    UNAUTHORISED = auto()  # every message, until somebody changes the key or the sender
    LATER = auto()


@dataclass(frozen=True)
class Answer:
    """One call, what it means, and how many seconds the API asks to wait.

    `unknown`: the whole request went out and no answer came, so that the message may or may not be on its way.
    """

    call: ApiCall
    verdict: Verdict
    retry_after: float | None = None
    unknown: bool = False


@dataclass
class Patience:
    """The seconds of waiting that are left, for all messages together: one that fails must not hold back the others."""

    left: float
    sleep: Callable[[float], None] = time.sleep

    def wait(self, seconds: float) -> None:
        """Wait, and have less patience for it."""
        self.left -= seconds
        self.sleep(seconds)


@dataclass
class SendGrid:
    """A mail API with a key. `clock` times the calls in the ledger."""

    api: SendGridSettings
    settings: NotifySettings
    clock: Callable[[], datetime]
    patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        assert self.api.api_key is not None, "expected a key"
        self.patience = Patience(self.settings.mail_patience)
        # At debug level this library logs the key.
        logging.getLogger("python_http_client").setLevel(logging.WARNING)
        self._host = self.api.api_url.rstrip("/")
        self._client = SendGridAPIClient(self.api.api_key.get_secret_value(), host=self._host)
        self._client.client.timeout = self.settings.mail_timeout

    def send(self, compose: Compose, event_id: str, *, repeated: bool) -> list[Answer]:
        """Send a message, again and again while the answer is "later" and there is patience; all answers, in order.

        `compose` makes the message: a possibly repeated one with `repeated`, or once a call got no answer.
        """
        answers: list[Answer] = []

        def attempt() -> Answer:
            message = compose(repeated or any(answer.unknown for answer in answers))
            answers.append(self._call(_request(message, self.settings.mail_from, event_id)))
            return answers[-1]

        retrying = Retrying(
            retry=retry_if_result(lambda answer: answer.verdict is Verdict.LATER),
            wait=lambda state: self._pause(state, answers[-1]),
            stop=lambda state: (
                state.attempt_number >= self.settings.mail_attempts
                or state.upcoming_sleep > min(self.patience.left, _LONGEST_WAIT)
            ),
            sleep=self.patience.wait,
            retry_error_callback=lambda _: answers[-1],
        )
        retrying(attempt)
        return answers

    def _pause(self, state: RetryCallState, answer: Answer) -> float:
        backoff: float = min(self.settings.mail_backoff * 2 ** (state.attempt_number - 1), _LONGEST_WAIT)
        return max(backoff, answer.retry_after or 0.0)

    def _call(self, request: Request) -> Answer:
        at = self.clock()
        retry_after: float | None = None
        status: int | None
        verdict: Verdict | None = None
        unknown = False
        try:
            response = self._client.send(request)
            status, body, headers = response.status_code, response.body, response.headers
        except HTTPError as error:
            status, body, headers = error.status_code, error.body, error.headers
        except (OSError, http.client.HTTPException) as error:
            # urllib raises URLError for what fails before the request is out, and other errors while it waits.
            unknown = not isinstance(error, URLError)
            status, body, headers = None, f"{type(error).__name__}: {error}".encode(), {}
        except ValueError as error:
            # Nothing can be sent, such as with a key that no header can hold; the error's text would show it.
            verdict = Verdict.UNAUTHORISED
            status, body, headers = None, f"not sent: {type(error).__name__}".encode(), {}
        if status is not None:
            retry_after = _seconds(headers.get("Retry-After"), at)
        call = ApiCall(
            at=at,
            method="POST",
            url=f"{self._host}/v3/mail/send",
            request=_without_picture(request),
            status=status,
            response=body.decode("utf-8", "replace")[:_LONGEST_ANSWER],
            message_id=headers.get("X-Message-Id"),
        )
        verdict = verdict or _verdict(status)
        level = logging.INFO if verdict is Verdict.ACCEPTED else logging.WARNING
        log.log(level, "mail API answered %s", status, extra={"status": status, "verdict": verdict.name.lower()})
        return Answer(call, verdict, retry_after, unknown)


def _verdict(status: int | None) -> Verdict:
    if status is None or status in (408, 425, 429) or status >= 500:
        return Verdict.LATER
    if status in (401, 403):
        return Verdict.UNAUTHORISED
    # Only 202 says that the message is on its way; a 200 is somebody else's page, behind a redirect or a proxy.
    return Verdict.ACCEPTED if status == 202 else Verdict.REFUSED


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    """What the header `Retry-After` asks for, in seconds from `now`; None when it is not there or not understood."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())


def _request(message: Message, sender: str, event_id: str) -> Request:
    request: Request = {
        "personalizations": [{"to": [{"email": message.recipient}], "custom_args": {"event_id": event_id}}],
        "from": {"email": sender, "name": "Nightjar"},
        "subject": message.subject,
        "content": [{"type": "text/plain", "value": message.text}, {"type": "text/html", "value": message.html}],
        "headers": {"X-Nightjar-Event": event_id},
        "categories": ["nightjar"],
        # Who opens an alert, and when, is nobody's business.
        "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
    }
    if message.picture is not None:
        request["attachments"] = [
            {
                "content": base64.b64encode(message.picture).decode("ascii"),
                "type": "image/jpeg",
                "filename": message.picture_name,
                "disposition": "inline",
                "content_id": CONTENT_ID,
            }
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
