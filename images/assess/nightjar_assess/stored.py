"""What is stored that bears on a batch: its detections, those close by in time, and the events they may belong to.

A camera's busy day holds thousands of small objects, and a run that follows the camera must not read them all: an
object that was written before a moment holds nothing that was taken after it, but for clocks that run ahead.
"""

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain

from pydantic import ValidationError

from nightjar.domain.detections import Detection
from nightjar.domain.events import Event
from nightjar.domain.layout import detections_prefix, events_prefix
from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.names import CLOCK_AHEAD, Camera
from nightjar.errors import InputError
from nightjar.runtime.manifests import read_lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectStore

log = logging.getLogger(__name__)

# When old footage comes late, its day may hold an object a run until history compacts it. Only what was written last
# matters: what is older has been assessed, and its threats are in the events.
_MOST_OBJECTS_A_DAY = 64
# How far back an event may have begun that a picture extends: one that never ends is cut about once a day.
_LONGEST_EVENT = timedelta(days=1)

Seen = dict[datetime, Detection]


@dataclass(frozen=True)
class StoredEvent:
    """An event and the object it is in."""

    key: str
    etag: str
    version_id: str
    event: Event


def batch_refs(reconcile: Manifest) -> list[ObjectRef]:
    """The objects of the detections store that a batch's detections are in."""
    return [ref for ref in reconcile.objects if ref.key.startswith("detections/") and ref.key.endswith(".jsonl")]


def by_camera(lines: Iterable[Detection], detector: str) -> dict[Camera, Seen]:
    """One detection a picture, by camera: this run's `detector` before others, then the last line given."""
    found: dict[Camera, Seen] = defaultdict(dict)
    for line in sorted(lines, key=lambda line: line.detector.tag == detector):
        found[line.picture.camera][line.picture.taken_at] = line
    return {camera: dict(sorted(found[camera].items())) for camera in sorted(found)}


def read_batch(store: ObjectStore, refs: Sequence[ObjectRef], threads: int) -> list[Detection]:
    """All detections of a batch, in the order of the objects' keys, so that the newest run's come last."""
    ordered = sorted(refs, key=lambda ref: (ref.key.rpartition("/")[2], ref.key, ref.version_id))
    lines = in_parallel(lambda ref: read_lines(store, ref.key, Detection, ref.version_id)[0], ordered, threads)
    return list(chain.from_iterable(lines))


class Nearby:
    """What is stored near one camera's batch. What has been read is not read again while its etag is the same."""

    def __init__(self, store: ObjectStore, detector: str, camera: Camera, gap: timedelta) -> None:
        self._store, self._detector, self._camera, self._gap = store, detector, camera, gap
        self._lines: dict[tuple[str, str], list[Detection]] = {}
        self._events: dict[tuple[str, str], StoredEvent] = {}

    def detections(self, moments: Sequence[datetime]) -> Seen:
        """What the detector saw within the gap of any of `moments` (sorted), from all runs; the newest counts."""
        found: Seen = {}
        for day in days_around(moments, self._gap):
            listed = self._store.list_objects(detections_prefix(self._detector, day, self._camera))
            near = (one for one in listed if _may_be_about(one, moments[0] - self._gap))
            objects = sorted(near, key=lambda one: (one.modified_at, one.key))
            for one in objects[-_MOST_OBJECTS_A_DAY:]:
                for line in self._read_lines(one):
                    if is_close(line.picture.taken_at, moments, self._gap):
                        found[line.picture.taken_at] = line
        return found

    def events(self, moments: Sequence[datetime]) -> tuple[list[StoredEvent], set[str]]:
        """The stored events that `moments` (sorted) fall into or follow within the gap, on either side.

        And the ids of all that may have begun about then: one that lost its first pictures may be far off by now.
        """
        days = set(days_around(moments, self._gap))
        begun = days | {day - _LONGEST_EVENT for day in days}
        found, ids = [], set[str]()
        for day in sorted(begun | {day + _LONGEST_EVENT for day in days}):
            for one in self._store.list_objects(events_prefix(day, self._camera)):
                ids.add(one.key.rpartition("/")[2].removesuffix(".json"))
                if day in begun and _may_be_about(one, moments[0] - self._gap):
                    stored = self._read_event(one)
                    if stored and _overlaps(stored.event, moments, self._gap):
                        found.append(stored)
        return found, ids

    def _read_lines(self, one: ObjectInfo) -> list[Detection]:
        """What is close by and cannot be read, or was compacted since it was listed, must not hold back this batch."""
        if (one.key, one.etag) not in self._lines:
            try:
                self._lines[one.key, one.etag] = read_lines(self._store, one.key, Detection)[0]
            except InputError as error:
                log.warning("detections close by are left out: %s", error)
                return []
        return self._lines[one.key, one.etag]

    def _read_event(self, one: ObjectInfo) -> StoredEvent | None:
        if (one.key, one.etag) not in self._events:
            try:
                data, info = self._store.get(one.key)
                event = Event.model_validate_json(data)
            except ObjectMissingError:
                return None  # withdrawn since it was listed
            except ValidationError as error:
                raise InputError(f"expected an event at {one.key!r}: {error}") from None
            self._events[one.key, info.etag] = StoredEvent(one.key, info.etag, info.version_id, event)
            return self._events[one.key, info.etag]
        return self._events[one.key, one.etag]


def _may_be_about(one: ObjectInfo, moment: datetime) -> bool:
    """Whether an object may be about what was taken at `moment` or later."""
    return one.modified_at + CLOCK_AHEAD >= moment


def days_around(moments: Sequence[datetime], gap: timedelta) -> list[date]:
    """The UTC days that hold `moments` (UTC) or anything within `gap` of one, sorted."""
    return sorted({(moment + shift).date() for moment in moments for shift in (-gap, timedelta(), gap)})


def is_close(moment: datetime, moments: Sequence[datetime], gap: timedelta) -> bool:
    """Whether `moment` is at most `gap` from one of `moments` (sorted)."""
    return _any_between(moments, moment - gap, moment + gap)


def _overlaps(event: Event, moments: Sequence[datetime], gap: timedelta) -> bool:
    return _any_between(moments, event.started_at - gap, event.ended_at + gap)


def _any_between(moments: Sequence[datetime], first: datetime, last: datetime) -> bool:
    place = bisect_left(moments, first)
    return place < len(moments) and moments[place] <= last
