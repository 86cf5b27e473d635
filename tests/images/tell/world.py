"""Rules and troubles for the tests of tell."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from nightjar.domain.names import Camera
from nightjar.domain.rules import Severity
from nightjar.domain.troubles import Facts, Trouble, TroubleKind
from nightjar.runtime.store import ObjectStore
from nightjar.stores.troubles import Troubles
from nightjar_local.sendgrid_double import SendGridDouble
from tests.bucket import PORCH

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # 13:00 in Berlin
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RULES = b"""\
version: 1
event_gap_seconds: 60
operator: {email: ops@example.com}
rules:
  300: {name: anybody, unsafe: [person], min_probability: 0.5}
users:
  alice:
    recipients: [alice@example.com, anna@example.com]
    timezone: Europe/Berlin
    rules: [300]
    digest: "07:00"
    quiet_hours: "23:00-06:00"
    devices: {porch: {site: home, closing: true}, yard: {}}
  bob:
    email: bob@example.com
    timezone: America/New_York
    rules: [300]
    devices: {shop: {}}
"""


def trouble(kind: str = TroubleKind.FROZEN, camera: Camera = PORCH, now: datetime = NOON, **facts: Any) -> Trouble:
    """A trouble that came up at `now`."""
    severity = Severity.CRITICAL if kind == TroubleKind.COVERED else Severity.WARNING
    since = now - HOUR
    return Trouble(
        about=camera.name, kind=kind, severity=severity, since=since, opened_at=now, facts=Facts.model_validate(facts)
    )


def open_one(store: ObjectStore, kind: str = TroubleKind.FROZEN, camera: Camera = PORCH, now: datetime = NOON) -> None:
    Troubles(store).open(trouble(kind, camera, now))


def news(store: ObjectStore) -> int:
    """How many troubles may have something to tell."""
    return len(list(Troubles(store).news(100)))


def mails(api: SendGridDouble) -> Sequence[tuple[str, str]]:
    """Recipient and subject of every message that the mail API took, sorted."""
    taken = [request for request, reply in api.exchanges if reply.status == 202]
    return sorted((each.body["personalizations"][0]["to"][0]["email"], each.subject) for each in taken)
