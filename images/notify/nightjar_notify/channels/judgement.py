"""How a service of Apprise answered: from whether it says that it worked, and from its exchanges. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from nightjar.domain.alerts import ApiCall
from nightjar_notify.answers import Verdict, asked_to_wait, is_quota, verdict_of
from nightjar_notify.channels.exchanges import Exchange
from nightjar_notify.channels.masking import Masking
from nightjar_notify.channels.tries import Tried

_LONGEST_ANSWER = 2000  # characters of an answer that the ledger keeps
# PagerDuty, Slack and others say with any status that the key or the place is wrong: for every message, that is.
_WRONG_ADDRESS = re.compile(
    r"routing[_ ]key|invalid[_ ](auth|token|api.?key)|not_authed|token_(revoked|expired)|account_inactive|no_service|"
    r"no_team|channel_(not_found|is_archived)|unknown webhook",
    re.I,
)
_TOO_FAST = re.compile(r"\brate.?limit", re.I)
_ID = re.compile(r'"(?:dedup_key|sid|message_?id|id|ts)"\s*:\s*"([A-Za-z0-9_.:-]{4,100})"')


def judge(
    worked: bool | None,
    exchanges: Sequence[Exchange],
    masking: Masking,
    said: Mapping[str, object],
    now: datetime,
    subject: str,
    crash: str,
    *,
    uses_http: bool,
) -> Tried:
    """The meaning of one try. `worked`: what the service says, None if it said nothing in time.

    `said` is what the ledger keeps of the request. `uses_http`: a service that had no exchange has sent nothing.
    """
    calls = tuple(_call(each, masking, said) for each in exchanges)
    if worked:
        return Tried(Verdict.ACCEPTED, subject, calls or (_silent(said, now, "the service says that it was sent"),))
    some_taken = any(each.worked for each in exchanges)
    if worked is None:
        waited = _silent(said, now, "no end in time")
        return Tried(Verdict.LATER, subject, (*calls, waited), "no answer came in time", unknown=True)
    failed = [each for each in exchanges if not each.worked]
    if not exchanges:
        problem = f"the service refused the message{f' ({crash})' if crash else ''}; nothing was sent"
        if uses_http:
            return Tried(Verdict.REFUSED, subject, (_silent(said, now, problem),), problem)
        problem = "the service could not send the message, and does not say why"
        return Tried(Verdict.LATER, subject, (_silent(said, now, problem),), problem, unknown=True)
    decisive = failed[-1] if failed else exchanges[-1]
    if decisive.status is None:
        unknown = some_taken or not decisive.unsent
        return Tried(Verdict.LATER, subject, calls, f"no answer: {decisive.error}", unknown=unknown)
    verdict = _verdict(decisive.status, decisive.text)
    return Tried(
        verdict,
        subject,
        calls,
        asked_to_wait=asked_to_wait(decisive.status, _titled(decisive.headers), now),
        unknown=verdict is Verdict.LATER and some_taken and bool(failed),
        quota=is_quota(decisive.status, decisive.text),
    )


def _verdict(status: int, text: str) -> Verdict:
    """Of an answer with which the service was not content, though the status may say that all is well."""
    if status < 500 and _WRONG_ADDRESS.search(text):
        return Verdict.UNAUTHORISED
    verdict = verdict_of(status, text)
    if verdict is Verdict.ACCEPTED or status < 400:
        return Verdict.LATER if _TOO_FAST.search(text) else Verdict.REFUSED
    return verdict


def _call(exchange: Exchange, masking: Masking, said: Mapping[str, object]) -> ApiCall:
    found = _ID.search(exchange.text) if exchange.worked else None
    return ApiCall(
        at=exchange.at,
        method=exchange.method,
        url=masking.address(exchange.url),
        request={**said, "bytes": exchange.request_bytes},
        status=exchange.status,
        response=(masking.text(exchange.text) if exchange.status is not None else exchange.error)[:_LONGEST_ANSWER],
        message_id=masking.text(found[1]) if found else None,
    )


def _silent(said: Mapping[str, object], now: datetime, response: str) -> ApiCall:
    return ApiCall(at=now, method="-", url="", request=dict(said), status=None, response=response)


def _titled(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers under the names by which `asked_to_wait` looks for them."""
    wanted = ("Retry-After", "X-RateLimit-Reset", "X-Rate-Limit-Reset", "RateLimit-Reset")
    lower = {name.lower(): value for name, value in headers.items()}
    return {name: lower[name.lower()] for name in wanted if name.lower() in lower}
