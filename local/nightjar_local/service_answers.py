"""How the services behind channels answer, as their documentation or source says. Pure.

PagerDuty's Events API v2, Twilio's messages, Slack's webhooks, a webhook that takes JSON, and Nagios with NRDP.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

PAGERDUTY_KEY = "0123456789abcdef0123456789abcdef"
TWILIO_SID, TWILIO_TOKEN, TWILIO_FROM = f"AC{'0123456789abcdef' * 2}", "fedcba9876543210" * 2, "+15017122661"
SLACK_PATH = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
WEBHOOK_USER, WEBHOOK_PASSWORD = "h00kUser", "hush-hush-hush"
NRDP_TOKEN = "4gc2vt6iz25b"  # noqa: S105 - of a double

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True)
class Request:
    """A request as it came: the names of headers are in lower case."""

    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def login(self) -> str:
        """`user:password` of basic authentication, or nothing."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return base64.b64decode(value).decode() if kind == "Basic" else ""


Answer = tuple[int, str, bool]  # status, body, and whether the request was taken


def pagerduty(request: Request) -> Answer:
    """https://developer.pagerduty.com/api-reference/368ae3d938c9e-send-an-event-to-pager-duty."""
    event = request.json
    if request.path != "/v2/enqueue":
        return 404, "Not Found", False
    if not isinstance(event, dict):
        return _invalid_event("Invalid JSON")
    payload = event.get("payload", {})
    key, action = str(event.get("routing_key", "")), event.get("event_action")
    wrong = []
    if len(key) != 32:
        wrong.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    if not key.isalnum():
        wrong.append("'routing_key' cannot contain non-alphanumeric characters.")
    if action not in ("trigger", "acknowledge", "resolve"):
        wrong.append("'event_action' is invalid (must be one of: trigger, acknowledge, resolve)")
    if action != "trigger" and not event.get("dedup_key"):
        wrong.append("'dedup_key' is missing or blank")
    if len(str(event.get("dedup_key", ""))) > 255:
        wrong.append("'dedup_key' is too long (maximum is 255 characters)")
    if action == "trigger":
        wrong += [f"'payload.{n}' is missing or blank" for n in ("summary", "source", "severity") if not payload.get(n)]
        if payload.get("severity") not in ("critical", "error", "warning", "info"):
            wrong.append("'payload.severity' is invalid (must be one of: critical, warning, error, info)")
        if len(str(payload.get("summary", ""))) > 1024:
            wrong.append("'payload.summary' is too long (maximum is 1024 characters)")
    if wrong:
        return _invalid_event(*wrong)
    if key != PAGERDUTY_KEY:
        return _invalid_event("Invalid routing key")
    dedup = event.get("dedup_key") or hashlib.sha256(request.body).hexdigest()[:32]
    return 202, json.dumps({"status": "success", "message": "Event processed", "dedup_key": dedup}), True


def _invalid_event(*errors: str) -> Answer:
    return 400, json.dumps({"status": "invalid event", "message": "Event object is invalid", "errors": errors}), False


def twilio(request: Request) -> Answer:
    """https://www.twilio.com/docs/messaging/api/message-resource."""
    found = re.fullmatch(r"/2010-04-01/Accounts/([^/]+)/Messages\.json", request.path)
    if not found:
        return _twilio_error(404, 20404, f"The requested resource {request.path} was not found")
    if found[1] != TWILIO_SID or request.login != f"{TWILIO_SID}:{TWILIO_TOKEN}":
        return _twilio_error(401, 20003, "Authenticate")
    form = request.form
    if not form.get("To"):
        return _twilio_error(400, 21604, "A 'To' phone number is required.")
    if not _E164.fullmatch(form["To"]):
        return _twilio_error(400, 21211, f"Invalid 'To' Phone Number: {form['To']}")
    if form.get("From") != TWILIO_FROM:
        return _twilio_error(400, 21606, f"The 'From' phone number provided ({form.get('From')}) is not yours")
    if not form.get("Body"):
        return _twilio_error(400, 21602, "Message body is required.")
    if len(form["Body"]) > 1600:
        return _twilio_error(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    sid = f"SM{hashlib.sha256(request.body).hexdigest()[:32]}"
    return 201, json.dumps({"sid": sid, "status": "queued", "to": form["To"], "body": form["Body"]}), True


def _twilio_error(status: int, code: int, message: str) -> Answer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return status, json.dumps({"code": code, "message": message, "more_info": more, "status": status}), False


def slack(request: Request) -> Answer:
    """https://api.slack.com/messaging/webhooks#handling_errors."""
    if request.path != f"/services/{SLACK_PATH}":
        return (
            (403, "invalid_token", False)
            if request.path.startswith("/services/T1JJ3T3L2/")
            else (404, "no_team", False)
        )
    payload = request.json
    if not isinstance(payload, dict):
        return 400, "invalid_payload", False
    shown = [payload.get("text", ""), *(each.get("text", "") for each in payload.get("attachments", []))]
    return (200, "ok", True) if any(shown) or payload.get("blocks") else (400, "no_text", False)


def webhook(request: Request) -> Answer:
    """A receiver with a login that takes Apprise's JSON; a path that ends in `/open` needs none."""
    if not request.path.endswith("/open") and request.login != f"{WEBHOOK_USER}:{WEBHOOK_PASSWORD}":
        return 401, '{"error": "unauthorized"}', False
    payload = request.json
    if not isinstance(payload, dict) or not payload.get("title") or not payload.get("message"):
        return 422, '{"error": "expected a title and a message"}', False
    return 200, '{"id": "hook-0001"}', True


def nrdp(request: Request) -> Answer:
    """`server/index.php` and its plugin for passive checks: always 200, and XML that says what is wrong."""
    form = request.form
    if not form.get("cmd"):
        return 200, "<strong>Submit Nagios Command:</strong>", False
    if not form.get("token"):
        return _nrdp_error("NO TOKEN")
    if form["token"] != NRDP_TOKEN:
        return _nrdp_error("BAD TOKEN")
    if form["cmd"].lower() != "submitcheck":
        return 200, "NO REQUEST HANDLER", False
    if not form.get("XMLDATA"):
        return _nrdp_error("NO DATA")
    try:
        results = ElementTree.fromstring(form["XMLDATA"]).findall("checkresult")  # noqa: S314 - a test sends it
    except ElementTree.ParseError:
        return _nrdp_error("BAD XML")
    for result in results:
        needed = ["hostname", "state", "output", *(["servicename"] if result.get("type") == "service" else [])]
        if not all(result.findtext(name) for name in needed) or str(result.findtext("state")) not in "0123":
            return _nrdp_error("BAD XML")  # the real server takes it, and Nagios throws it away
    meta = f"<meta><output>{len(results)} checks processed</output></meta>"
    return 200, f"{_HEAD}<result><status>0</status><message>OK</message>{meta}</result>", bool(results)


_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


def _nrdp_error(message: str) -> Answer:
    return 200, f"{_HEAD}<result><status>-1</status><message>{message}</message></result>", False


def generic(request: Request) -> Answer:
    """The service at an address of anybody's choice: a Nagios server below `/nrdp/`, a webhook elsewhere."""
    return nrdp(request) if urlsplit(request.path).path.startswith("/nrdp/") else webhook(request)


ANSWERS: dict[str, Callable[[Request], Answer]] = {
    "events.pagerduty.com": pagerduty,
    "api.twilio.com": twilio,
    "hooks.slack.com": slack,
    "hooks.example.com": webhook,
    "nagios.example.com": nrdp,
}
