"""The ledger: who was told of what.

    alerts/YYYY/MM/DD/<event id>.json            the alert of an event, by the day in the event's key
    alerts/notices/YYYY/MM/DD/<notice id>.json   what was told that is no event: equipment, digests, closings

A line is claimed by a conditional write before its message is sent, so that no two tasks send the same one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pydantic import ValidationError

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import Address, AlertState
from nightjar.domain.events import Event, EventRef
from nightjar.domain.layout import day_path, last_segment
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import InputError
from nightjar.runtime.manifests import reference
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectMissingError, ObjectStore
from nightjar.stores.erasure import erase_versions, is_of
from nightjar.stores.event_keys import EVENTS

ALERTS = "alerts/"
NOTICES = f"{ALERTS}notices/"

_READERS = 16
_EVENT_KEY = re.compile(rf"{EVENTS}([0-9]{{4}}/[0-9]{{2}}/[0-9]{{2}})/[^/]+/([^/]+)\.json")
_NOTICE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True)
class LedgerLine:
    """An alert as it is stored. `etag` is that of the version that was read or written.

    Deliveries that are told with another event are as the line of that event says (see `Delivery.as_told`); the line
    that is stored does not say so yet, unless `is_settled`.
    """

    alert: Alert
    key: str
    etag: str
    ref: ObjectRef
    is_settled: bool = True


def is_line(ref: ObjectRef) -> bool:
    """Whether a reference is one to a line of the ledger."""
    return ref.key.startswith(ALERTS)


class Ledger:
    """Claims, records and finds alerts. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def find(self, event: Event) -> LedgerLine | None:
        """The line about `event`: its own line, or the line of an event that it absorbed.

        If several exist, the one by which most were told comes first: people who were told about a part are not told
        again. Then a claim: somebody may be sending it just now. Raises InputError for an object that is no line.
        """
        best: LedgerLine | None = None
        for key in _keys(event):
            line = self._read(key)
            if line is not None and line.alert.is_done:
                return line
            if line is not None and (best is None or _rank(line) > _rank(best)):
                best = line
        return best

    def of_event_at(self, event_key: str) -> LedgerLine | None:
        """The own line of the event that is stored at `event_key`; None for a key that is no event's."""
        parts = _EVENT_KEY.fullmatch(event_key)
        return self._read(f"{ALERTS}{parts[1]}/{parts[2]}.json") if parts else None

    def find_notice(self, notice_id: str, day: date) -> LedgerLine | None:
        """The line about the notice, which is filed under `day`."""
        return self._read(self.notice_key(notice_id, day))

    def key(self, event: Event, over: LedgerLine | None) -> str:
        """Where the alert of `event` is claimed, as its first line or over the line `over`."""
        return over.key if over else _key(event.ref)

    def ref(self, key: str) -> EventRef:
        """The id and the day in the key of a line: how deliveries of other lines refer to it."""
        year, month, day = key.split("/")[-4:-1]
        return EventRef(id=last_segment(key).removesuffix(".json"), day=date(int(year), int(month), int(day)))

    def notice_key(self, notice_id: str, day: date) -> str:
        """Where the line about a notice is; raises ValueError for an id that cannot be part of a key."""
        if not _NOTICE_ID.fullmatch(notice_id):
            raise ValueError(f"expected the id of a notice, 1 to 200 of A-Z a-z 0-9 _ . -, got {notice_id!r}")
        return f"{NOTICES}{day_path(day)}/{notice_id}.json"

    def claim(self, event: Event, alert: Alert, over: LedgerLine | None) -> LedgerLine | None:
        """Claim the alert of `event`, as its first line or over the line `over`; None if another task was quicker."""
        return self.claim_at(self.key(event, over), alert, over)

    def claim_at(self, key: str, alert: Alert, over: LedgerLine | None) -> LedgerLine | None:
        """Claim the line at `key`, as the first one there or over the line `over`; None if another task was quicker."""
        try:
            return self._write(key, alert, over.etag if over else None)
        except (ObjectExistsError, ObjectChangedError):
            return None

    def release(self, claimed: LedgerLine, before: LedgerLine | None) -> None:
        """Take a claim back: the line is as it was before. Nothing happens if another task took the claim over."""
        if before is not None:
            try:
                self._write(before.key, before.alert, claimed.etag)
            except ObjectChangedError:
                return
        elif (now := self._store.head(claimed.key)) and now.etag == claimed.etag:
            self._store.delete(claimed.key)

    def record(self, line: LedgerLine, alert: Alert) -> LedgerLine:
        """Write how far a claimed alert got; raises ObjectChangedError if another task took the claim over."""
        return self._write(line.key, alert, line.etag)

    def settle(self, line: LedgerLine) -> LedgerLine:
        """Write what became of an alert that was told with another one, if its task was killed before it could."""
        try:
            return line if line.is_settled else self._write(line.key, line.alert, line.etag)
        except ObjectChangedError:
            return self._read(line.key) or line

    def lines_of_day(self, day: date) -> Iterator[LedgerLine]:
        """Every line whose key names `day`, by key; raises InputError for an object that is no line."""
        keys = sorted(info.key for info in self._store.list_objects(_folder(day)))
        return (line for line in in_parallel(self._read, keys, _READERS) if line)

    def keys(self, first: date | None = None, last: date | None = None) -> list[str]:
        """The keys of all lines, or of those whose key names a day from `first` to `last` (both or none are given).

        Those of notices are among them.
        """
        if first is None or last is None:
            return sorted(info.key for info in self._store.list_objects(ALERTS))
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        folders = [*map(_folder, days), *(f"{NOTICES}{day_path(day)}/" for day in days)]
        return [key for folder in folders for key in sorted(i.key for i in self._store.list_objects(folder))]

    def read(self, key: str) -> LedgerLine | None:
        """The line at `key`; None when it is gone. Raises InputError for an object that is no line."""
        return self._read(key)

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of the lines about a user's (or one camera's) events; how many versions those were.

        A key does not say whose line it is, so every line is read. Raises InputError for an object that is no line.
        """
        newest = {version.key: version for version in self._store.list_versions(ALERTS) if not version.is_delete_marker}
        lines = in_parallel(lambda v: self._read(v.key, v.version_id), newest.values(), _READERS)
        keys = {line.key for line in lines if line and is_of(line.alert.camera, user, device)}
        return erase_versions(self._store, ALERTS, keys.__contains__)

    def _write(self, key: str, alert: Alert, etag: str | None) -> LedgerLine:
        data = alert.model_dump_json(indent=1, by_alias=True).encode() + b"\n"
        try:
            info = self._store.put(key, data, content_type="application/json", if_absent=etag is None, if_match=etag)
        except (ObjectExistsError, ObjectChangedError):
            # The client repeats a write whose answer was lost, and is refused because the first try was stored.
            stored = self._read_as_stored(key)
            if stored is None or stored.alert != alert:
                raise
            return stored
        return LedgerLine(alert, key, info.etag, reference(info, data))

    def _read(self, key: str, version_id: str | None = None) -> LedgerLine | None:
        line = self._read_as_stored(key, version_id)
        if line is None:
            return None
        told_with = {d.told_with for d in line.alert.deliveries if d.told_with and d.state == AlertState.CLAIMED}
        if not told_with:
            return line
        # At the most a few: events are told together with one, unless some recipients were told of it before.
        first = {ref: self._read_as_stored(_key(ref)) for ref in told_with}
        event_id = line.alert.event_id
        deliveries = [
            d.as_told(event_id, other.alert.deliveries if d.told_with and (other := first.get(d.told_with)) else None)
            for d in line.alert.deliveries
        ]
        own = {d.address for d in deliveries if d.told_with and d.state != AlertState.CLAIMED}
        calls = [
            call
            for other in first.values()
            for call in (other.alert.calls if other else ())
            if Address(call.channel, call.recipient) in own and call not in line.alert.calls
        ]
        alert = line.alert.delivering(deliveries, calls=(*line.alert.calls, *calls))
        return replace(line, alert=alert, is_settled=False)

    def _read_as_stored(self, key: str, version_id: str | None = None) -> LedgerLine | None:
        try:
            data, info = self._store.get(key, version_id)
            return LedgerLine(Alert.model_validate_json(data), key, info.etag, reference(info, data))
        except ObjectMissingError:
            return None
        except ValidationError as error:
            raise InputError(f"expected a ledger line at {key!r}: {error}") from None


def _rank(line: LedgerLine) -> int:
    alert = line.alert
    return 2 if alert.anybody_told else int(alert.is_claimed)


def _folder(day: date) -> str:
    return f"{ALERTS}{day_path(day)}/"


def _key(ref: EventRef) -> str:
    return f"{_folder(ref.day)}{ref.id}.json"


def _keys(event: Event) -> Iterable[str]:
    """Where a line about `event` may be: its own places first, then those of the events that it absorbed."""
    refs = (event.ref, *event.absorbed)
    earlier = _days_of_0_1(event)
    return dict.fromkeys(_key(EventRef(id=ref.id, day=day)) for ref in refs for day in (ref.day, *earlier))


def _days_of_0_1(event: Event) -> list[date]:
    """More days by which a line may be filed: release 0.1 took the day on which the event began when it was alerted."""
    if event.made:
        return []
    first, last = event.started_at.date() - timedelta(days=1), event.ended_at.date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
