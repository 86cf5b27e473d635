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
    event: Event,
    key: str,
    run: str,
    timezone_of: Callable[[str], str],
    not_alerted: NotAlerted | None = None,
    version: str | None = None,
) -> EventRow:
    """The row of `event`, stored at `key` in `version`; `timezone_of` gives a user's IANA zone."""
    best, maker = event.shown, event.made_by
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
        event_version=version,
        judged_in=maker.run if maker else None,
        judged_shard=maker.shard if maker else None,
        assess_image=maker.image if maker else None,
        assess_digest=maker.image_digest if maker else None,
        best_standard_version=best.picture.standard_version,
        detector=best.detector.tag,
        detector_digest=best.detector.image_digest,
        model=best.detector.model,
        model_sha256=best.detector.sha256,
        settings=best.detector.settings,
    )


def alert_rows(alert: Alert, ledger_key: str, run: str, version: str | None = None) -> Iterator[AlertRow]:
    """The rows of a line of the ledger, one a delivery; what was said and answered in full stays in the ledger.

    `version` is that of the line.
    """
    for number, delivery in enumerate(alert.each_delivery):
        # The first keeps the id that release 0.2 gave to the only one.
        ending = f"-{digest(str(delivery.address), 8)}" if number else ""
        yield _alert_row(alert, delivery, f"{alert.event_id}{ending}", ledger_key, run, version)


def _alert_row(
    alert: Alert, delivery: Delivery, identity: str, ledger_key: str, run: str, version: str | None
) -> AlertRow:
    calls = alert.calls_to(delivery)
    last = calls[-1] if calls else None
    claimed_at = delivery.claimed_at or alert.claimed_at
    maker, events = alert.made_by, [ref for ref in alert.inputs if ref.key == alert.event_key]
    shown = [ref for ref in alert.inputs if ref.key != alert.event_key]
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
        ledger_version=version,
        event_version=events[0].version_id if events else None,
        pictures=[ref.key for ref in shown] if maker else None,
        picture_versions=[ref.version_id for ref in shown] if maker else None,
        alert_shard=maker.shard if maker else None,
        notify_image=maker.image if maker else None,
        notify_digest=maker.image_digest if maker else None,
        rules_sha256=maker.rules_sha256 if maker else None,
    )
