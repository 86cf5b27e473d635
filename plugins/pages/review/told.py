"""Who was told of an event and what was answered, as the page shows the ledger's line. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.alerts import Alert, ApiCall
from nightjar.queries.event_card import DeliveryShort
from plugins.pages.review.cards import Chip

_LONGEST = 8_000  # characters of a request or an answer
_KINDS = {"sent": "ok", "in outbox": "ok", "failed": "bad", "claimed": "warn", "uncertain": "warn"}


@dataclass(frozen=True)
class CallView:
    """A call to a channel's API: the request as the ledger keeps it, without secrets, and the answer."""

    call: ApiCall
    request: str
    response: str


@dataclass(frozen=True)
class DeliveryView:
    """One delivery, with its calls in order."""

    address: str
    state: Chip
    subject: str
    notes: tuple[str, ...]
    finished_at: datetime | None
    calls: tuple[CallView, ...]


def deliveries_of(alert: Alert, now: datetime) -> list[DeliveryView]:
    """The deliveries of an alert; of one of release 0.2 or before, the only one."""
    views = []
    for delivery, state in zip(alert.each_delivery, alert.told_states(now), strict=True):
        notes = ["possibly repeated"] if delivery.possibly_repeated else []
        notes += [f"told with event {delivery.told_with.id}"] if delivery.told_with else []
        notes += [f"the message tells of {len(delivery.together)} more"] if delivery.together else []
        notes += [delivery.problem] if delivery.problem else []
        notes += [f"in the bucket at {delivery.outbox_key}"] if delivery.outbox_key else []
        views.append(
            DeliveryView(
                address=str(delivery.address),
                state=Chip(state, _KINDS.get(state, "")),
                subject=delivery.subject,
                notes=tuple(notes),
                finished_at=delivery.finished_at,
                calls=tuple(map(_call, alert.calls_to(delivery))),
            )
        )
    return views


def short_of(alert: Alert) -> list[DeliveryShort]:
    """The same as a card has them."""
    return [
        DeliveryShort(each.channel, each.recipient, str(each.state), each.possibly_repeated)
        for each in alert.each_delivery
    ]


def _call(call: ApiCall) -> CallView:
    return CallView(call, _cut(json.dumps(call.request, indent=1, ensure_ascii=False)), _cut(call.response))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n… {len(text) - _LONGEST:,} characters more"
