"""The checks after a round: every object has its end, every event its alert, nothing waits, all is healthy."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nightjar.domain.alerts import AlertState
from nightjar.domain.batch import BatchLine
from nightjar.domain.manifest import Counts
from nightjar_local.chaos.mail import Message


@dataclass(frozen=True)
class LiveRun:
    """A live run as it is left: its state in Airflow, its batch, and its account if it has one."""

    run: str
    state: str
    lines: Sequence[BatchLine]
    counts: Counts | None


@dataclass(frozen=True)
class AlertOfEvent:
    """A current event and what the ledger says of it; `state` is None if it says nothing."""

    event_id: str
    state: str | None


@dataclass(frozen=True)
class Remains:
    """Everything that a round leaves.

    Attributes:
        uploads: how often each object was sent, by its key; S3 has taken each at least once.
        messages: those that the mail API took, in order.
        waiting: keys that nobody has collected.
        unhealthy: components that do not run or do not send heartbeats, each with what is known of it.
    """

    uploads: Mapping[str, int]
    runs: Sequence[LiveRun]
    alerts: Sequence[AlertOfEvent]
    messages: Sequence[Message]
    waiting: Sequence[str] = ()
    unhealthy: Sequence[str] = ()
    ends: Counter[str] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        """Count how pictures ended, by outcome."""
        for run in self.runs:
            for outcome, number in (run.counts.outcomes if run.counts else {}).items():
                self.ends[outcome.partition(":")[0]] += number


def problems(remains: Remains) -> list[str]:
    """A sentence for everything that does not hold; empty if all does."""
    return [
        *_objects(remains),
        *_runs(remains),
        *_alerts(remains),
        *(f"{key} waits to be collected" for key in remains.waiting),
        *(f"not healthy: {component}" for component in remains.unhealthy),
    ]


def _objects(remains: Remains) -> Iterator[str]:
    """Each version that landed is in one batch; each object landed as often as it was sent at the most."""
    versions = Counter((line.source.key, line.source.version_id) for run in remains.runs for line in run.lines)
    for (key, version), number in versions.items():
        if number > 1:
            yield f"{key} (version {version}) is in {number} batches"
    landed = Counter(key for key, _ in versions)
    for key, sent in remains.uploads.items():
        if not landed[key]:
            yield f"{key} has no end"
        elif landed[key] > sent:
            yield f"{key} has {landed[key]} ends and was sent {sent} times"
    for key in landed.keys() - remains.uploads.keys():
        yield f"{key} has an end and was never sent"


def _runs(remains: Remains) -> Iterator[str]:
    """Each live run has succeeded, and its account holds its batch. All footage is stills: an object is a picture."""
    for run in remains.runs:
        if run.state != "success":
            yield f"live run {run.run} ended as {run.state}"
        if run.counts is None:
            yield f"live run {run.run} has no account"
        elif run.counts.received != len(run.lines):
            yield f"live run {run.run} has {len(run.lines)} objects and accounts for {run.counts.received}"
        elif failed := run.counts.total("failed"):
            yield f"live run {run.run}: {failed} pictures failed"


def _alerts(remains: Remains) -> Iterator[str]:
    """Each event has been told of once, and again only with a mark."""
    messages = defaultdict[str, list[Message]](list)
    for message in remains.messages:
        messages[message.event_id].append(message)
    for event_id, told in messages.items():
        if unmarked := sum(not message.is_marked for message in told[1:]):
            yield f"event {event_id} was told of {len(told)} times, {unmarked} of the repetitions without a mark"
    for alert in remains.alerts:
        if alert.state != AlertState.SENT:
            yield f"event {alert.event_id} was not alerted: the ledger says {alert.state or 'nothing'}"


def repeated(remains: Remains) -> int:
    """How many alerts a recipient got again, with a mark or without."""
    return len(remains.messages) - len({message.event_id for message in remains.messages})
