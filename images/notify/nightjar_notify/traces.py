"""The log's line about a delivery: by it, and by the ledger, an alert can be traced."""

import logging

from nightjar.domain.deliveries import AlertState, Delivery
from nightjar.stores.ledger import LedgerLine

log = logging.getLogger(__name__)


def log_delivery(stored: LedgerLine, delivery: Delivery, calls: int) -> None:
    """Log how far a delivery of the line `stored` got, with how many calls."""
    alert = stored.alert
    camera = alert.camera.name if alert.device else alert.user or "operator"
    state = delivery.told_state(is_held=False)
    log.info(
        "%s %s: event %s, camera %s, channel %s, ledger %s",
        alert.kind,
        f"{state}, to be tried again" if delivery.state == AlertState.CLAIMED else state,
        alert.event_id,
        camera,
        delivery.channel,
        stored.key,
        extra={
            "event": alert.event_id,
            "camera": camera,
            "channel": delivery.channel,
            "recipient": delivery.recipient,
            "state": state,
            "together": list(delivery.together),
            "ledger_key": stored.key,
            "calls": calls,
            "possibly_repeated": delivery.possibly_repeated,
        },
    )
