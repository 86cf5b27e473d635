"""A line of the ledger: the one alert of an event, what was sent and what was answered."""

from datetime import datetime
from enum import StrEnum

from nightjar.domain.model import Part, Stored


class AlertState(StrEnum):
    """How far an alert got. Only `claimed` and `failed` may be taken up again."""

    CLAIMED = "claimed"  # not through yet: being sent, or to be tried again
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
    """`alerts/YYYY/MM/DD/<event id>.json`, by the event's start."""

    event_id: str
    event_key: str
    user: str
    device: str
    rule_id: int
    started_at: datetime  # of the event, as the event began
    state: AlertState
    channel: str  # "email"
    recipient: str
    subject: str
    possibly_repeated: bool
    run: str
    claimed_at: datetime
    finished_at: datetime | None = None
    outbox_key: str | None = None
    in_flight: bool = False  # being sent: there may be calls that `calls` lacks; if it stays so, the stage was killed
    calls: tuple[ApiCall, ...] = ()  # of all attempts, in order
