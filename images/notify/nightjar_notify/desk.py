"""Decides whether an event gets an alert now; if so, claims it in the ledger, delivers it, records how that went."""

import logging
import threading
from dataclasses import dataclass
from datetime import timedelta

from nightjar.domain.alerts import Alert, AlertState, DigestLine
from nightjar.domain.events import Event
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.rules import CameraRules, Rules
from nightjar.runtime.stage import StageContext, stop_if_asked
from nightjar.runtime.store import ObjectChangedError
from nightjar.stores.events import Events
from nightjar.stores.ledger import Ledger, LedgerLine
from nightjar.stores.standard import StandardPictures
from nightjar_notify.channels import Channel, Delivery
from nightjar_notify.message import Message, compose
from nightjar_notify.pace import Pace
from nightjar_notify.picture import pictures_of

log = logging.getLogger(__name__)

# The fields of a ledger line that a new attempt starts over; the others say which alert it is, and what was tried.
_OF_AN_ATTEMPT = (
    "state",
    "channel",
    "recipient",
    "subject",
    "possibly_repeated",
    "run",
    "holder",
    "claimed_at",
    "finished_at",
    "outbox_key",
    "in_flight",
)


@dataclass(frozen=True)
class Handled:
    """How a line of `events.jsonl` was handled: it has an `outcome`, or `later` or `refused` says why it has none.

    `later`: the alert has to be tried again. `refused`: the mail API takes no alert until a person changes the key or
    the sender. `is_traced`: it was delivered, or was tried to be, and the log has its line.
    """

    outcome: str = ""
    later: str = ""
    refused: str = ""
    objects: tuple[ObjectRef, ...] = ()
    digest: DigestLine | None = None
    warning: str = ""
    repeated: bool = False
    is_traced: bool = False


