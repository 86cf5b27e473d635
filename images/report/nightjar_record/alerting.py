"""Reads the events that a run touched, as they are stored by now, and the alerts about them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from nightjar.domain.events import Event, EventRef
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import Camera
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.events import Events
from nightjar.stores.ledger import Ledger, LedgerLine

_READERS = 16


def touched_events(store: ObjectStore, lines: Iterable[Event], written: Iterable[ObjectRef]) -> list[Event]:
    """The events that a run touched, as they are stored by now, in whatever state, by id.

    `lines` are the events that its pictures belonged to, `written` the objects that its assess wrote, among them events
    that it withdrew. Events that these absorbed, or were absorbed by, come along: the part of an earlier run has them
    as they were before.
    """
    events = Events(store)
    touched = {event.id: event for event in events.among(written)}
    touched |= _read(events, {line.id: (line.camera, line.ref) for line in lines}, touched)
    touched |= _read(events, {ref.id: (e.camera, ref) for e in touched.values() for ref in e.absorbed}, touched)
    while heirs := _read(
        events, {e.absorbed_by.id: (e.camera, e.absorbed_by) for e in touched.values() if e.absorbed_by}, touched
    ):
        touched |= heirs
    return [touched[identity] for identity in sorted(touched)]


def alerts_about(store: ObjectStore, events: Sequence[Event]) -> list[tuple[date, LedgerLine]]:
    """The ledger's lines about `events`, each with the day of the event that it names; not every event has a line."""
    lines = in_parallel(Ledger(store).find, events, _READERS)
    by_id = {line.alert.event_id: (_day(event, line), line) for event, line in zip(events, lines, strict=True) if line}
    return [by_id[identity] for identity in sorted(by_id)]


def _day(event: Event, line: LedgerLine) -> date:
    """The line is about `event`, or about an event that it absorbed."""
    return next((ref.day for ref in event.absorbed if ref.id == line.alert.event_id), event.day)


def _read(events: Events, wanted: Mapping[str, tuple[Camera, EventRef]], known: Collection[str]) -> dict[str, Event]:
    """The events in `wanted`, by id, as far as they are stored and not `known`."""
    missing = [wanted[identity] for identity in sorted(wanted) if identity not in known]
    read = in_parallel(lambda place: events.get(*place), missing, _READERS)
    return {event.id: event for event in read if event}
