"""Alert each event of a run once: claim it in the ledger, deliver, record."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nightjar.domain.alerts import Alert, AlertState
from nightjar.domain.events import Event
from nightjar.domain.layout import event_key
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.model import Stored
from nightjar.domain.rules import CameraRules, Rules
from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.runtime.manifests import read_lines, read_manifest, write_lines
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import StageContext, StageResult, stop_if_asked
from nightjar.runtime.store import ObjectChangedError, ObjectMissingError, ObjectStore
from nightjar.stores.rules import RulesStore
from nightjar_notify.channels import Channel, Delivery, open_channel
from nightjar_notify.ledger import Line, claim, find, record
from nightjar_notify.message import Message, compose
from nightjar_notify.picture import picture_of
from nightjar_notify.settings import load_settings

log = logging.getLogger(__name__)

EVENTS = "events.jsonl"
DIGEST = "digest.jsonl"

_IN_A_ROW = 5  # alerts that the mail API takes none of: it is down, and trying all the others only takes time


class DigestLine(Stored):
    """An event that is too old for an alert: a line of `digest.jsonl`."""

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


def notify(context: StageContext) -> StageResult:
    """The stage as a program: settings from the environment."""
    settings, api = load_settings()
    channel = open_channel(context.store, settings, api, context.clock)
    return notify_events(context, channel, timedelta(seconds=settings.alert_max_age))


def notify_events(context: StageContext, channel: Channel, max_age: timedelta) -> StageResult:
    """Alert the events that the assess stage left at `context.input_prefix` through `channel`.

    Raises TryAgainError when the mail API took some not yet, UsageError when it will take none; whatever else could be
    delivered has been.
    """
    store = context.store
    release, release_ref = context.release()
    rules, rules_ref = RulesStore(store).load(release.rules)
    manifest, manifest_ref = read_manifest(store, context.input_prefix)
    events, events_ref = read_lines(store, f"{context.input_prefix}{EVENTS}", Event)
    if events_ref.sha256 not in {ref.sha256 for ref in manifest.objects if ref.key == events_ref.key}:
        raise InputError(f"expected {events_ref.key!r} as its manifest names it, got SHA-256 {events_ref.sha256}")

    desk = _Desk(context, channel, rules, max_age)
    progress = Progress("events handled", len(events))
    for event in sorted(events, key=lambda e: (e.started_at, e.id)):
        desk.handle(event)
        progress.add()
    if desk.later:
        raise TryAgainError(f"{len(desk.later)} of {len(events)} alerts could not be sent yet: {desk.later[-1]}")
    digest = write_lines(store, f"{context.output_prefix}{DIGEST}", desk.digest)
    return StageResult(
        counts=Counts(
            received=len(events),
            outcomes=dict(sorted(desk.outcomes.items())),
            details={"possibly_repeated": desk.repeated, "digest": len(desk.digest)},
        ),
        inputs=(manifest_ref, events_ref, release_ref, rules_ref),
        objects=(*desk.objects, digest),
        warnings=desk.warnings,
    )


@dataclass
class _Desk:
    """Handles events one after the other, and keeps count."""

    context: StageContext
    channel: Channel
    rules: Rules
    max_age: timedelta
    outcomes: Counter[str] = field(default_factory=Counter)
    objects: list[ObjectRef] = field(default_factory=list)
    digest: list[DigestLine] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    repeated: int = 0
    _later_in_a_row: int = 0

    @property
    def _store(self) -> ObjectStore:
        return self.context.store

    def handle(self, listed: Event) -> None:
        """Give the event its alert, or say why it gets none."""
        stop_if_asked()
        event = _newest(self._store, listed)
        if event is None:  # another run made it part of another event, or no longer a threat; that run alerts
            self.outcomes["superseded"] += 1
            return
        now = self.context.clock()
        line = find(self._store, event)
        camera = self.rules.device(event.camera)
        if line and line.is_done:
            self.outcomes["already"] += 1
            self.objects.append(line.ref)
        elif event.ended_at < now - self.max_age:
            self.outcomes["digest"] += 1
            self.digest.append(_digest_line(event))
        elif line and line.is_held(self.context.run, now):
            self.outcomes["held"] += 1
        elif camera is None:
            self.outcomes["failed:unknown-camera"] += 1
            self.warnings.append(f"event {event.id}: {event.camera.name} is no longer in the rules")
        elif self._later_in_a_row >= _IN_A_ROW:
            self.later.append(f"event {event.id}: not tried, after {_IN_A_ROW} others in a row")
        else:
            self._alert(event, camera, line, now)

    def _alert(self, event: Event, camera: CameraRules, before: Line | None, now: datetime) -> None:
        repeated = before is not None and before.may_have_been_sent
        picture = picture_of(self._store, event.best)

        def composed(possibly_repeated: bool) -> Message:
            return compose(event, camera, picture, possibly_repeated=possibly_repeated)

        message = composed(repeated)
        alert = Alert(
            event_id=event.id,
            event_key=event_key(event.started_at, event.camera, event.id),
            user=event.user,
            device=event.device,
            rule_id=event.rule_id,
            started_at=before.alert.started_at if before else event.started_at,
            state=AlertState.CLAIMED,
            channel="email",
            recipient=message.recipient,
            subject=message.subject,
            possibly_repeated=repeated,
            run=self.context.run,
            claimed_at=now,
            in_flight=True,
            calls=before.alert.calls if before else (),
        )
        claimed = claim(self._store, alert, before)
        if claimed is None:
            self.outcomes["held"] += 1
            return
        delivery = self.channel.deliver(composed, event, repeated=repeated)
        self._record(claimed, delivery)
        self._count(event, delivery)

    def _record(self, claimed: Line, delivery: Delivery) -> None:
        done = delivery.state is not AlertState.CLAIMED
        alert = claimed.alert.model_copy(
            update={
                "state": delivery.state,
                "subject": delivery.message.subject,
                "possibly_repeated": delivery.possibly_repeated,
                "finished_at": self.context.clock() if done else None,
                "outbox_key": delivery.written.key if delivery.written else None,
                "in_flight": False,
                "calls": (*claimed.alert.calls, *delivery.calls),
            }
        )
        try:
            self.objects.append(record(self._store, claimed, alert).ref)
        except ObjectChangedError as error:
            self.warnings.append(f"event {alert.event_id}: another run took the alert over while it was sent: {error}")

    def _count(self, event: Event, delivery: Delivery) -> None:
        if delivery.state is AlertState.CLAIMED:
            self._later_in_a_row += 1
            self.later.append(f"event {event.id}: the mail API answered {delivery.answer}")
            return
        self._later_in_a_row = 0
        if delivery.unauthorised:
            raise UsageError(
                f"the mail API refuses SENDGRID_API_KEY or NIGHTJAR_MAIL_FROM, no alert can be sent: {delivery.answer}"
            )
        if delivery.state is AlertState.FAILED:
            self.outcomes["failed:refused"] += 1
            self.warnings.append(f"event {event.id}: the mail API refused the alert: {delivery.answer}")
            return
        self.outcomes[f"alerted:{delivery.state}"] += 1
        self.repeated += delivery.possibly_repeated
        if delivery.written:
            self.objects.append(delivery.written)


def _newest(store: ObjectStore, listed: Event) -> Event | None:
    """The event as it is stored now, perhaps extended since it was listed; None when it is no longer there."""
    try:
        data, _ = store.get(event_key(listed.started_at, listed.camera, listed.id))
    except ObjectMissingError:
        return None
    return Event.model_validate_json(data)


def _digest_line(event: Event) -> DigestLine:
    return DigestLine(
        event_id=event.id,
        event_key=event_key(event.started_at, event.camera, event.id),
        user=event.user,
        device=event.device,
        site=event.site,
        rule_id=event.rule_id,
        rule_name=event.rule_name,
        started_at=event.started_at,
        ended_at=event.ended_at,
        labels=event.labels,
        pictures=len(event.pictures),
    )
