"""Troubles of the deployment itself, of which its operator is told: how bad each is, and its words. Pure.

Two kinds of subject: a run of `nightjar_live` or `nightjar_history` is a trouble of its own, since each has to be
cleared. The other DAGs make up in their next run for a failed one, so all their failed runs are one trouble.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from nightjar.domain.rules import EMAIL
from nightjar.domain.severity import Severity
from nightjar.domain.tally import many
from nightjar.domain.troubles import OPERATOR, Facts, Trouble, trouble_kind

_LONGEST = 600  # characters of an error's sentence
# The watch leaves a sign each minute; a batch of the usual size is collected in seconds.
WATCH_SILENT_AFTER = timedelta(minutes=5)
# As notify and tell name a channel; the mail API is named so.
_CHANNEL = re.compile(r"\bchannel ([A-Za-z0-9_-]+) (?:refuses|answered)\b")
_EACH_RUN_COUNTS = frozenset({"nightjar_live", "nightjar_history"})
_WATCH, _LIVE = "nightjar_watch", "nightjar_live"
# As `DagRun.kind` makes them: no id of a DAG of ours has a hyphen.
_OF_A_RUN = re.compile(r"run-(?:failed|late)-(\w+)", re.ASCII)


class OperatorKind(StrEnum):
    """The troubles of the deployment. A trouble's kind is this, and for runs which ones: `run-failed-<DAG>-<run>`."""

    RUN_FAILED = "run-failed"
    RUN_LATE = "run-late"
    WATCH_SILENT = "watch-silent"
    ALERTS_REFUSED = "alerts-refused"
    MANY_REFUSALS = "many-refusals"
    RULES_WRONG = "rules-wrong"

    @classmethod
    def of(cls, kind: str) -> "OperatorKind | None":
        """Which one a stored trouble's `kind` is; None for one of a later release."""
        return next((each for each in cls if kind == each or kind.startswith(f"{each}-")), None)


@dataclass(frozen=True)
class DagRun:
    """A run of a DAG, and where Airflow shows it."""

    dag: str
    run: str
    link: str = ""

    def kind(self, kind: OperatorKind) -> str:
        """The kind of its trouble, the same for every run whose trouble is the same."""
        return trouble_kind(kind, self.dag, *((self.run,) if self.dag in _EACH_RUN_COUNTS else ()))


@dataclass(frozen=True)
class _Words:
    """About a failed run of a DAG: its effect on alerts, and how to mend it."""

    effect: str
    todo: str


_CLEAR = (
    "The last log line of the red task says why. Mend that, then clear the failed task with its downstream tasks; "
    "people who already got an alert do not get it again."
)
_FAILED: Mapping[str, _Words] = {
    _WATCH: _Words(
        "No footage is taken up, so nobody is alerted, until a run succeeds. Nothing is lost.",
        "The last log line of the red task says why. Mend that: the next run starts by itself, within a minute.",
    ),
    _LIVE: _Words("Nobody was alerted about the pictures of the tasks that failed. Other cameras are alerted.", _CLEAR),
    "nightjar_history": _Words("Alerts of the moment are not affected; late footage of that day waits.", _CLEAR),
    "nightjar_report": _Words(
        "No alert is affected; the pages of days with news are out of date.",
        "The last log line of the red task says why. The next run reports everything.",
    ),
    "nightjar_candidate": _Words(
        "No alert is affected: the candidate works beside what is deployed. Its comparison lacks these pictures.",
        "The last log line of the red task says why: mostly the candidate is at fault. Drop it, or give it a new tag.",
    ),
    "nightjar_patrol": _Words(
        "Alerts go out, but notices about cameras, digests and notices like this one may not.",
        "The last log line of the red task says why. Mend that: the next run starts within five minutes.",
    ),
}


def run_failed(run: DagRun, sentence: str, now: datetime) -> Trouble:
    """A run failed. `sentence` says which task, and why."""
    words = _FAILED.get(run.dag, _Words("", _CLEAR))
    return _trouble(
        run.kind(OperatorKind.RUN_FAILED),
        Severity.CRITICAL if run.dag == _WATCH else Severity.WARNING,
        now,
        Facts(
            title=f"A run of {run.dag} failed",
            text=f"Run {run.run}: {_short(sentence)}",
            effect=words.effect,
            todo=words.todo,
            link=run.link,
        ),
        now,
    )


