"""The alert of an event, as the ledger keeps it: who sends it, how far it got, what was sent and what was answered."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from nightjar.domain.events import Event
from nightjar.domain.model import Part, Stored
from nightjar.domain.names import Camera

# How long a claim is taken for work in progress. Longer than notify's settings let it wait for the mail API.
LEASE = timedelta(minutes=15)


class AlertState(StrEnum):
    """How far an alert got. Only an alert that is `claimed` or `failed` may be taken up again."""

    CLAIMED = "claimed"  # being sent, or to be tried again
    SENT = "sent"  # the mail API accepted it
    OUTBOX = "outbox"  # no mail key: rendered to outbox/, not sent
    FAILED = "failed"  # the mail API refused it for good


class ApiCall(Part):
    """One call to an outside API and its answer, without secrets and without the bytes of pictures."""

    at: datetime
    method: str
    url: str
    request: dict[str, object]
    status: int | None  # None: no answer
    response: str
    message_id: str | None = None


class Alert(Stored):
    """`alerts/YYYY/MM/DD/<event id>.json`.

    `holder` is the output prefix of the task that claimed it last; release 0.1 did not write it. `in_flight` is set
    while the alert is being sent: `calls` may lack the last ones, and if it stays set, the task was killed.
    """

    event_id: str
    event_key: str
    user: str
    device: str
    rule_id: int
    started_at: datetime  # of the event, as it was known when the alert was claimed first
    state: Annotated[AlertState | str, Field(union_mode="left_to_right")]
    channel: str  # "email"
    recipient: str
    subject: str
    possibly_repeated: bool
    run: str
    holder: str = ""
    claimed_at: datetime
    finished_at: datetime | None = None
    outbox_key: str | None = None
    in_flight: bool = False
    calls: tuple[ApiCall, ...] = ()  # of all attempts, in order

    @property
    def camera(self) -> Camera:
        """The camera that saw the event."""
        return Camera(self.user, self.device)

    @property
    def is_done(self) -> bool:
        """Whether nobody may send it any more; so it is with a state that a later release wrote."""
        return self.state not in (AlertState.CLAIMED, AlertState.FAILED)

    def is_held(self, holder: str, run: str, now: datetime) -> bool:
        """Whether another task than the one with the output prefix `holder`, of run `run`, is sending it just now."""
        own = self.holder == holder if self.holder else self.run == run
        return self.state == AlertState.CLAIMED and not own and now < self.claimed_at + LEASE

    @property
    def may_have_been_sent(self) -> bool:
        """Whether an attempt ended without knowing: the mail API never answered, or the task was killed meanwhile."""
        return self.possibly_repeated or self.in_flight

    def told_state(self, now: datetime) -> str:
        """The state for people: `claimed`, `sent`, `failed`, `in outbox`, or `uncertain`.

        An alert is uncertain when an attempt ended without knowing whether it went out. The next attempt sends it once
        more, marked as possibly repeated.
        """
        if self.state == AlertState.OUTBOX:
            return "in outbox"
        being_sent = self.in_flight and now < self.claimed_at + LEASE
        if self.state == AlertState.CLAIMED and self.may_have_been_sent and not being_sent:
            return "uncertain"
        return str(self.state)


class DigestLine(Stored):
    """An event that came too late to be alerted: a line of `digest.jsonl`.

    `handled_at` is when notify looked at it; release 0.2 did not write it.
    """

    event_id: str
    event_key: str
    user: str
    device: str
    site: str | None
    rule_id: int
    rule_name: str
    started_at: datetime
    ended_at: datetime
    labels: dict[str, float]
    pictures: int
    handled_at: datetime | None = None

    @classmethod
    def of(cls, event: Event, event_key: str, handled_at: datetime | None) -> Self:
        """The line about `event`, which is stored at `event_key`."""
        return cls(
            event_id=event.id,
            event_key=event_key,
            user=event.user,
            device=event.device,
            site=event.site,
            rule_id=event.rule_id,
            rule_name=event.rule_name,
            started_at=event.started_at,
            ended_at=event.ended_at,
            labels=event.labels,
            pictures=event.picture_count,
            handled_at=handled_at,
        )
