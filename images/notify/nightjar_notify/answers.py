"""The meaning of the mail API's answers: is the message on its way, and how long has the next to wait? Pure."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto

# What stands in front of the API, and clocks that differ, can ask for anything; nobody is asked for more than this.
_LONGEST_ASKED = 86_400.0  # seconds
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
# A moment in the headers is Unix time in seconds or milliseconds; a smaller number is how many seconds it is off.
_UNIX_SECONDS, _UNIX_MILLISECONDS = 1e9, 1e12
_RESETS = ("X-RateLimit-Reset", "X-Rate-Limit-Reset", "RateLimit-Reset")

_REFUSALS = (401, 402, 403)
_LIMIT = r"\b(credits?|quotas?|limits?|allowance)\b"
_REACHED = (
    r"\b(exceed(s|ed|ing)?|reached|hit|exhausted|used up|ran out|run out|out of|insufficient|not enough|no more)\b"
)
_QUOTA = re.compile(rf"{_LIMIT}.{{0,60}}?{_REACHED}|{_REACHED}.{{0,60}}?{_LIMIT}|\brate[- ]limited\b", re.I | re.S)
_TOO_FAST = re.compile(r"\btoo many (requests|messages|calls)\b", re.I)
# A key that has come to its end is no quota, though it may have "reached its limit".
_EXPIRED = re.compile(r"\b(expir(y|ed|es|ation)|revoked)\b", re.I)
_LONGEST_TEXT = 2000  # characters of an answer that are looked at


class Verdict(Enum):
    """The meaning of an answer for the message."""

    ACCEPTED = auto()
    REFUSED = auto()  # this message, for good
    UNAUTHORISED = auto()  # every message, until somebody changes the key or the sender
    LATER = auto()


def verdict_of(status: int, text: str) -> Verdict:
    """The meaning of an answer with this status and body."""
    if status in (408, 425, 429) or status >= 500 or is_quota(status, text):
        return Verdict.LATER
    if status in (401, 403):
        return Verdict.LATER if _TOO_FAST.search(sentence_in(text)) else Verdict.UNAUTHORISED
    # Only 202 says that the message is on its way; a 200 is somebody else's page, behind a redirect or a proxy.
    return Verdict.ACCEPTED if status == 202 else Verdict.REFUSED


def is_quota(status: int, text: str) -> bool:
    """Whether the account may send no more for now: it will when its quota is renewed, or is made larger.

    SendGrid says so with 401, as for a wrong key; only the text tells: "Maximum credits exceeded".
    """
    sentence = sentence_in(text)
    says_so = bool(_QUOTA.search(sentence)) and not _EXPIRED.search(sentence)
    return status == 402 or (status in (*_REFUSALS, 429) and says_so)


def sentence_in(text: str) -> str:
    """The messages in an error's JSON as one sentence; the text itself if it is no such JSON."""
    try:
        errors = json.loads(text)["errors"]
        several = errors if isinstance(errors, list) else [errors]
        messages = [str(each["message"] if isinstance(each, dict) else each) for each in several if each]
    except (ValueError, KeyError, TypeError, RecursionError):
        messages = []
    return ("; ".join(messages) or text.strip())[:_LONGEST_TEXT]


def asked_to_wait(status: int | None, headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that the API asks everybody to wait, a day at the most; None if it does not ask.

    SendGrid says with a 429 when it takes the next message (X-RateLimit-Reset, Unix time); what is in front of it may
    say so with any status (Retry-After, seconds or a date), or count the seconds. What cannot be understood is not
    heeded, nor what asks for more than a day.
    """
    seconds = _retry_after(headers.get("Retry-After", ""), now)
    if seconds is None and status == 429:
        resets = (_reset(headers.get(name, ""), now) for name in _RESETS)
        seconds = next((each for each in resets if each is not None), 0.0)
    return seconds


def _retry_after(value: str, now: datetime) -> float | None:
    if _NUMBER.fullmatch(value.strip()):
        return _bounded(float(value))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return _bounded(((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())


def _reset(value: str, now: datetime) -> float | None:
    if not _NUMBER.fullmatch(value.strip()):
        return None
    number = float(value)
    if number >= _UNIX_MILLISECONDS:
        return _bounded(number / 1000 - now.timestamp())
    return _bounded(number - now.timestamp() if number >= _UNIX_SECONDS else number)


def _bounded(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds <= _LONGEST_ASKED else None