class Desk:
    """Handles the events of a shard. Safe to use from threads: results do not depend on which event comes first."""

    def __init__(self, context: StageContext, channel: Channel, pace: Pace, rules: Rules, max_age: timedelta) -> None:
        self._context, self._channel, self._pace, self._rules, self._max_age = context, channel, pace, rules, max_age
        self._events, self._ledger = Events(context.store), Ledger(context.store)
        self._pictures = StandardPictures(context.store)
        self._seen = set[str]()
        self._under_way = set[str]()  # the keys of the lines that threads of this task have claimed
        self._lock = threading.Lock()

    def handle(self, listed: Event) -> Handled:
        """Give the event its alert, or say why it gets none.

        The event counts as it is stored now: other runs may have extended it, made it part of another event (which is
        alerted instead) or withdrawn it.
        """
        stop_if_asked()
        handled = self._handle_listed(listed)
        if handled.is_traced:
            return handled
        log.info(
            "no alert now: event %s, camera %s, %s",
            listed.id,
            listed.camera.name,
            handled.outcome or handled.later,
            extra={"event": listed.id, "camera": listed.camera.name, "outcome": handled.outcome},
        )
        return handled

    def _handle_listed(self, listed: Event) -> Handled:
        event = self._events.current(listed.camera, listed.ref)
        if event is None:
            return Handled("superseded")
        if not self._first_to_see(event):
            return Handled("same-event")
        while (handled := self._handle(event)) is None:
            now = self._events.current(event.camera, event.ref)
            if now is None:
                return Handled("superseded")
            self._first_to_see(now)
            event = now
        return handled

    def _handle(self, event: Event) -> Handled | None:
        """Handle `event`; None, with nothing sent or claimed, when another event absorbed it meanwhile."""
        now = self._context.clock()
        line = self._ledger.find(event)
        camera = self._rules.device(event.camera)
        if line and line.alert.is_done:
            return Handled("already", objects=(line.ref,))
        if event.ended_at < now - self._max_age:
            return Handled("digest", digest=DigestLine.of(event, self._events.key(event), now))
        if line and line.alert.is_held(self._context.output_prefix, self._context.run, now):
            return Handled("held")
        if line and line.key in self._under_way:
            return Handled("same-event")
        if camera is None:
            return Handled(
                "failed:unknown-camera", warning=f"event {event.id}: {event.camera.name} is no longer in the rules"
            )
        return self._alert(event, camera, line)

    def _first_to_see(self, event: Event) -> bool:
        """Whether no other line of the shard has led to this event: several do when it absorbed what they name."""
        with self._lock:
            first = event.id not in self._seen
            self._seen.add(event.id)
            return first

    def _alert(self, event: Event, camera: CameraRules, before: LedgerLine | None) -> Handled | None:
        repeated = before is not None and before.alert.may_have_been_sent
        pictures = pictures_of(self._pictures, event.shown)

        def composed(possibly_repeated: bool) -> Message:
            return compose(event, camera, pictures, possibly_repeated=possibly_repeated)

        message = composed(repeated)
        with self._pace.delivery() as allowed:
            if not allowed:
                return Handled(later=f"event {event.id}: not tried, since {self._pace.stopped_by}")
            key = self._ledger.key(event, before)
            self._under_way.add(key)
            claimed = self._ledger.claim(event, self._claim(event, message, before, repeated), before)
            if claimed is None:
                return Handled("held")
            # Whoever absorbed the event before the claim was written may not have seen the claim. Whoever absorbs it
            # from now on sees it, and leaves the alert to this task.
            now = self._events.current(event.camera, event.ref)
            if now is None or now.id != event.id:
                self._ledger.release(claimed, before)
                self._under_way.discard(key)
                return None
            delivery = self._channel.deliver(composed, event, repeated=repeated)
            self._pace.settled(later=delivery.state is AlertState.CLAIMED)
            if delivery.unauthorised:
                self._pace.stop("the mail API refuses the key or the sender")
            return self._record(event, claimed, delivery)

    def _claim(self, event: Event, message: Message, before: LedgerLine | None, repeated: bool) -> Alert:
        alert = Alert(
            event_id=event.id,
            event_key=self._events.key(event),
            user=event.user,
            device=event.device,
            rule_id=event.rule_id,
            started_at=event.started_at,
            state=AlertState.CLAIMED,
            channel="email",
            recipient=message.recipient,
            subject=message.subject,
            possibly_repeated=repeated,
            run=self._context.run,
            holder=self._context.output_prefix,
            claimed_at=self._context.clock(),
            in_flight=True,
        )
        if before is None:
            return alert
        return before.alert.model_copy(update={name: getattr(alert, name) for name in _OF_AN_ATTEMPT})

    def _record(self, event: Event, claimed: LedgerLine, delivery: Delivery) -> Handled:
        done = delivery.state is not AlertState.CLAIMED
        alert = claimed.alert.model_copy(
            update={
                "state": delivery.state,
                "subject": delivery.message.subject,
                "possibly_repeated": delivery.possibly_repeated,
                "finished_at": self._context.clock() if done else None,
                "outbox_key": delivery.written.key if delivery.written else None,
                "in_flight": False,
                "calls": (*claimed.alert.calls, *delivery.calls),
            }
        )
        warning, objects = "", [delivery.written] if delivery.written else []
        try:
            objects.insert(0, self._ledger.record(claimed, alert).ref)
        except ObjectChangedError as error:
            warning = f"event {event.id}: another run took the alert over while it was sent: {error}"
        state = alert.told_state(self._context.clock())
        log.info(
            "alert %s: event %s, camera %s, channel %s, ledger %s",
            state if done else f"{state}, to be tried again",
            event.id,
            event.camera.name,
            alert.channel,
            claimed.key,
            extra={
                "event": event.id,
                "camera": event.camera.name,
                "channel": alert.channel,
                "state": state,
                "ledger_key": claimed.key,
                "calls": len(delivery.calls),
                "possibly_repeated": delivery.possibly_repeated,
            },
        )
        if not done:
            why = "the quota of the mail account is used up for now; " if delivery.quota else ""
            return Handled(
                later=f"event {event.id}: {why}the mail API answered {delivery.answer}", warning=warning, is_traced=True
            )
        if delivery.unauthorised:
            return Handled(refused=delivery.answer, warning=warning, is_traced=True)
        if delivery.state is AlertState.FAILED:
            refusal = f"event {event.id}: the mail API refused the alert: {delivery.answer}"
            return Handled("failed:refused", objects=tuple(objects), warning=warning or refusal, is_traced=True)
        return Handled(
            f"alerted:{delivery.state}",
            objects=tuple(objects),
            warning=warning,
            repeated=delivery.possibly_repeated,
            is_traced=True,
        )
