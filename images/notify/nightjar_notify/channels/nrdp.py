"""Nagios, by passive check results over NRDP: `nrdps://TOKEN@nagios.example.com/nrdp/?hostname=cameras&service=porch`.

Each notice sets the state of one service: OK, WARNING or CRITICAL by its severity, and OK again when it says that
something is over. Without `hostname` it is the camera, without `service` it is `nightjar`.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import httpx
from pydantic import SecretStr

from nightjar.domain.alerts import ApiCall
from nightjar.domain.notices import Notice
from nightjar.domain.severity import Severity
from nightjar_notify.answers import Verdict, asked_to_wait, verdict_of
from nightjar_notify.certificates import machine_trust
from nightjar_notify.channels import words
from nightjar_notify.channels.by_url import NAGIOS
from nightjar_notify.channels.masking import Masking
from nightjar_notify.channels.protocol import Answer, Outgoing
from nightjar_notify.channels.tries import Patience, Tried, send_patiently
from nightjar_notify.mail_api import NOT_SENT
from nightjar_notify.pace import Pace

log = logging.getLogger(__name__)

_LONGEST_CONNECT = 5.0  # seconds
_LONGEST_ANSWER = 2000  # characters of an answer that the ledger keeps
_LONGEST_OUTPUT = 500  # characters; Nagios shows the first line
_STATES = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
_NAMES = ("OK", "WARNING", "CRITICAL")
# The answer's status and message, in XML or JSON.
_STATUS = re.compile(r'<status>\s*(-?\d+)\s*</status>|"status"\s*:\s*"?(-?\d+)')
_MESSAGE = re.compile(r'<message>([^<]{0,200})</message>|"message"\s*:\s*"([^"]{0,200})"')
_WRONG_KEY = re.compile(r"\b(BAD|NO|DENIED) TOKENS?\b|\bNOT AUTHENTICATED\b|\bBAD_USER\b|\bHTTPS REQUIRED\b")
_SERVER_BROKEN = re.compile(r"\bDIR\b|\bWRITE|\bCANNOT OPEN\b")  # the folder of check results, which somebody will mend
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]|[\ud800-\udfff]")


@dataclass(frozen=True)
class _Target:
    endpoint: str
    token: str
    hostname: str
    service: str


class NrdpChannel:
    """A channel with an NRDP URL. Safe to use from threads."""

    def __init__(
        self,
        name: str,
        url: SecretStr,
        clock: Callable[[], datetime],
        pace: Pace,
        patience: Patience,
        timeout: float,
    ) -> None:
        self.name, self.pace = name, pace
        self._clock, self._patience, self._timeout = clock, patience, timeout
        self._target = _target(url.get_secret_value())
        public = (self._target.hostname, self._target.service, *_server(self._target.endpoint)) if self._target else ()
        self._masking = Masking(url.get_secret_value(), public)
        for chatty in ("httpx", "httpcore"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=min(timeout, _LONGEST_CONNECT)), verify=machine_trust()
        )

    def send(self, message: Outgoing) -> Answer:
        """Submit the check result, again and again while the server fails and the pace allows it."""
        return send_patiently(
            lambda repeated: self._try(message.notice, repeated),
            self.pace,
            self._patience,
            repeated=message.possibly_repeated,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _try(self, notice: Notice, repeated: bool) -> Tried:
        subject = words.subject(notice, possibly_repeated=repeated)
        if self._target is None:
            expected = "expected nrdps://<token>@<server>/nrdp/?hostname=…&service=…"
            problem = f"the address of channel {self.name!r} in CHANNELS_URLS is none: {expected}"
            return Tried(Verdict.UNAUTHORISED, subject, problem=problem)
        hostname = self._target.hostname or (notice.camera.name if notice.camera else "nightjar")
        service = self._target.service or "nightjar"
        state = 0 if notice.kind.is_over else _STATES[notice.severity]
        output = words.short(notice, possibly_repeated=repeated, most=_LONGEST_OUTPUT)
        data = {
            "token": self._target.token,
            "cmd": "submitcheck",
            "XMLDATA": check_result(hostname, service, state, output),
        }
        at, status, headers, unknown = self._clock(), None, httpx.Headers(), False
        try:
            answer = self._client.post(self._target.endpoint, data=data)
            status, text, headers = answer.status_code, answer.text, answer.headers
            verdict, problem = verdict_of_result(status, text)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            # Never its text, which may hold the address.
            verdict, text, problem = Verdict.LATER, type(error).__name__, ""
            unknown = not isinstance(error, (*NOT_SENT, httpx.InvalidURL, ValueError))
        said = {"hostname": hostname, "service": service, "state": _NAMES[state], "output": output}
        call = ApiCall(
            at=at,
            method="POST",
            url=self._masking.address(self._target.endpoint),
            request={**said, "cmd": "submitcheck"},
            status=status,
            response=self._masking.text(text)[:_LONGEST_ANSWER],
        )
        level = logging.DEBUG if verdict is Verdict.ACCEPTED else logging.WARNING
        extra = {"channel": self.name, "status": status, "verdict": verdict.name.lower()}
        log.log(level, "channel %s answered %s", self.name, status, extra=extra)
        wait = asked_to_wait(status, headers, at)
        # The same state once more is no second incident, but nobody knows whether the first arrived.
        return Tried(verdict, subject, (call,), self._masking.text(problem), wait, unknown)


def check_result(hostname: str, service: str, state: int, output: str) -> str:
    """A passive result of one service as NRDP takes it."""
    host, name, text = (escape(_CONTROL.sub(" ", each)) for each in (hostname, service, output.replace("|", "/")))
    return (
        "<?xml version='1.0'?><checkresults><checkresult type='service' checktype='1'>"
        f"<hostname>{host}</hostname><servicename>{name}</servicename><state>{state}</state><output>{text}</output>"
        "</checkresult></checkresults>"
    )


def verdict_of_result(status: int, text: str) -> tuple[Verdict, str]:
    """The meaning of an answer, and the problem in a sentence. NRDP answers 200 and names the problem in the body."""
    if status != 200:
        verdict = verdict_of(status, text)
        return (Verdict.REFUSED if verdict is Verdict.ACCEPTED else verdict), ""
    number, message = _STATUS.search(text), _MESSAGE.search(text)
    said = next((each for each in message.groups() if each), "") if message else ""
    if number is None:
        return Verdict.REFUSED, "expected the answer of an NRDP server, got something else with status 200"
    if next(each for each in number.groups() if each) == "0":
        return Verdict.ACCEPTED, ""
    problem = f"the NRDP server says {said or 'nothing'}"
    if _WRONG_KEY.search(said):
        return Verdict.UNAUTHORISED, problem
    return (Verdict.LATER if _SERVER_BROKEN.search(said) else Verdict.REFUSED), problem


def _target(url: str) -> _Target | None:
    try:
        parts = urlsplit(url)
        port, query = parts.port, parse_qs(parts.query)
    except ValueError:
        return None
    if parts.scheme not in NAGIOS or not parts.hostname or not parts.username:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    scheme = "https" if parts.scheme == "nrdps" else "http"
    return _Target(
        endpoint=f"{scheme}://{host}{f':{port}' if port else ''}{parts.path or '/nrdp/'}",
        token=unquote(parts.username),
        hostname=query.get("hostname", [""])[0],
        service=query.get("service", [""])[0],
    )


def _server(endpoint: str) -> tuple[str, ...]:
    parts = urlsplit(endpoint)
    return (parts.hostname or "", parts.netloc, *parts.path.split("/"), parts.path.strip("/"), str(parts.port or ""))
