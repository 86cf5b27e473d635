"""Sends over a channel again while its service says "later" and the pace allows it, and says how that ended."""

from collections.abc import Callable
from dataclasses import dataclass

from nightjar.domain.alerts import AlertState, ApiCall
from nightjar_notify.answers import Verdict
from nightjar_notify.channels.protocol import Answer
from nightjar_notify.pace import Pace

_LONGEST_BACKOFF = 60.0  # seconds
_MOST_UNKNOWN = 2  # tries that end without knowing: somebody's telephone may have rung each time

STATES = {
    Verdict.ACCEPTED: AlertState.SENT,
    Verdict.LATER: AlertState.CLAIMED,
    Verdict.REFUSED: AlertState.FAILED,
    Verdict.UNAUTHORISED: AlertState.FAILED,
}


@dataclass(frozen=True)
class Tried:
    """How one try ended. `unknown`: the message may have reached somebody, though the verdict is not "accepted"."""

    verdict: Verdict
    subject: str
    calls: tuple[ApiCall, ...] = ()
    problem: str = ""
    asked_to_wait: float | None = None
    unknown: bool = False
    quota: bool = False


@dataclass(frozen=True)
class Patience:
    """How often one message is tried, and how many seconds lie before the second try; they double from then on."""

    attempts: int
    backoff: float


def send_patiently(once: Callable[[bool], Tried], pace: Pace, patience: Patience, *, repeated: bool) -> Answer:
    """Call `once`, which is told whether the message may be a repetition, until it is settled or has to wait longer."""
    tries: list[Tried] = []
    may_repeat = repeated
    while True:
        tried = once(may_repeat)
        tries.append(tried)
        was_repeated, may_repeat = may_repeat, may_repeat or tried.unknown
        unknown = sum(each.unknown for each in tries)
        if tried.verdict is not Verdict.LATER or len(tries) >= patience.attempts or unknown >= _MOST_UNKNOWN:
            break
        backoff: float = min(patience.backoff * 2 ** (len(tries) - 1), _LONGEST_BACKOFF)
        asked = tried.asked_to_wait
        if not pace.wait(max(backoff, asked or 0.0), everybody=asked is not None):
            break
    return Answer(
        state=STATES[tried.verdict],
        subject=tried.subject,
        # After "later", the next attempt repeats what this one may have sent.
        possibly_repeated=may_repeat if tried.verdict is Verdict.LATER else was_repeated,
        calls=tuple(call for each in tries for call in each.calls),
        problem=tried.problem,
        refused_for_all=tried.verdict is Verdict.UNAUTHORISED,
        quota=tried.quota,
    )