def run_late(run: DagRun, queued_at: datetime, allowed: timedelta, now: datetime) -> Trouble:
    """A run has not ended within `allowed` after it was queued."""
    is_live = run.dag == _LIVE
    return _trouble(
        run.kind(OperatorKind.RUN_LATE),
        Severity.WARNING,
        queued_at,
        Facts(
            title=f"A run of {run.dag} is late",
            text=f"Run {run.run} has not ended within {_words(allowed)} after it was queued.",
            effect="Alerts about its pictures may be late." if is_live else "Alerts of the moment are not affected.",
            todo="Look at its tasks: one that hangs is stopped at its time bound. Are workers, nodes or S3 short?",
            link=run.link,
        ),
        now,
    )


def watch_silent(last: datetime, now: datetime) -> Trouble:
    """The watch looked last at `last`, or never, and was expected to since then."""
    return _trouble(
        OperatorKind.WATCH_SILENT,
        Severity.CRITICAL,
        last,
        Facts(
            title="The watch does not look for footage",
            text=f"nightjar_watch last looked below incoming/ {_words(now - last)} ago.",
            effect="New footage is not taken up, so nobody is alerted, until it looks again. Nothing is lost.",
            todo="Is nightjar_watch paused? Are the triggerer and the scheduler alive? Can they reach S3?",
            last_at=last,
        ),
        now,
    )


def alerts_refused(run: DagRun, sentence: str, now: datetime) -> Trouble:
    """notify gave up on the alerts of a camera, or tell on notices, in the API's words: a trouble for each channel."""
    name = _CHANNEL.search(sentence)
    return _trouble(
        trouble_kind(OperatorKind.ALERTS_REFUSED, *([name[1]] if name else [])),
        Severity.CRITICAL,
        now,
        Facts(
            title=f"Alerts cannot be sent through {name[1]}" if name else "Alerts cannot be sent",
            text=_short(sentence),
            effect="People are not told of what their cameras see.",
            todo="Mend the key, the sender, the URL or the account, then clear shard.notify of the failed runs with "
            "its downstream tasks: alerts younger than NIGHTJAR_ALERT_MAX_AGE are sent then.",
            link=run.link,
        ),
        now,
    )


def dag_of(kind: str) -> str | None:
    """The DAG whose run the trouble of kind `run-failed-…` or `run-late-…` is about; None for any other kind."""
    found = _OF_A_RUN.match(kind)
    return found[1] if found else None


def refused_channel(kind: str) -> str:
    """The channel that a trouble of kind `alerts-refused…` is about."""
    return kind.removeprefix(OperatorKind.ALERTS_REFUSED).removeprefix("-") or EMAIL


def rules_wrong(run: DagRun, sentence: str, now: datetime) -> Trouble:
    """The newest rules cannot be used."""
    return _trouble(
        OperatorKind.RULES_WRONG,
        Severity.WARNING,
        now,
        Facts(
            title="The newest rules are not in force",
            text=_short(sentence),
            effect="Alerts go by the last good rules.",
            todo="nightjar rules check rules.yaml names each mistake with its line; nightjar rules put rules.yaml.",
            link=run.link,
        ),
        now,
    )


def many_refusals(day: date, refused: int, received: int, reasons: Mapping[str, int], now: datetime) -> Trouble:
    """So many of the day's pictures were refused."""
    first = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:3]
    why = ", ".join(f"{number} {reason}" for reason, number in first)
    return _trouble(
        OperatorKind.MANY_REFUSALS,
        Severity.WARNING,
        now,
        Facts(
            title="Much footage is refused today",
            text=f"{refused} of {received} pictures of {day} (UTC) were refused{f': {why}' if why else ''}.",
            effect="Nobody is alerted about refused pictures.",
            todo=f"nightjar refused --from {day} names each; nightjar retry puts those through that the rules or a "
            "setting kept out.",
            refused=refused,
            received=received,
            reasons=dict(reasons),
        ),
        now,
    )


def is_silent(
    last: datetime | None, expected_since: datetime | None, now: datetime, most: timedelta
) -> datetime | None:
    """Since when the watch is silent, if it is: when it looked last, or was expected to begin; None when it is not.

    `expected_since` is the first moment at which it should have looked, None while nothing is deployed.
    """
    since = last or expected_since
    return since if since is not None and now - since > most else None


def are_many(refused: int, received: int, share: float, least: int) -> bool:
    """Whether a day's refusals are worth a notice: at least `least`, and at least this `share` of what was received."""
    return refused >= least and received > 0 and refused / received >= share


def _trouble(kind: str, severity: Severity, since: datetime, facts: Facts, now: datetime) -> Trouble:
    return Trouble(about=OPERATOR, kind=kind, severity=severity, since=since, opened_at=now, facts=facts)


def _short(sentence: str) -> str:
    text = " ".join(sentence.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _words(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    if minutes < 120:
        return many(minutes, "minute")
    return f"{minutes // 60} hours" if minutes < 2880 else f"{minutes // 1440} days"
