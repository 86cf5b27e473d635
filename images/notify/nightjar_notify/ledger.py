"""The ledger: a line an event, claimed before its alert is sent, so that nobody else sends it too."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from nightjar.domain.alerts import Alert, AlertState
from nightjar.domain.events import Event
from nightjar.domain.layout import alert_key
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import InputError
from nightjar.runtime.manifests import reference
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectMissingError, ObjectStore

# How long another run's claim is taken for work in progress. Longer than a notify stage may wait for the mail API.
LEASE = timedelta(minutes=15)


@dataclass(frozen=True)
class Line:
    """A ledger line as it is stored."""

    alert: Alert
    key: str
    etag: str
    ref: ObjectRef

    @property
    def is_done(self) -> bool:
        """Whether the event has had its alert."""
        return self.alert.state in (AlertState.SENT, AlertState.OUTBOX)

    def is_held(self, run: str, now: datetime) -> bool:
        """Whether another run than `run` is sending it just now."""
        alert = self.alert
        return alert.state is AlertState.CLAIMED and alert.run != run and now < alert.claimed_at + LEASE

    @property
    def may_have_been_sent(self) -> bool:
        """Whether an attempt ended without knowing: the mail API never answered, or it was killed on the way."""
        return self.alert.possibly_repeated or self.alert.in_flight


def find(store: ObjectStore, event: Event) -> Line | None:
    """The ledger's line of `event`, wherever the event began when it was written."""
    day, last = event.started_at - timedelta(days=1), event.ended_at
    moments = [event.started_at]  # the usual place first
    while day.date() <= last.date():
        moments.append(day)
        day += timedelta(days=1)
    for key in dict.fromkeys(alert_key(moment, event.id) for moment in moments):
        if line := _read(store, key):
            return line
    return None


def claim(store: ObjectStore, alert: Alert, over: Line | None) -> Line | None:
    """Write the claim, as the first or over the line `over`; None when somebody else was quicker."""
    key = over.key if over else alert_key(alert.started_at, alert.event_id)
    try:
        return _write(store, key, alert, over.etag if over else None)
    except (ObjectExistsError, ObjectChangedError):
        return None


def record(store: ObjectStore, line: Line, alert: Alert) -> Line:
    """Write what became of a claimed alert; raises ObjectChangedError when another run took the claim over."""
    return _write(store, line.key, alert, line.etag)


def _write(store: ObjectStore, key: str, alert: Alert, etag: str | None) -> Line:
    data = alert.model_dump_json(indent=1).encode() + b"\n"
    try:
        info = store.put(key, data, content_type="application/json", if_absent=etag is None, if_match=etag)
    except (ObjectExistsError, ObjectChangedError):
        # A write whose answer was lost is tried again by the client, and then finds itself.
        there = _read(store, key)
        if there is None or there.alert != alert:
            raise
        return there
    return Line(alert, key, info.etag, reference(info, data))


def _read(store: ObjectStore, key: str) -> Line | None:
    try:
        data, info = store.get(key)
        return Line(Alert.model_validate_json(data), key, info.etag, reference(info, data))
    except ObjectMissingError:
        return None
    except ValidationError as error:
        raise InputError(f"expected a ledger line at {key!r}: {error}") from None
