"""Rows of events and of the alerts about them. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import Delivery
from nightjar.domain.events import Event
from nightjar.domain.layout import digest
from nightjar.stores.tables import AlertRow, EventRow, Unalerted
from nightjar_record.pictures import whole_ms


@dataclass(frozen=True)
class NotAlerted:
    """Why a run alerted nobody about an event; `late_seconds` after its end, if that is why."""

    reason: Unalerted | str  # text, if only a later release knows it
    late_seconds: float | None = None


def event_row(
    event: Event, key: str, run: str, timezone_of: Callable[[str], str], not_alerted: NotAlerted | None = None
) -> EventRow:
    """The row of `event`, stored at `key`; `timezone_of` gives a user's IANA zone."""
    best = event.shown
    box = max(best.objects, key=lambda o: o.probability).box
    return EventRow(
        id=event.id,
        run=run,
        user=event.user,
        device=event.device,
        camera=event.camera.name,
        site=event.site,
        timezone=timezone_of(event.user),
        rule_id=event.rule_id,
        rule_name=event.rule_name,
        started_at=whole_ms(event.started_at),
        ended_at=whole_ms(event.ended_at),
        pictures=event.picture_count,
        labels=sorted(event.labels, key=lambda label: (-event.labels[label], label)),
        probability=best.probability,
        best_standard_key=best.picture.standard_key,
        best_box=list(box),
        rules_sha256=event.rules_sha256,
        event_key=key,
        best_standard_sha256=best.picture.standard_sha256,
        state=str(event.state),
        absorbed=[ref.id for ref in event.absorbed],
        revision=event.revision,
        best_boxes=[side for seen in best.objects for side in seen.box],
        best_labels=[seen.label for seen in best.objects],
        best_probabilities=[seen.probability for seen in best.objects],
        unalerted=not_alerted.reason if not_alerted else None,
        late_seconds=not_alerted.late_seconds if not_alerted else None,
        label=event.label,
        area=event.area if event.label is not None else None,
    )


def alert_rows(alert: Alert, ledger_key: str, run: str) -> Iterator[AlertRow]:
    """The rows of a line of the ledger, one a delivery; what was said and answered in full stays in the ledger."""
    for number, delivery in enumerate(alert.each_delivery):
        # The first keeps the id that release 0.2 gave to the only one.
        ending = f"-{digest(str(delivery.address), 8)}" if number else ""
        yield _alert_row(alert, delivery, f"{alert.event_id}{ending}", ledger_key, run)


def _alert_row(alert: Alert, delivery: Delivery, identity: str, ledger_key: str, run: str) -> AlertRow:
    calls = alert.calls_to(delivery)
    last = calls[-1] if calls else None
    claimed_at = delivery.claimed_at or alert.claimed_at
    return AlertRow(
        id=identity,
        run=run,
        event=alert.event_id,
        user=alert.user,
        device=alert.device,
        camera=f"{alert.user}-{alert.device}",
        rule_id=alert.rule_id,
        started_at=whole_ms(alert.started_at),
        state=str(delivery.state),
        channel=delivery.channel,
        recipient=delivery.recipient,
        subject=delivery.subject,
        possibly_repeated=delivery.possibly_repeated,
        alert_run=alert.run,
        claimed_at=whole_ms(claimed_at),
        finished_at=whole_ms(delivery.finished_at) if delivery.finished_at else None,
        calls=len(calls),
        status=last.status if last else None,
        message_id=last.message_id if last else None,
        outbox_key=delivery.outbox_key,
        ledger_key=ledger_key,
        severity=alert.severity or None,
        told_with=delivery.told_with.id if delivery.told_with else None,
        problem=delivery.problem or None,
    )
