"""The events of every camera, the threats they are made of, and the transaction by which both change.

    events/YYYY/MM/DD/<user>-<device>/<event id>.json   Event; the day is that of its start when it was made
    threats/YYYY/MM/DD/HH/<user>-<device>/MM.json       ThreatMinute
    journals/<user>-<device>.json                       Journal

A transaction reads the journal, finishes what an interrupted one left, reads what it needs, and is committed by a
conditional write of the journal that holds all its writes. Then it makes these writes, each on condition that the
object has not changed since it was read, and clears the journal. So runs over one camera are serial; an interrupted
transaction is finished by the next one; and a write that comes too late changes nothing.
"""

import json
import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeVar

from nightjar.domain.events import Event, EventRef, Threat
from nightjar.domain.journal import Journal, Write
from nightjar.domain.layout import day_path
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.rules.file import LONGEST_GAP
from nightjar.errors import TryAgainError
from nightjar.runtime.manifests import reference
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectMissingError, ObjectStore
from nightjar.stores.camera_view import CameraView, read_event
from nightjar.stores.documents import parsed
from nightjar.stores.erasure import camera_folder, erase_versions, is_of
from nightjar.stores.event_keys import EVENTS, JOURNALS, THREATS, event_key, journal_key

log = logging.getLogger(__name__)

_READERS = 16
# Only runs over the same camera at the same time meet; one of those that meet always gets through.
_TRIES = 20
_LONGEST_PAUSE = 0.5  # seconds

T = TypeVar("T")


