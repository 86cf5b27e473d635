"""Decides which events of a camera are told now, has what happened at the same time told in one message."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import AlertState, waiting
from nightjar.domain.events import Event
from nightjar.domain.names import Camera
from nightjar.domain.notices import Notice
from nightjar.domain.rules import CameraRules, Rules
from nightjar.errors import TryAgainError
from nightjar.runtime.stage import StageContext, stop_if_asked
from nightjar.stores.digests import Closing, Closings
from nightjar.stores.events import Events
from nightjar.stores.ledger import LedgerLine
from nightjar_notify.addresses import addresses_for
from nightjar_notify.channels.protocol import Channels
from nightjar_notify.courier import Courier
from nightjar_notify.gatekeeper import Gatekeeper
from nightjar_notify.handled import Handled
from nightjar_notify.lines import Line, Sent, TakenError
from nightjar_notify.wording.actions import Links
from nightjar_notify.wording.alert import alert_notice, in_order, severity_of

log = logging.getLogger(__name__)

_TRIES = 20  # other tasks that tell of the same events at the same time; one of them always gets through


@dataclass(frozen=True)
class _Case:
    """Events that are to be told under one line of the ledger; nearly always one event."""

    line: Line
    events: tuple[Event, ...]


class Desk:
    """Handles the events of a shard, camera by camera. Safe to use from threads, for different cameras."""

    def __init__(
        self,
        context: StageContext,
        channels: Channels,
        rules: Rules,
        max_age: timedelta,
        links: Links | None = None,
    ) -> None:
        self._context, self._rules, self._links = context, rules, links
        self._courier = Courier(context, channels)
        self._ledger = self._courier.ledger
        self._events, self._closings = Events(context.store), Closings(context.store)
        self._gate = Gatekeeper(context, self._courier, max_age)

    def handle(self, camera: Camera, listed: Sequence[Event]) -> list[Handled]:
        """Give the `listed` events of `camera` their alert, or say why they get none; in their order.

        Events count as they are stored now: other runs may have extended them, made them part of another event (which
        is told instead) or withdrawn them.
        """
        stop_if_asked()
        for _ in range(_TRIES):
            try:
                handled = self._handle(camera, listed)
            except TakenError:
                continue
            for event, each in zip(listed, handled, strict=True):
                if not each.is_traced:
                    _log(event, each)
            return handled
        raise TryAgainError(f"other tasks told of the events of {camera.name} {_TRIES} times in a row")

    def _handle(self, camera: Camera, listed: Sequence[Event]) -> list[Handled]:
        rules, now = self._rules.device(camera), self._context.clock()
        handled: dict[str, Handled] = {}  # by the id of the listed event
        origins: dict[str, str] = {}  # the listed event that led to an event, by the id of that
        cases: dict[str, _Case] = {}
        for each in listed:
            event = self._events.current(camera, each.ref)
            if event is None or event.id in origins:
                handled[each.id] = Handled("same-event" if event else "superseded")
                continue
            origins[event.id] = each.id
            found = self._find(event, rules, now)
            if isinstance(found, Handled):
                handled[each.id] = found
            elif found.line.key in cases:  # parts of an event that release 0.2 had begun to alert as one
                handled[each.id] = Handled("same-event")
                before = cases[found.line.key]
                cases[found.line.key] = replace(before, events=(*before.events, *found.events))
            else:
                cases[found.line.key] = found
        if rules is not None:
            for together in _at_the_same_time(cases.values(), self._rules.event_gap):
                told = self._tell(rules, together, now)
                handled |= {origins[identity]: each for identity, each in told.items()}
        return [handled[each.id] for each in listed]

    def _find(self, event: Event, camera: CameraRules | None, now: datetime) -> "Handled | _Case":
        """The case to tell; or how the event is handled, if nobody is to be told."""
        before = self._ledger.find(event)
        if before and before.alert.is_done:
            return self._already(event, camera, before)
        if self._gate.is_late(event, now):
            if before and before.alert.anybody_told:  # who was not told by now is not told any more
                return self._already(event, camera, before)
            return self._gate.hold_late(event, camera, now)
        if before and before.alert.is_held(self._context.output_prefix, self._context.run, now):
            return Handled("held")
        if camera is None:
            sentence = f"event {event.id}: {event.camera.name} is no longer in the rules"
            return Handled("failed:unknown-camera", warnings=(sentence,))
        wanted = addresses_for(camera, severity_of(event, camera))
        left = waiting(before.alert.each_delivery if before else (), wanted)
        if before and not left:  # those who have not been told are no longer among the recipients
            return self._already(event, camera, before)
        if not left:
            return Handled("no-channel")
        key = self._ledger.key(event, before)
        return _Case(Line(key, self._ledger.ref(key), self._blank(event, camera), before, left), (event,))

    def _already(self, event: Event, camera: CameraRules | None, line: LedgerLine) -> Handled:
        line = self._ledger.settle(line)
        told_until = line.alert.told_until
        if camera and camera.closing and told_until and event.ended_at > told_until and line.alert.anybody_told:
            self._closings.put(
                Closing(
                    event=event.ref,
                    user=event.user,
                    device=event.device,
                    told_until=told_until,
                    ended_at=event.ended_at,
                )
            )
        return Handled("already", objects=(line.ref,))

    def _blank(self, event: Event, camera: CameraRules) -> Alert:
        return Alert(
            event_id=event.id,
            event_key=self._events.key(event),
            user=event.user,
            device=event.device,
            rule_id=event.rule_id,
            started_at=event.started_at,
            state=AlertState.CLAIMED,
            channel="",
            recipient="",
            subject="",
            possibly_repeated=False,
            run=self._context.run,
            claimed_at=self._context.clock(),
            severity=severity_of(event, camera),
            told_until=event.ended_at,
        )

    def _tell(self, camera: CameraRules, cases: Sequence[_Case], now: datetime) -> dict[str, Handled]:
        """Tell of the cases, as far as the user may be disturbed; how each of their events was handled."""
        # Events that were claimed, or told to somebody, were let through before.
        begun = {c.line.id for c in cases if (b := c.line.before) and (b.alert.is_claimed or b.alert.anybody_told)}
        events = {case.line.id: case.events[0] for case in cases}
        held = self._gate.held(camera, events, begun, now)
        admitted = {case.line.id: case for case in cases if case.line.id not in held}
        told: dict[str, Handled] = {events[identity].id: each for identity, each in held.items()}
        if not admitted:
            return told
        order = in_order([case.events[0] for case in admitted.values()], camera)
        place = {event.id: number for number, event in enumerate(order)}
        lines = sorted((case.line for case in admitted.values()), key=lambda line: place[events[line.id].id])

        def notice_of(lines: Sequence[Line]) -> Notice:
            about = [event for line in lines for event in admitted[line.id].events]
            return alert_notice(in_order(about, camera), camera, self._links, now, self._rules.event_gap)

        sent = self._courier.send(lines, notice_of, lambda line: self._are_still(admitted[line.id].events))
        if not any(each.later or each.reached for each in sent.values()):
            self._gate.undo(camera, sorted(sent))
        return told | {events[identity].id: _outcome(events[identity], each) for identity, each in sent.items()}

    def _are_still(self, events: Sequence[Event]) -> bool:
        now = [self._events.current(event.camera, event.ref) for event in events]
        return [event and event.id for event in now] == [event.id for event in events]


def _at_the_same_time(cases: Iterable[_Case], gap: timedelta) -> Iterator[list[_Case]]:
    """The cases by time, those together whose events follow each other within `gap`: they are told in one message."""
    group: list[_Case] = []
    end: datetime | None = None
    for case in sorted(cases, key=lambda each: (_span(each), each.line.id)):
        start, until = _span(case)
        if group and end is not None and start - end > gap:
            yield group
            group = []
        group.append(case)
        end = max(until, end) if end else until
    if group:
        yield group


def _span(case: _Case) -> tuple[datetime, datetime]:
    return min(event.started_at for event in case.events), max(event.ended_at for event in case.events)


def _outcome(event: Event, sent: Sent) -> Handled:
    warnings = [f"event {event.id}: {each}" for each in (*sent.warnings, *([] if sent.refused else sent.failed))]
    common = Handled(warnings=tuple(warnings), is_traced=sent.is_tried)
    if sent.refused:
        return replace(common, refused=sent.refused)
    if sent.later:
        return replace(common, later=f"event {event.id}: {sent.later}")
    if sent.line is None:
        return replace(common, outcome="held")
    objects = (sent.line.ref, *sent.written)
    if not sent.reached:
        return replace(common, outcome="failed:refused" if sent.failed else "held", objects=objects)
    repeated = any(each.possibly_repeated for each in sent.line.alert.deliveries)
    return replace(common, outcome=f"alerted:{sent.line.alert.state}", objects=objects, repeated=repeated)


def _log(event: Event, handled: Handled) -> None:
    why = handled.outcome or handled.later
    extra = {"event": event.id, "camera": event.camera.name, "outcome": handled.outcome}
    log.info("no alert now: event %s, camera %s, %s", event.id, event.camera.name, why, extra=extra)
