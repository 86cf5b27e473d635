"""Rows of events and of the alerts about them. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from nightjar.domain.alerts import Alert
from nightjar.domain.events import Event
from nightjar.stores.tables import AlertRow, EventRow, Unalerted
from nightjar_record.pictures import whole_ms


@dataclass(frozen=True)
class NotAlerted:
    """Why a run alerted nobody about an event; `late_seconds` after its end, if that is why."""

    reason: Unalerted
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


def alert_row(alert: Alert, ledger_key: str, run: str) -> AlertRow:
    """The row of a line of the ledger; what was said and answered in full stays in the ledger."""
    last = alert.calls[-1] if alert.calls else None
    return AlertRow(
        id=alert.event_id,
        run=run,
        event=alert.event_id,
        user=alert.user,
        device=alert.device,
        camera=f"{alert.user}-{alert.device}",
        rule_id=alert.rule_id,
        started_at=whole_ms(alert.started_at),
        state=str(alert.state),
        channel=alert.channel,
        recipient=alert.recipient,
        subject=alert.subject,
        possibly_repeated=alert.possibly_repeated,
        alert_run=alert.run,
        claimed_at=whole_ms(alert.claimed_at),
        finished_at=whole_ms(alert.finished_at) if alert.finished_at else None,
        calls=len(alert.calls),
        status=last.status if last else None,
        message_id=last.message_id if last else None,
        outbox_key=alert.outbox_key,
        ledger_key=ledger_key,
    )
