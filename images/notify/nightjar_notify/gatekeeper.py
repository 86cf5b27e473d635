"""Lets events through to be told, or holds them back for the digest: the policy with its stores."""

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

from nightjar.domain.alerts import DigestLine
from nightjar.domain.digest_times import digest_day
from nightjar.domain.events import Event
from nightjar.domain.names import Camera
from nightjar.domain.policy import Ended, Held, Reserved, Telling, held_back, needs_state, reserve, undo
from nightjar.domain.reactions import Mute
from nightjar.domain.rules import CameraRules, Severity
from nightjar.runtime.stage import StageContext
from nightjar.stores.digests import Digests
from nightjar.stores.events import Events
from nightjar.stores.reactions import Mutes
from nightjar.stores.telling import Tellings
from nightjar_notify.addresses import addresses_for
from nightjar_notify.courier import Courier
from nightjar_notify.handled import Handled
from nightjar_notify.teller import tell
from nightjar_notify.wording.alert import severity_of
from nightjar_notify.wording.cap import cap_notice

log = logging.getLogger(__name__)

# Events that ended longer ago are old footage that somebody works through again: only their day's page has them.
_NEWS = timedelta(days=7)


class Gatekeeper:
    """Decides who may be told of what. Safe to use from threads, for different cameras."""

    def __init__(self, context: StageContext, courier: Courier, max_age: timedelta) -> None:
        store = context.store
        self._context, self._courier, self._max_age = context, courier, max_age
        self._events, self._mutes = Events(store), Mutes(store)
        self._tellings, self._digests = Tellings(store), Digests(store)
        self._lock = threading.Lock()
        self._muted: dict[str, dict[Camera, Mute]] = {}  # by user, as it was when the task first looked
        self._digested: dict[str, dict[str, date]] = {}  # the events in each user's last digests

    def is_late(self, event: Event, now: datetime) -> bool:
        """Whether it ended longer ago than alerts are sent for."""
        return event.ended_at < now - self._max_age

    def hold_late(self, event: Event, camera: CameraRules | None, now: datetime) -> Handled:
        """Hold back an event that is late; it was perhaps held back for another reason when it was not."""
        why = self._why(event, camera, now) if camera else None
        return self.hold(event, camera, why or Held.TOO_LATE, now)

    def held(
        self, camera: CameraRules, events: Mapping[str, Event], begun: Collection[str], now: datetime
    ) -> dict[str, Handled]:
        """Those of `events` that are held back; `begun` were let through before, and are again. By their keys."""
        verdicts = {key: self._why(event, camera, now) for key, event in events.items() if key not in begun}
        held = {key: why for key, why in verdicts.items() if why is not None}
        left = {key: event for key, event in events.items() if key not in held}
        if left.keys() - begun and needs_state(camera):
            reserved = self._reserve(camera, left, now)
            held |= {key: why for key, why in reserved.held.items() if key not in begun}
            if reserved.capped is not None and held:
                capped = [severity_of(events[key], camera) for key, why in reserved.held.items() if why is Held.CAP]
                gravest = max(capped, key=lambda severity: severity.rank, default=Severity.WARNING)
                self._tell_of_cap(camera, reserved.capped, gravest)
        return {key: self.hold(events[key], camera, why, now) for key, why in held.items()}

    def undo(self, camera: CameraRules, keys: Sequence[str]) -> None:
        """The message about the events with these keys reached nobody."""
        if needs_state(camera):
            user = camera.camera.user
            self._tellings.change(user, lambda telling: (None, undo(telling, camera.camera, tuple(keys))))

    def hold(self, event: Event, camera: CameraRules | None, why: Held, now: datetime) -> Handled:
        """Hold the event back: it goes to the run's digest, and to the user's, if they want one."""
        severity = severity_of(event, camera) if camera else Severity.WARNING
        line = DigestLine.of(event, self._events.key(event), now, why, severity)
        if camera is not None and camera.digest_at is not None and event.ended_at >= now - _NEWS:
            self._digest(line, digest_day(now, camera))
        return Handled(f"digest:{why}", digest=line)

    def _digest(self, line: DigestLine, day: date) -> None:
        """Add the line to the user's digest of `day`, unless one of the days before has the event."""
        with self._lock:
            if line.user not in self._digested:
                self._digested[line.user] = self._digests.days_of(line.user, day)
        if self._digested[line.user].setdefault(line.event_id, day) == day:
            self._digests.put(line, day)

    def _why(self, event: Event, camera: CameraRules, now: datetime) -> Held | None:
        with self._lock:
            if event.user not in self._muted:
                self._muted[event.user] = self._mutes.of_user(event.user)
        mute = self._muted[event.user].get(event.camera)
        return held_back(event.ended_at, severity_of(event, camera), camera, mute, now, self._max_age)

    def _reserve(self, camera: CameraRules, events: Mapping[str, Event], now: datetime) -> Reserved:
        ended = {key: Ended(event.ended_at, severity_of(event, camera)) for key, event in events.items()}

        def work(telling: Telling) -> tuple[Reserved, Telling]:
            reserved = reserve(telling, camera, ended, now)
            return reserved, reserved.telling

        return self._tellings.change(camera.camera.user, work)

    def _tell_of_cap(self, camera: CameraRules, began: datetime, severity: Severity) -> None:
        """Tell the user once in a period that the rest is in the digest, where such alerts would have been told."""
        notice = cap_notice(camera, began)
        told = tell(self._courier, notice, addresses_for(camera, severity), began.date())
        if not told.is_dealt_with:  # the next event that is held back tries again
            log.warning("the message that a cap is reached could not be sent: %s", told.sentence or told.outcome)