class Events:
    """Reads events; changes them in transactions, one for each camera. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def get(self, camera: Camera, ref: EventRef) -> Event | None:
        """The event as it is stored, in whatever state; None when there is none."""
        stored = read_event(self._store, event_key(camera, ref))
        return stored[0] if stored else None

    def current(self, camera: Camera, ref: EventRef | None) -> Event | None:
        """The event, or the one that absorbed it; None when it was withdrawn or is not stored."""
        seen = set[str]()
        while ref is not None and ref.id not in seen:
            seen.add(ref.id)
            event = self.get(camera, ref)
            if event is None or event.is_current:
                return event
            ref = event.absorbed_by
        return None

    def key(self, event: Event) -> str:
        """Where the event is."""
        return event_key(event.camera, event.ref)

    def named(self, beginning: str) -> list[Event]:
        """The events whose id begins so, by key. Every event is listed, and only these are read."""
        keys = sorted(
            info.key
            for info in self._store.list_objects(EVENTS)
            if beginning and info.key.rpartition("/")[2].startswith(beginning)
        )
        stored = in_parallel(partial(read_event, self._store), keys, _READERS)
        return [each[0] for each in stored if each]

    def of_camera(self, camera: Camera, day: date) -> list[Event]:
        """The events of a camera whose key names `day`, in whatever state, by key."""
        folder = f"{EVENTS}{day_path(day)}/{camera.name}/"
        keys = sorted(info.key for info in self._store.list_objects(folder))
        stored = in_parallel(partial(read_event, self._store), keys, _READERS)
        return [each[0] for each in stored if each]

    def keys_of_day(self, day: date) -> list[str]:
        """The keys of all events whose key names `day`, sorted; no event is read."""
        return sorted(info.key for info in self._store.list_objects(f"{EVENTS}{day_path(day)}/"))

    def of_day(self, day: date) -> Iterator[Event]:
        """Every event whose key names `day`, of all cameras, in whatever state, by key."""
        stored = in_parallel(partial(read_event, self._store), self.keys_of_day(day), _READERS)
        return (each[0] for each in stored if each)

    def among(self, refs: Iterable[ObjectRef]) -> list[Event]:
        """The events among the objects that a manifest names, as they are stored by now, in whatever state, by key."""
        keys = sorted(ref.key for ref in refs if ref.key.startswith(EVENTS))
        stored = in_parallel(partial(read_event, self._store), keys, _READERS)
        return [each[0] for each in stored if each]

    def pictures(self, event: Event, since: datetime | None = None) -> Iterator[Threat]:
        """The threats of an event, by time: all its pictures, however many there are, or those from `since` on.

        Read a minute at a time, as far as they are asked for. It ends with the first day without any, since the threats
        of an event are no further apart: the end of a damaged event may be years off, with an hour to list for each.
        """
        view = CameraView(self._store, event.camera, Journal(user=event.user, device=event.device, begun=date.min))
        is_home = {event.id: True}
        begin = max(event.started_at, since or event.started_at)
        while begin <= event.ended_at:
            end, number = begin + min(LONGEST_GAP, event.ended_at - begin), 0
            for threat in view.as_stored(event.rule_id, begin, end):
                if threat.event.id not in is_home:
                    home = self.current(event.camera, threat.event)
                    is_home[threat.event.id] = home is not None and home.id == event.id
                if is_home[threat.event.id]:
                    number += 1
                    yield threat
            if not number or end == event.ended_at:
                return
            begin = end + timedelta(microseconds=1)

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of a user's (or one camera's) events, threats and journals; how many those were."""
        journals = {journal_key(Camera(user, device))} if device else None
        return (
            erase_versions(self._store, EVENTS, lambda key: is_of(camera_folder(key), user, device))
            + erase_versions(self._store, THREATS, lambda key: is_of(camera_folder(key), user, device))
            + erase_versions(
                self._store,
                f"{JOURNALS}{user}-",
                lambda key: key in journals if journals else True,
            )
        )

    def change(self, camera: Camera, today: date, work: Callable[[CameraView], T]) -> tuple[T, list[ObjectRef]]:
        """Do `work` in a transaction; returns what it returns, and the objects that were written.

        `work` may be done several times, each time on a fresh view; what it puts into the view is written if and only
        if nobody else has changed the camera's events meanwhile. Raises TryAgainError when others always have.
        """
        for attempt in range(_TRIES):
            journal, etag = self._journal(camera, today)
            view = CameraView(self._store, camera, journal)
            result = work(view)
            writes = view.writes()
            if not writes:
                return result, []
            committed = journal.model_copy(
                update={
                    "number": view.number,
                    "pending": writes,
                    "adopted": view.adopted,
                    "by_topic": journal.by_topic or today,
                    "newest_look": view.newest_look,
                }
            )
            try:
                etag = self._write_journal(camera, committed, etag)
            except (ObjectChangedError, ObjectExistsError):
                log.info("another run changed the events first: judging again", extra={"camera": camera.name})
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.02 * 2**attempt)))  # noqa: S311 - no secret
                continue
            return result, self._finish(camera, committed, etag)
        raise TryAgainError(f"the events of {camera.name} were changed by other runs {_TRIES} times in a row")

    def _journal(self, camera: Camera, today: date) -> tuple[Journal, str | None]:
        """The journal with nothing pending, and its etag; None for a camera that has no journal yet."""
        key = journal_key(camera)
        for _ in range(_TRIES):
            try:
                data, info = self._store.get(key)
            except ObjectMissingError:
                return Journal(user=camera.user, device=camera.device, begun=today, by_topic=today), None
            journal = parsed(Journal, data, key)
            if not journal.pending:
                return journal, info.etag
            log.info("finishing the transaction that another run began", extra={"camera": camera.name})
            self._finish(camera, journal, info.etag)
        raise TryAgainError(f"other runs began a transaction over the events of {camera.name} {_TRIES} times in a row")

    def _write_journal(self, camera: Camera, journal: Journal, etag: str | None) -> str:
        data = journal.model_dump_json(by_alias=True).encode()
        key = journal_key(camera)
        return self._store.put(key, data, content_type="application/json", if_absent=etag is None, if_match=etag).etag

    def _finish(self, camera: Camera, journal: Journal, etag: str) -> list[ObjectRef]:
        """Make the pending writes and clear the journal; returns the objects that were written here."""
        written = [ref for ref in in_parallel(self._make, journal.pending, _READERS) if ref]
        try:
            self._write_journal(camera, journal.model_copy(update={"pending": ()}), etag)
        except ObjectChangedError:
            log.info("another run has cleared the journal", extra={"camera": camera.name})
        return written

    def _make(self, write: Write) -> ObjectRef | None:
        """Make one write; None when the object is another by now, because this very write was made before."""
        data = json.dumps(write.body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            info = self._store.put(
                write.key,
                data,
                content_type="application/json",
                if_absent=write.etag is None,
                if_match=write.etag,
            )
        except (ObjectChangedError, ObjectExistsError):
            return None
        return reference(info, data)
